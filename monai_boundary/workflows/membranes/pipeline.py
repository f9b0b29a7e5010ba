# SPDX-License-Identifier: Apache-2.0
"""What the EM bundles do to every image and label before the network sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.transforms import CopyItemsd, LoadImaged, SelectItemsd, Transform

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice, check_spatial_dims
from monai_boundary.data import EMReader
from monai_boundary.transforms import (
    CleanMembraneLabeld,
    InstancesToMembraned,
    RegionTargetsd,
    RelabelRegionsd,
    SignedDistanceMapd,
)
from monai_boundary.workflows.membranes.normalize import NormalizeSectionsd, file_of

_ROUNDED = 0.01  # of a voxel: files state few digits


class _GreyReader(EMReader):
    """Read an image: greys of 32 or 64 bits, which a reader takes for ids and would number anew, stay what they are."""

    def _for_torch(self, values: AnyArray) -> AnyArray:
        wide = values.dtype.kind in "ui" and values.dtype.itemsize > 2
        return super()._for_torch(values.astype(np.float32) if wide else values)


class _CleanItem(Transform):  # MONAI's caches end at a step that is no `Transform`
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
            raise ValueError(f"{error} The label is {file_of(data[self.key])}.") from error


class _ImageSpacing(Transform):
    """Give a label whose file states no spacing that of the image, whose voxels are the same; refuse another one."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image, label = data["image"], data[self.key]
        units = (image.meta["units"], label.meta["units"])
        if units == ("nm", "nm") and not np.allclose(image.meta["spacing"], label.meta["spacing"], rtol=_ROUNDED):
            raise ValueError(
                f"`spacing` needs to be said (--spacing, nm, [z, y, x]): {file_of(data['image'])} states "
                f"{list(image.meta['spacing'])}, and its label {file_of(label)} {list(label.meta['spacing'])}."
            )
        if units == ("nm", "voxel"):
            label.affine = image.affine.clone()
            label.meta.update({name: image.meta[name] for name in ("spacing", "offset", "units")})
        return dict(data)


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

    A label whose file states no spacing has that of its image; one that states another is refused when it is read,
    unless ``spacing`` is given.

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
        reader = EMReader if key != "image" else _GreyReader
        return LoadImaged(key, reader, dtype=dtype, ensure_channel_first=True, spacing=spacing, labels=labels)

    steps: list[Callable[..., Any]] = [load("image", np.float32), NormalizeSectionsd("image")]
    scored, wanted = targets is None, set(REGION_KEYS if targets is None else targets)
    if label_kind == "membrane":
        # floats: a mask may be antialiased between 0 and 1; sections of a stack may have different ranges
        steps += [load("label", np.float32), _CleanItem("label", None if spatial_dims == 2 else 0)]
        steps += [_ImageSpacing("label")]
    elif label_kind == "instances":
        steps += [load("label_instances", np.int32, labels=True), _ImageSpacing("label_instances")]
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
