# SPDX-License-Identifier: Apache-2.0
"""What a volume bundle does to every case: one grid, one orientation, targets on the whole volume, then crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import (
    Activationsd,
    AsDiscreted,
    ClassesToIndicesd,
    CropForegroundd,
    EnsureTyped,
    Orientationd,
    ResizeWithPadOrCropd,
    SelectItemsd,
)

from monai_boundary._validation import check_spatial_dims
from monai_boundary.transforms import EdgeMaskd, SignedDistanceMapd, SlicesAroundd
from monai_boundary.workflows.volumes.labels import (
    FOREGROUND_KEY,
    AddForegroundd,
    AddSpacingd,
    TaskLabeld,
    TaskPredictiond,
)
from monai_boundary.workflows.volumes.load import LoadVolumed
from monai_boundary.workflows.volumes.normalise import NormaliseChannelsd
from monai_boundary.workflows.volumes.orientation import NativeOrientationd
from monai_boundary.workflows.volumes.patches import RandPatchesd, SliceLayoutd
from monai_boundary.workflows.volumes.place import crop_ratios
from monai_boundary.workflows.volumes.resample import GRID_KEY, NativeGridd, ResampleVolumed
from monai_boundary.workflows.volumes.task import VolumeTask

Steps = list[Callable[..., Any]]

_INDICES = f"{FOREGROUND_KEY}_cls_indices"
_MAX_INDICES = 20000  # of voxels to centre a crop on, foreground and background, per case
_MAP = "sdm_label"
_EDGE = "edge_label"


def not_zero(image: torch.Tensor) -> torch.Tensor:
    """Return where the image is not 0: the head of a skull-stripped one, also after its mean was taken off."""
    return image != 0


def volume_transforms(
    task: VolumeTask,
    *,
    labels: bool = True,
    training: bool = False,
    maps: bool = False,
    edges: Mapping[str, Any] | None = None,
    slices: int = 0,
    slice_size: Sequence[int] | None = None,
    slice_step: int | None = None,
    map_dtype: str = "float16",
    **map_options: Any,
) -> Steps:
    """Return the deterministic transforms of a task, to be cached.

    They take items with ``image`` (a file for each channel, or one with all) and ``label``, and give ``image``
    (channels, x, y, z), normalised, in the task's orientation; with labels also ``label`` (the index of the class, or
    a mask for each region), ``label_counted`` (0 where it does not count), ``label_ids`` (of classes: the scores'
    truth, one more than the last class where it does not count) and ``spacing`` (mm), all as plain tensors. A training
    gets the voxels to centre crops on, and with ``maps`` ``sdm_label``, with ``edges`` ``edge_label``, both made on the
    whole volume; voxels that do not count are on neither side of anything there.

    With a spacing the image is resampled to it, and in a training the label too. Otherwise the label stays on the
    image's own grid, where the scores are taken; `volume_postprocessing` brings the prediction back to it.

    With ``slices`` they give a list: that many slices of each case around the tumour core where it is a region, else
    around whatever there is, padded or cropped to one size. There, and in a task of slices, edges are found within each
    slice; distance maps stay those in 3-D.

    Args:
        task: channels, labels, grid and orientation.
        labels: whether the items have a label. Without, ``{"image": files}`` is enough; ``image`` keeps its affine and
            what is needed to be written, and whatever else an item holds stays as it is.
        training: whether crops will follow.
        maps: whether signed distance maps are wanted, in mm: a channel for each class with background or each region;
            one, of the class, where there are two classes.
        edges: options of `monai_boundary.transforms.EdgeMask` for edges of any class, such as ``{"thickness": 2.0,
            "unit": "mm"}``; None makes none.
        slices: number of slices of each case; 0 is the volume.
        slice_size: size of a slice; as they come if not given.
        slice_step: slices from one to the next; None spreads them over the region.
        map_dtype: how maps are stored, ``"float16"`` or ``"float32"``.
        map_options: further ones of `monai_boundary.transforms.SignedDistanceMap`: ``section_axis`` (maps of each slice
            by itself), ``convention``, ``clip`` (mm).

    Raises:
        ValueError: if the task's spacing is ``"median"``: `with_median_spacing` of the training's items finds it.
    """
    if isinstance(task.spacing, str):
        raise ValueError("`task` needs a spacing in mm or None, got 'median': with_median_spacing(task, items) has it.")
    keys = ["image", "label"] if labels else ["image"]
    steps: Steps = [
        LoadVolumed(tuple(task.channels), task.optional, task.reference),
        Orientationd(keys, axcodes=task.orientation, labels=None),
        *([] if task.spacing is None else [ResampleVolumed(task.spacing, label=training)]),
        NormaliseChannelsd(task),
    ]
    if not labels:
        return steps
    truths = ["label", "label_counted", *([] if task.is_regions else ["label_ids"])]
    sliced = slices > 0 or task.spatial_dims == 2
    made = _targets(task, maps, edges, sliced, {"dtype": map_dtype, **map_options}) if training else {}
    keys = ["image", *truths, *made]
    steps += [TaskLabeld(task), *made.values()]
    kept = [*keys, "spacing", "case", *([] if task.spacing is None or training else [GRID_KEY])]
    if slices:
        channel = task.names.index("tc") if "tc" in task.names and task.is_regions else None
        around: dict[str, Any] = {"count": slices, "axis": task.slice_axis, "step": slice_step, "channel": channel}
        steps += [SlicesAroundd(keys, "label", **around)]
        steps += _padded(keys, slice_size, ResizeWithPadOrCropd) if slice_size is not None else []
        kept += ["slice"]
    elif training:
        if task.crop_nonzero:
            steps += [CropForegroundd(keys, source_key="image", select_fn=not_zero)]
        steps += [
            AddForegroundd(),
            ClassesToIndicesd(FOREGROUND_KEY, num_classes=2, max_samples_per_class=_MAX_INDICES),
        ]
        kept += [_INDICES]
    steps += [AddSpacingd(), SelectItemsd(kept), EnsureTyped(keys, track_meta=False)]
    return (
        [*steps, SliceLayoutd(keys, task.slice_axis)] if training and task.spatial_dims == 2 and not slices else steps
    )


def volume_crops(
    task: VolumeTask,
    patch_size: Sequence[int],
    crops: int,
    *,
    maps: bool = False,
    edges: bool = False,
    sliced: bool = False,
) -> Steps:
    """Return the random transforms: slices where the patch is 2-D, else 3-D patches; then flips and intensities.

    A patch that is larger than the volume is padded: the image and the label with 0, and distance maps with their edge.
    ``label_counted`` is 0 there: for a loss that is given this mask the padding does not count, for others it is
    background.

    Args:
        task: for its share of foreground, flips and changes of intensity.
        patch_size: voxels, two or three sides; two are a slice across the task's ``slice_axis``.
        crops: how many are drawn of a case.
        maps: whether there are signed distance maps.
        edges: whether there are edges.
        sliced: the items are slices already, and are not cropped.

    Raises:
        ValueError: if the patch is not 2-D or 3-D.
    """
    keys = ["image", "label", "label_counted", *([_EDGE] if edges else []), *([_MAP] if maps else [])]
    if not sliced:
        check_spatial_dims("patch_size", len(patch_size))
    flat = sliced or len(patch_size) == 2
    flips = [axis - (flat and axis > task.slice_axis) for axis in task.flips if not (flat and axis == task.slice_axis)]
    floats = [key for key in (_MAP, _EDGE, *(["label"] if task.is_regions else [])) if key in keys]
    return [
        RandPatchesd(
            keys,
            None if sliced else patch_size,
            count=1 if sliced else crops,
            ratios=crop_ratios(task.foreground_share),
            indices_key=_INDICES,
            slice_axis=task.slice_axis,
            flips=flips,
            edge_keys=[_MAP],
            float_keys=["image", *floats],
            scale=task.intensity_scale,
            shift=task.intensity_shift,
        )
    ]


def volume_postprocessing(task: VolumeTask, save: bool = False, probability: bool = False) -> Steps:
    """Return what makes a segmentation on the image's own grid of a network's output.

    Args:
        task: classes or regions, and whether the network works on another grid.
        save: make ids as they stand in the task's label files, in the orientation of the image's file, for
            :class:`~monai_boundary.workflows.SaveVolumesd` and for programs that call the bundle; else class
            indices, or masks of the regions that these ids stand for, for the scores.
        probability: keep the probabilities too, under ``probability``.
    """
    steps: Steps = []
    if probability or task.is_regions or task.spacing is not None:
        steps += [Activationsd("pred", softmax=not task.is_regions, sigmoid=task.is_regions)]
    if task.spacing is not None:
        steps += [NativeGridd(["pred", "image"])]
    if probability:
        steps += [KeepProbabilityd()]
    if task.is_regions:
        steps += [AsDiscreted("pred", threshold=0.5)]
    else:
        steps += [AsDiscreted("pred", argmax=True)]
    steps += [TaskPredictiond("pred", task, regions=not save)]
    return [*steps, NativeOrientationd(["pred", "probability"], allow_missing_keys=True)] if save else steps


class KeepProbabilityd:
    """Copy ``pred`` to ``probability``.

    Example:
        >>> KeepProbabilityd()({"pred": 0.25})
        {'pred': 0.25, 'probability': 0.25}
    """

    def __call__(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the data with both."""
        pred = data["pred"]
        return {**data, "probability": pred.clone() if isinstance(pred, torch.Tensor) else pred}


