# SPDX-License-Identifier: Apache-2.0
"""What the lesion bundles do to every patient: one grid, one orientation, targets on the whole volume, then crops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import (
    ClassesToIndicesd,
    ConcatItemsd,
    EnsureTyped,
    MapTransform,
    Orientationd,
    RandCropByLabelClassesd,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    ResampleToMatch,
    ScaleIntensityRangePercentilesd,
    SelectItemsd,
    SpatialPadd,
    SqueezeDimd,
)

from monai_boundary._validation import check_choice, check_spatial_dims
from monai_boundary.metrics.lesion_masks import lesion_masks
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.transforms import SignedDistanceMapd
from monai_boundary.workflows.volumes.place import (
    NATIVE_KEYS,
    at_place_of,
    check_volume,
    crop_ratios,
    load_volumes,
    native_place,
)

SLICE_AXIS = 2  # of a volume in RAS orientation: the slices are axial
TRAINING_KEYS = ("image", "label", "label_counted", "sdm_label")
_INDICES = "label_cls_indices"
_MAX_INDICES = 20000  # of voxels to centre a crop on, per class and patient


class LesionGridd(MapTransform):
    """Check a patient's volumes, and bring the images to the grid of one of them. The label is never resampled.

    Modalities of one patient may differ in size, voxels, angle and orientation; their headers say where they lie. Those
    on the reference's grid to a tenth of a voxel (``SAME_GRID_VOXELS`` of ``ops.grid``) stay as they are. Adds
    ``native_affine`` and ``native_header``, those of the reference as it was read, for
    :class:`~monai_boundary.workflows.SaveLesionsd`.

    Args:
        keys: images, as loaded, (1, x, y, z).
        reference: whose grid is taken: a key, or ``"label"``; the first key if not given, or if there is no label.
        label_key: the label, which has to lie on the reference's grid. Not looked at where the data lacks it.

    Raises:
        ValueError: when called, with the patient's name: if a volume is not 3-D with one channel, holds NaN or infinity
            or has a singular affine; if the label lies on another grid than the reference, with how far; or if an image
            does not overlap the reference.

    Example:
        >>> from monai.data import MetaTensor
        >>> coarse = MetaTensor(torch.ones(1, 4, 4, 4), affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))
        >>> data = {"dwi": MetaTensor(torch.ones(1, 6, 6, 6), affine=torch.eye(4)), "flair": coarse}
        >>> LesionGridd(["dwi", "flair"])(data)["flair"].shape
        torch.Size([1, 6, 6, 6])
    """

    def __init__(self, keys: Sequence[str], reference: str | None = None, label_key: str = "label") -> None:
        super().__init__(keys)
        check_choice("reference", reference, (None, label_key, *self.keys))
        self.reference = str(self.keys[0]) if reference is None else reference
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the images on one grid."""
        d = dict(data)
        try:
            present = [*self.keys, *([self.label_key] if self.label_key in d else [])]
            for key in present:
                check_volume(str(key), d[key], channels=1)
            reference = self.reference if self.reference in d else str(self.keys[0])
            target = d[reference]
            if self.label_key in present:
                d[self.label_key] = at_place_of(self.label_key, d[self.label_key], reference, target)
            for key in self.keys:
                d[key] = _on_grid(str(key), d[key], reference, target)
        except ValueError as error:
            raise ValueError(f"patient {d.get('case', 'without a name')}: {error}") from error
        return {**d, **native_place(target)}


