# SPDX-License-Identifier: Apache-2.0
"""What the EM bundles do to every image and label before the network sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import CopyItemsd, LoadImaged, MapTransform, SelectItemsd

from monai_boundary._validation import check_choice, check_spatial_dims
from monai_boundary.data import EMReader
from monai_boundary.transforms import (
    CleanMembraneLabeld,
    InstancesToMembraned,
    RegionTargetsd,
    RelabelRegionsd,
    SignedDistanceMapd,
)


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
    where = _file_of(image)
    raise ValueError(
        f"`{key}` needs finite values, got NaN or infinity in {int(bad.sum())} voxels of {where}: section (voxels) "
        f"{sections}."
    )


def _file_of(image: object) -> str:
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


class _CleanItem:
    """Make a membrane label 0 and 1 with the polarity that the datalist decided; an error names the file."""

    def __init__(self, key: str, section_axis: int | None) -> None:
        self.key = key
        self.section_axis = section_axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        polarity = str(data.get(f"{self.key}_polarity", "auto"))
        clean = CleanMembraneLabeld(self.key, polarity=polarity, section_axis=self.section_axis)
        try:
            return dict(clean(data))
        except ValueError as error:
            raise ValueError(f"{error} The label is {_file_of(data[self.key])}.") from error


REGION_KEYS = ("regions_label", "seeds_label", "cells_label")


def em_transforms(
    label_kind: str | None,
    spatial_dims: int,
    membrane_thickness: float = 1.0,
    *,
    targets: Collection[str] | None = None,
    spacing: Sequence[float] | None = None,
) -> list[Callable[..., Any]]:
    """Return the deterministic transforms of the EM bundles, to be cached.

    Of a membrane label the item's ``label_polarity`` says what the greater value is, as
    :func:`~monai_boundary.data.em_datalist` decided; without it the label itself decides.

    They give ``image`` (normalised section by section), and, with labels, ``label`` (membrane = 1),
    ``regions_label``, ``seeds_label``, ``cells_label``, and ``label_instances``, the truth of the metrics: in 2-D the
    regions, in 3-D the ids of the file (the regions, if the label is a membrane). Of a training, which needs no truth
    for metrics, only what its loss takes is made.

    Args:
        label_kind: ``"membrane"``, ``"instances"``, or ``None`` for images without label.
        spatial_dims: 2 or 3.
        membrane_thickness: thickness in voxels of the membrane drawn between touching ids.
        targets: keys beside image and label that a training needs: any of ``regions_label``, ``seeds_label``,
            ``cells_label`` and ``sdm_label``, the signed distance to the membrane in the unit of the spacing (nm).
            None makes all but the last, and ``label_instances``.
        spacing: nanometres per voxel (z, y, x), instead of what the files state.
    """
    check_choice("label_kind", label_kind, ("membrane", "instances", None))
    check_spatial_dims("spatial_dims", spatial_dims)

    def load(key: str, dtype: type, labels: bool = False) -> LoadImaged:
        return LoadImaged(key, EMReader, dtype=dtype, ensure_channel_first=True, spacing=spacing, labels=labels)

    steps: list[Callable[..., Any]] = [load("image", np.float32), NormalizeSectionsd("image")]
    scored, wanted = targets is None, set(REGION_KEYS if targets is None else targets)
    if label_kind == "membrane":
        # floats: a mask may be antialiased between 0 and 1; sections of a stack may have different ranges
        steps += [load("label", np.float32), _CleanItem("label", None if spatial_dims == 2 else 0)]
    elif label_kind == "instances":
        steps += [load("label_instances", np.int32, labels=True)]
        if spatial_dims == 2:  # a section cannot know that two profiles are one cell
            steps += [RelabelRegionsd("label_instances", split=True)]
        steps += [InstancesToMembraned("label_instances", output_keys="label", thickness=membrane_thickness)]
    else:
        return steps
    if wanted & set(REGION_KEYS):
        steps += [RegionTargetsd("label")]
    if scored and label_kind == "membrane":
        steps += [CopyItemsd("regions_label", names="label_instances")]
    if "sdm_label" in wanted:
        steps += [SignedDistanceMapd("label", dtype="float32")]
    return steps if scored else [*steps, SelectItemsd(["image", "label", *wanted])]