def _targets(
    task: VolumeTask, maps: bool, edges: Mapping[str, Any] | None, sliced: bool, map_options: Mapping[str, Any]
) -> dict[str, Callable[..., Any]]:
    """What a loss takes beside the label: key -> the transform that makes it."""
    made: dict[str, Callable[..., Any]] = {}
    # an item may add ids that do not count; of a label map, all voxels do
    known: dict[str, Any] = {} if task.label_map is not None else {"known_key": "label_counted"}
    classes: dict[str, Any] = {} if task.is_regions else {"num_classes": task.out_channels}
    if edges is not None:
        # within each slice, or a face to the next slice would be an edge in this one
        options = {"classes": "any", "dtype": "uint8", **({"section_axis": task.slice_axis} if sliced else {}), **edges}
        made[_EDGE] = EdgeMaskd("label", output_keys=_EDGE, image_key=None, **options, **classes, **known)
    if maps:
        several = classes if task.out_channels > 2 else {}
        made[_MAP] = SignedDistanceMapd("label", image_key=None, **map_options, **several, **known)
    return made


def _padded(keys: Sequence[str], size: Sequence[int], make: Callable[..., Any]) -> Steps:
    """Bring images to a size: with 0 around them, but distance maps with their edge."""
    steps: Steps = [make([key for key in keys if key != _MAP], size)]
    return [*steps, make([_MAP], size, mode="edge")] if _MAP in keys else steps