class LesionTargetsd(MapTransform):
    """Make what loss and metrics need of a truth with ids: 1 is lesion, and ids that are not looked at.

    Adds ``label_ids`` (0, 1 = lesion, 2 = not scored), ``label_counted`` (0 where not scored) and ``spacing`` (mm, as a
    tensor that caches keep), and replaces the label by 0 and 1.

    Args:
        keys: the label, as loaded.
        ignore_key: entry with the ids that are neither lesion nor background, as the readers give it.

    Raises:
        ValueError: when called, if the label holds another id, or fractions.

    Example:
        >>> from monai.data import MetaTensor
        >>> item = {"label": MetaTensor(torch.tensor([[[[0.0, 1, 2]]]])), "ignore_labels": [2]}
        >>> out = LesionTargetsd()(item)
        >>> [out[key].flatten().tolist() for key in ("label", "label_ids", "label_counted")]
        [[0, 1, 0], [0, 1, 2], [1, 1, 0]]
    """

    def __init__(self, keys: str = "label", ignore_key: str = "ignore_labels") -> None:
        super().__init__(keys)
        self.ignore_key = ignore_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the targets added."""
        d = dict(data)
        for key in self.key_iterator(d):
            truth = d[key][0]
            ignored = [int(i) for i in d.get(self.ignore_key, ())]
            try:
                counted, lesion = lesion_masks(np.ones(truth.shape, bool), truth, ignore_labels=ignored)
            except ValueError as error:
                raise ValueError(f"`{key}` of patient {d.get('case', 'without a name')}: {error}") from error
            ids = np.where(counted, lesion, 2)
            for name, values in ((key, lesion), (f"{key}_ids", ids), (f"{key}_counted", counted)):
                d[name] = _like(d[key], values)
            d["spacing"] = torch.tensor(affine_spacing(d[key].affine, truth.ndim), dtype=torch.float64)
        return d


def lesion_transforms(
    modalities: Sequence[str],
    *,
    labels: bool = True,
    maps: bool = False,
    centres: bool | None = None,
    reference: str | None = None,
    percentiles: Sequence[float] = (0.1, 99.9),
    section_axis: int | None = None,
    map_dtype: str = "float16",
    **map_options: Any,
) -> list[Callable[..., Any]]:
    """Return the deterministic transforms of the lesion bundles, to be cached.

    They give ``image`` (a channel for each modality, 0..1, in RAS orientation), and with labels ``label`` (0/1),
    ``label_ids``, ``label_counted`` and ``spacing``, all as plain tensors; with maps also ``sdm_label``, the signed
    distance to the lesions' border in mm on the whole volume (other pathology, which is not scored, is on neither side
    and gets 0), and for a training the voxels to centre crops on.

    Args:
        modalities: keys of the images, in the order of the channels.
        labels: whether the items have a label. Without, ``image`` keeps its affine.
        maps: whether signed distance maps are wanted.
        centres: whether the voxels to centre crops on are wanted, for a training; None is as ``maps``.
        reference: see :class:`LesionGridd`.
        percentiles: grey values of each volume that become 0 and 1; beyond them is clipped. (0, 100) is the paper's
            scaling by minimum and maximum.
        section_axis: None for 3-D distances; 2 for the map of every axial slice by itself.
        map_dtype: how maps are stored, ``"float16"`` or ``"float32"``.
        map_options: further ones of `monai_boundary.transforms.SignedDistanceMap`, such as ``clip`` (mm).
    """
    keys = [*modalities, "label"] if labels else list(modalities)
    steps: list[Callable[..., Any]] = [
        load_volumes(keys),
        LesionGridd(modalities, reference),
        Orientationd(keys, axcodes="RAS", labels=None),
        ConcatItemsd(modalities, name="image"),
        ScaleIntensityRangePercentilesd(
            "image", percentiles[0], percentiles[1], 0.0, 1.0, clip=True, channel_wise=True
        ),
    ]
    if not labels:
        return [*steps, SelectItemsd(["image", "case", *NATIVE_KEYS])]
    kept = ["image", "label", "label_ids", "label_counted", "spacing", "case"]
    steps += [LesionTargetsd()]
    if maps:
        map_options = {"section_axis": section_axis, "dtype": map_dtype, **map_options}
        steps += [SignedDistanceMapd("label", image_key=None, known_key="label_counted", **map_options)]
        kept += ["sdm_label"]
    if maps if centres is None else centres:
        steps += [ClassesToIndicesd("label", num_classes=2, max_samples_per_class=_MAX_INDICES)]
        kept += [_INDICES]
    tensors = [key for key in kept if key not in ("spacing", "case", _INDICES)]
    return [*steps, SelectItemsd(kept), EnsureTyped(tensors, track_meta=False)]


def lesion_crops(
    patch_size: Sequence[int], crops: int, lesion_share: float = 0.5, *, maps: bool = True
) -> list[Callable[..., Any]]:
    """Return the random transforms: axial slices where the patch is 2-D, else 3-D patches; flips and intensities.

    A patch that is larger than the volume is padded: the image and the label with 0, voxels that then do not count in
    the loss, and the distance map with its edge.

    Args:
        patch_size: (x, y), or (x, y, z).
        crops: how many are drawn of a patient.
        lesion_share: share of them that is centred on a lesion voxel (0..1); the others on any background voxel.
        maps: whether there are signed distance maps.

    Raises:
        ValueError: if the patch is not 2-D or 3-D, or the share is not in 0..1.
    """
    check_spatial_dims("patch_size", len(patch_size))
    if not 0 <= lesion_share <= 1:
        raise ValueError(f"`lesion_share` needs 0..1, got {lesion_share!r}.")
    padded = [key for key in TRAINING_KEYS if key != "sdm_label"]
    keys = list(TRAINING_KEYS) if maps else padded
    flat = len(patch_size) == 2
    steps: list[Callable[..., Any]] = [
        SelectItemsd([*keys, _INDICES]),
        RandCropByLabelClassesd(
            keys,
            label_key="label",
            spatial_size=[*patch_size, 1] if flat else list(patch_size),
            ratios=crop_ratios(lesion_share),
            num_classes=2,
            num_samples=crops,
            indices_key=_INDICES,
            allow_smaller=True,
            warn=False,
        ),
        SelectItemsd(keys),
        EnsureTyped(keys, track_meta=False),
        *([EnsureTyped("sdm_label", dtype=torch.float32, track_meta=False)] if maps else []),
        *([SqueezeDimd(keys, dim=SLICE_AXIS + 1, update_meta=False)] if flat else []),
        SpatialPadd(padded, patch_size),
        *([SpatialPadd("sdm_label", patch_size, mode="edge")] if maps else []),
        RandFlipd(keys, prob=0.5, spatial_axis=0),
        RandScaleIntensityd("image", prob=0.5, factors=0.2),
        RandShiftIntensityd("image", prob=0.5, offsets=0.1),
        EnsureTyped(keys, track_meta=False),
    ]
    return steps


def _on_grid(name: str, image: Any, reference: str, target: Any) -> Any:
    try:
        return at_place_of(name, image, reference, target)
    except ValueError:
        moved = ResampleToMatch(mode="bilinear", padding_mode="zeros")(image, img_dst=target)
        if bool((image != 0).any()) and not bool((moved != 0).any()):
            raise ValueError(
                f"`{name}` needs to overlap `{reference}`, got images that show different places by their headers."
            ) from None
        return moved


def _like(template: Any, values: Any) -> Any:
    """A uint8 channel with the template's affine."""
    out = template.clone().to(torch.uint8)
    out[0] = torch.as_tensor(np.ascontiguousarray(values).astype(np.uint8))
    return out
