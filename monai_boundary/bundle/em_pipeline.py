# SPDX-License-Identifier: Apache-2.0
"""What the EM bundles do to every image and label before the network sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
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

    A section on its own, or in a stack of any height, comes out the same; a constant one becomes 0.

    Args:
        keys: images, (C, H, W) or (C, D, H, W).
        allow_missing_keys: do not raise for keys that the data lacks.

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
            centred = image - image.mean(dim=(-2, -1), keepdim=True)
            deviation = centred.square().mean(dim=(-2, -1), keepdim=True).sqrt()
            d[key] = torch.where(deviation > 0, centred / deviation, 0.0)
        return d


REGION_KEYS = ("label_regions", "label_seeds", "label_cells")


def em_transforms(
    label_kind: str | None,
    spatial_dims: int,
    membrane_thickness: float = 1.0,
    *,
    targets: Collection[str] | None = None,
) -> list[Callable[..., Any]]:
    """Return the deterministic transforms of the EM bundles, to be cached.

    They give ``image`` (normalised section by section), and, with labels, ``label`` (membrane = 1),
    ``label_regions``, ``label_seeds``, ``label_cells``, and ``label_instances``, the truth of the metrics: in 2-D the
    regions, in 3-D the ids of the file (the regions, if the label is a membrane). Of a training, which needs no truth
    for metrics, only what its loss takes is made.

    Args:
        label_kind: ``"membrane"``, ``"instances"``, or ``None`` for images without label.
        spatial_dims: 2 or 3.
        membrane_thickness: thickness in voxels of the membrane drawn between touching ids.
        targets: keys beside image and label that a training needs: any of ``label_regions``, ``label_seeds``,
            ``label_cells`` and ``label_sdm``, the signed distance to the membrane in the unit of the spacing (nm).
            None makes all but the last, and ``label_instances``.
    """
    check_choice("label_kind", label_kind, ("membrane", "instances", None))
    check_spatial_dims("spatial_dims", spatial_dims)

    def load(key: str, dtype: type) -> LoadImaged:
        return LoadImaged(key, reader=EMReader, dtype=dtype, ensure_channel_first=True)

    steps: list[Callable[..., Any]] = [load("image", np.float32), NormalizeSectionsd("image")]
    scored, wanted = targets is None, set(REGION_KEYS if targets is None else targets)
    if label_kind == "membrane":
        steps += [load("label", np.int32), CleanMembraneLabeld("label")]
    elif label_kind == "instances":
        steps += [load("label_instances", np.int32)]
        if spatial_dims == 2:  # a section cannot know that two profiles are one cell
            steps += [RelabelRegionsd("label_instances", split=True)]
        steps += [InstancesToMembraned("label_instances", output_keys="label", thickness=membrane_thickness)]
    else:
        return steps
    if wanted & set(REGION_KEYS):
        steps += [RegionTargetsd("label")]
    if scored and label_kind == "membrane":
        steps += [CopyItemsd("label_regions", names="label_instances")]
    if "label_sdm" in wanted:
        steps += [SignedDistanceMapd("label", dtype="float32")]
    return steps if scored else [*steps, SelectItemsd(["image", "label", *wanted])]
