# SPDX-License-Identifier: Apache-2.0
"""Sections of one brightness and contrast."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform


class NormalizeSectionsd(MapTransform):
    """Give every section (the last two axes) mean 0 and standard deviation 1: brightness differs between sections.

    A section on its own, or in a stack of any height, comes out the same; a constant one becomes exactly 0.

    Args:
        keys: images, (C, H, W) or (C, D, H, W).
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: (on call) if an image holds NaN or infinity; the file, the sections and the count are named.

    Example:
        >>> NormalizeSectionsd("image")({"image": torch.tensor([[[0.0, 2.0]], [[5.0, 5.0]]])})["image"]
        tensor([[[-1.,  1.]],
        <BLANKLINE>
                [[ 0.,  0.]]])
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the images normalised."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = torch.as_tensor(d[key], dtype=torch.float32)
            _check_finite(key, image)
            d[key] = _normalised(image)
        return d


def _check_finite(key: Hashable, image: torch.Tensor) -> None:
    bad = ~torch.isfinite(image)
    if not bool(bad.any()):
        return
    counts = bad.sum(dim=(-2, -1)).reshape(-1)
    sections = ", ".join(f"{k} ({int(counts[k])})" for k in counts.nonzero().flatten()[:5].tolist())
    where = file_of(image)
    raise ValueError(
        f"`{key}` needs finite values, got NaN or infinity in {int(bad.sum())} voxels of {where}: section (voxels) "
        f"{sections}."
    )


def file_of(image: object) -> str:
    """Return the file that an image was read from, for messages."""
    return str(getattr(image, "meta", {}).get("filename_or_obj", "an image without a file"))


def _normalised(image: torch.Tensor) -> torch.Tensor:
    """Mean 0 and deviation 1 over the last two axes; in float64 where float32 has no number for the squares."""
    centred = image - image.mean(dim=(-2, -1), keepdim=True)
    deviation = centred.square().mean(dim=(-2, -1), keepdim=True).sqrt()
    # the mean of equal values rounds: what is constant is seen by its values
    constant = image.amax(dim=(-2, -1), keepdim=True) == image.amin(dim=(-2, -1), keepdim=True)
    if image.dtype == torch.float32 and not bool((constant | ((deviation > 0) & torch.isfinite(deviation))).all()):
        return _normalised(image.double()).to(image.dtype)
    return torch.where(constant, 0.0, centred / deviation)
