# SPDX-License-Identifier: Apache-2.0
"""What the tumour bundle does to every case: orientation, regions and edges on the whole volume, slices or patches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import (
    ClassesToIndicesd,
    CropForegroundd,
    EnsureTyped,
    MapTransform,
    NormalizeIntensityd,
    Orientationd,
    RandCropByLabelClassesd,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    ResizeWithPadOrCropd,
    ScaleIntensityRangePercentilesd,
    SelectItemsd,
    SpatialPadd,
)

from monai_boundary._validation import check_choice
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS
from monai_boundary.transforms import EdgeMaskd, SignedDistanceMapd, SlicesAroundd, TumourRegionsd
from monai_boundary.workflows.volumes.pipeline import not_zero
from monai_boundary.workflows.volumes.place import (
    NATIVE_KEYS,
    at_place_of,
    check_volume,
    crop_ratios,
    load_volumes,
    native_place,
)

INTENSITIES = ("normal", "unit")
SLICE_AXIS = 2  # of a volume in RAS orientation: the slices are axial
_WHERE = "where"  # voxels to centre crops on
_MAX_INDICES = 20000  # of them, per case


class TumourCased(MapTransform):
    """Check a case as it was loaded, and keep what its results need, ``native_affine`` and ``native_header``.

    Args:
        keys: the image, (C, x, y, z).
        label_key: the label, which has to lie on the image's grid. Not looked at where the data lacks it.

    Raises:
        ValueError: when called, with the case's name: if the image is no volume, holds NaN, infinity or only 0, has a
            singular affine, or the label lies on another grid, with how far.

    Example:
        >>> from monai.data import MetaTensor
        >>> data = {"image": MetaTensor(torch.ones(4, 3, 3, 3), affine=torch.eye(4)), "case": "BraTS2021_00006"}
        >>> TumourCased("image")(data)["native_affine"].shape
        torch.Size([4, 4])
    """

    def __init__(self, keys: str = "image", label_key: str = "label") -> None:
        super().__init__(keys)
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with both entries."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            try:
                check_volume(str(key), image)
                if not bool((image != 0).any()):
                    raise ValueError(f"`{key}` needs voxels that are not 0, got {tuple(image.shape)} of 0.")
                if self.label_key in d:
                    d[self.label_key] = at_place_of(self.label_key, d[self.label_key], str(key), image)
            except ValueError as error:
                raise ValueError(f"case {d.get('case', 'without a name')}: {error}") from error
            d |= native_place(image)
        return d


class TumourPlaced(MapTransform):
    """Add ``spacing`` (mm, as a tensor that caches keep) and ``where`` (0/1: any region).

    Args:
        keys: masks of the regions, with their affine.

    Example:
        >>> from monai.data import MetaTensor
        >>> masks = torch.tensor([[[[1.0, 0]]], [[[0.0, 0]]]])
        >>> label = MetaTensor(masks, affine=torch.diag(torch.tensor([1.0, 1, 3, 1])))
        >>> out = TumourPlaced("label")({"label": label})
        >>> out["spacing"].tolist(), out["where"].flatten().tolist()
        ([1.0, 1.0, 3.0], [1.0, 0.0])
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with both entries."""
        d = dict(data)
        for key in self.key_iterator(d):
            d["spacing"] = torch.tensor(affine_spacing(d[key].affine, d[key].ndim - 1), dtype=torch.float64)
            d[_WHERE] = d[key].amax(dim=0, keepdim=True)
        return d


def tumour_transforms(
    regions: Sequence[str] = TUMOUR_REGIONS,
    *,
    labels: bool = True,
    training: bool = False,
    intensities: str = "normal",
    et_label: int | None = None,
    edges: Mapping[str, Any] | None = None,
    maps: bool = False,
    slices: int = 0,
    slice_size: Sequence[int] | None = None,
    slice_step: int | None = None,
    label_map: str | None = None,
) -> list[Callable[..., Any]]:
    """Return the deterministic transforms of the tumour bundle, to be cached.

    They give ``image`` (a channel for each modality, in RAS orientation), and with labels ``label`` (uint8, a channel
    for each region) and ``spacing``; for the training also ``edge_label``, with maps ``sdm_label`` (mm), both made on
    the whole volume, and the voxels to centre crops on. Volumes of a training are cropped to the head.

    With ``slices`` they give a list: that many axial slices of each case around the tumour core (or whatever region
    there is), padded or cropped to one size, with edges found within each slice; the distance maps stay those in 3-D.

    Args:
        regions: channels of the label.
        labels: whether the items have a label. Without, ``image`` keeps its affine.
        training: whether the targets of the training are wanted.
        intensities: ``"normal"`` (mean 0, standard deviation 1 of the head, each modality) or ``"unit"`` (0..1 between
            the percentiles 0.1 and 99.9 of the volume; the paper scales to 0..1).
        et_label: see `monai_boundary.transforms.TumourRegions`.
        edges: options of `monai_boundary.transforms.EdgeMask`, such as ``{"thickness": 2.0, "unit": "mm"}``.
        maps: whether signed distance maps are wanted.
        slices: number of slices of each case; 0 is the volume.
        slice_size: (x, y) of a slice; as they come if not given.
        slice_step: slices from one to the next; None spreads them over the region.
        label_map: see `monai_boundary.transforms.TumourRegions`.

    Raises:
        ValueError: if ``intensities`` is another.
    """
    check_choice("intensities", intensities, INTENSITIES)
    keys = ["image", "label"] if labels else ["image"]
    scale = (
        NormalizeIntensityd("image", nonzero=True, channel_wise=True)
        if intensities == "normal"
        else ScaleIntensityRangePercentilesd("image", 0.1, 99.9, 0.0, 1.0, clip=True, channel_wise=True)
    )
    steps: list[Callable[..., Any]] = [
        load_volumes(keys),
        TumourCased("image"),
        Orientationd(keys, axcodes="RAS", labels=None),
        scale,
    ]
    if not labels:
        return [*steps, SelectItemsd(["image", "case", *NATIVE_KEYS])]
    steps += [TumourRegionsd("label", regions, et_label, label_map=label_map)]
    if training:
        flat = (
            {"section_axis": SLICE_AXIS} if slices else {}
        )  # or a face to the next slice would be an edge in this one
        steps += [EdgeMaskd("label", image_key=None, **{"classes": "any", "dtype": "uint8", **flat, **(edges or {})})]
        keys += ["edge_label"]
        if maps:
            steps += [SignedDistanceMapd("label", image_key=None, dtype="float16")]
            keys += ["sdm_label"]
    kept = [*keys, "spacing", "case"]
    if slices:
        channel = list(regions).index("tc") if "tc" in regions else None
        steps += [SlicesAroundd(keys, "label", count=slices, axis=SLICE_AXIS, step=slice_step, channel=channel)]
        steps += _padded(keys, slice_size) if slice_size is not None else []
        steps += [TumourPlaced("label")]
        kept += ["slice"]
    elif training:
        steps += [CropForegroundd(keys, source_key="image", select_fn=not_zero), TumourPlaced("label")]
        steps += [ClassesToIndicesd(_WHERE, num_classes=2, max_samples_per_class=_MAX_INDICES)]
        kept += [_WHERE, f"{_WHERE}_cls_indices"]
    else:
        steps += [TumourPlaced("label")]
    plain = EnsureTyped(keys, track_meta=False)
    return [*steps, SelectItemsd(kept), plain, EnsureTyped("label", dtype=torch.uint8, track_meta=False)]


def tumour_crops(
    patch_size: Sequence[int], crops: int, tumour_share: float = 0.7, *, maps: bool = False, flat: bool = False
) -> list[Callable[..., Any]]:
    """Return the random transforms: 3-D patches of a volume, then flips and intensities; of slices only the latter.

    Args:
        patch_size: (x, y, z), for volumes.
        crops: patches of each case.
        tumour_share: share of the patches that is centred on a tumour voxel (0..1).
        maps: whether there are signed distance maps.
        flat: the items are slices, which are not cropped.

    Raises:
        ValueError: if the share is not in 0..1.
    """
    if not 0 <= tumour_share <= 1:
        raise ValueError(f"`tumour_share` needs 0..1, got {tumour_share!r}.")
    keys = ["image", "label", "edge_label", *(["sdm_label"] if maps else [])]
    steps: list[Callable[..., Any]] = []
    if not flat:
        steps += [
            RandCropByLabelClassesd(
                keys,
                label_key=_WHERE,
                spatial_size=list(patch_size),
                ratios=crop_ratios(tumour_share),
                num_classes=2,
                num_samples=crops,
                indices_key=f"{_WHERE}_cls_indices",
                allow_smaller=True,
                warn=False,
            ),
            SelectItemsd(keys),
            *_padded(keys, patch_size, crop=False),
        ]
    steps += [RandFlipd(keys, prob=0.5, spatial_axis=axis) for axis in range(2 if flat else 3)]
    steps += [
        RandScaleIntensityd("image", prob=0.5, factors=0.1),
        RandShiftIntensityd("image", prob=0.5, offsets=0.1),
        SelectItemsd(keys),
        EnsureTyped(keys, track_meta=False),
        EnsureTyped([key for key in keys if key != "image"], dtype=torch.float32, track_meta=False),
    ]
    return steps


def _padded(keys: Sequence[str], size: Sequence[int], crop: bool = True) -> list[Callable[..., Any]]:
    """Bring images to a size: with 0 around them, but distance maps with their edge."""
    make = ResizeWithPadOrCropd if crop else SpatialPadd
    maps = [key for key in keys if key == "sdm_label"]
    steps: list[Callable[..., Any]] = [make([key for key in keys if key not in maps], size)]
    return [*steps, make(maps, size, mode="edge")] if maps else steps
