# SPDX-License-Identifier: Apache-2.0
"""A segmentation task on volumes as a value: what goes in, what comes out, on which grid, and how it is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monai_boundary._validation import check_choice, check_spacing, check_spatial_dims
from monai_boundary.metrics.mask_score_names import STRUCTURE_SCORES, named_mask_scores
from monai_boundary.metrics.volume_scores import VolumeScoresMetric
from monai_boundary.ops.tumour_regions import TUMOUR_LABEL_MAPS, TUMOUR_REGIONS

NORMALISATIONS = ("zscore", "zscore_nonzero", "percentile", "ct", "unit")
BACKGROUND = "background"


@dataclass(frozen=True)
class VolumeTask:
    """What a data set of volumes asks of a network. All fields are plain values, as a YAML file holds them.

    **Labels** are exclusive classes, ``{"background": 0, "anterior": 1, "posterior": 2}``, of which the network
    predicts one for each voxel (softmax); or overlapping regions, ``{"whole": [1, 2, 3], "core": [2, 3]}``, each of
    which it predicts by itself (sigmoid). One list of ids makes regions of all. In a label of regions, id 0 is outside
    of all; further ids that are outside are given as ``{"background": [0, 4]}``.

    Args:
        channels: name of each image -> how it is normalised, in the order of the network's channels: ``"zscore"``
            (mean 0, standard deviation 1), ``"zscore_nonzero"`` (the same of the voxels that are not 0, which stay 0:
            skull-stripped heads), ``"percentile"`` (0..1 between ``percentiles``, clipped), ``"unit"`` (0..1 between
            minimum and maximum) or ``"ct"`` (clipped to ``ct_window``, then as ``"zscore"``).
        labels: name of each class -> its id, or of each region -> its ids; see above.
        optional: names of channels that a case may lack: they are then 0 everywhere.
        ignore_labels: ids whose voxels do not count, neither in a loss nor in a score. An item may add ids of its own
            under ``ignore_labels``.
        label_map: for regions of brain tumours (wt, tc, et): the year and cohort whose ids they have, in place of the
            ids of ``labels``: see `monai_boundary.ops.tumour_regions`; ``"auto"`` looks at each case.
        spacing: voxel sizes in mm, along the axes of ``orientation``, of the grid on which the network works; None is
            each image's own grid; ``"median"`` is that of the data (`median_spacing`). Scores and segmentations are on
            the image's own grid in any case.
        orientation: axes of the network's images, ``"RAS"``.
        reference: whose grid the other images of a case are brought to: a name of ``channels``, or ``"label"``; None is
            the first channel. The label has to lie on it.
        percentiles: of ``"percentile"``.
        ct_window: lowest and highest grey value of ``"ct"``.
        foreground_share: share of the training's crops that are centred on a voxel of any class or region (0..1).
        spatial_dims: 3, or 2 for a network that works slice by slice.
        slice_axis: axis across the slices: 2 are axial ones in ``"RAS"``.
        crop_nonzero: crop a training's volumes to where the normalised image is not 0: heads with
            ``"zscore_nonzero"``.
        flips: axes along which a training's crops are mirrored; empty where left and right are different classes.
        intensity_scale: a training's crops are multiplied by 1 plus or minus up to this.
        intensity_shift: and shifted by up to this.
        scores: which scores are reported of each class or region: see `monai_boundary.metrics.VolumeScoresMetric`.
        key_score: the one that selects the best epoch (larger is better).
        score_options: further arguments of that metric, such as ``{"both_empty": "perfect"}``.

    Raises:
        ValueError: if a field has a value that it may not have; the field is named.
        TypeError: if ids are no integers.

    Example:
        >>> task = VolumeTask(channels={"mri": "zscore"}, labels={"background": 0, "anterior": 1, "posterior": 2})
        >>> task.out_channels, task.structures
        (3, {'anterior': 1, 'posterior': 2})
        >>> VolumeTask(channels={"t1": "zscore"}, labels={"whole": [1, 2], "core": [2]}).structures
        ('whole', 'core')
    """

    channels: Mapping[str, str]
    labels: Mapping[str, int | Sequence[int]]
    optional: Sequence[str] = ()
    ignore_labels: Sequence[int] = ()
    label_map: str | None = None
    spacing: Sequence[float] | str | None = None
    orientation: str = "RAS"
    reference: str | None = None
    percentiles: Sequence[float] = (0.1, 99.9)
    ct_window: Sequence[float] | None = None
    foreground_share: float = 0.5
    spatial_dims: int = 3
    slice_axis: int = 2
    crop_nonzero: bool = False
    flips: Sequence[int] = (0,)
    intensity_scale: float = 0.1
    intensity_shift: float = 0.1
    scores: Sequence[str] = STRUCTURE_SCORES
    key_score: str = "dice"
    score_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("optional", "ignore_labels", "percentiles", "flips", "scores"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ValueError(f"`{name}` needs a list, got {value!r}.")
            object.__setattr__(self, name, tuple(value))
        _check_channels(self)
        object.__setattr__(self, "labels", _checked_labels(self.labels))
        _check_ids(self)
        _check_grid(self)
        _check_sampling(self)
        metric = self.metric()
        check_choice("key_score", self.key_score, metric.score_names)

    @property
    def is_regions(self) -> bool:
        """Whether the labels are overlapping regions, and not exclusive classes."""
        return any(not isinstance(value, int) for value in self.labels.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The network's output channels: the classes by ascending id, or the regions in their order."""
        if self.is_regions:
            return tuple(name for name in self.labels if name != BACKGROUND)
        return tuple(sorted(self.labels, key=lambda name: self.labels[name]))  # type: ignore[arg-type,return-value]

    @property
    def in_channels(self) -> int:
        """Number of the network's input channels."""
        return len(self.channels)

    @property
    def out_channels(self) -> int:
        """Number of the network's output channels: classes with the background, or regions."""
        return len(self.names)

    @property
    def structures(self) -> dict[str, int] | tuple[str, ...]:
        """What is scored and drawn: class -> index in the label, without background; or the regions' names."""
        if self.is_regions:
            return self.names
        return {name: index for index, name in enumerate(self.names) if index}

    @property
    def not_scored(self) -> int | None:
        """What ``label_ids`` holds where the label does not count; None for regions."""
        return None if self.is_regions else self.out_channels

    def ids(self, name: str) -> tuple[int, ...]:
        """Return the ids of a class or region."""
        value = self.labels[name]
        return (value,) if isinstance(value, int) else tuple(value)

    def metric(self, scores: Sequence[str] | None = None, **options: Any) -> VolumeScoresMetric:
        """Return the metric of the task's scores, with scores and options in place of the task's own.

        Args:
            scores: which; of the task's own the one that its key score is of stays.
            **options: further ones of :class:`~monai_boundary.metrics.VolumeScoresMetric`: ``spacing``, ``reduction``,
                ``missed_mm``, ``both_empty``, ``section_axis``, ``fully_connected``, ``f1_rule``, ``challenge``.
        """
        ignored = () if self.not_scored is None else (self.not_scored,)
        if scores is not None:
            key = [score.name for score in named_mask_scores(self.scores) if self._selects(score.name)]
            names = [score.name for score in named_mask_scores(scores)]
            scores = [*(name for name in key if name not in names), *names]
        chosen = self.scores if scores is None else scores
        return VolumeScoresMetric(self.structures, chosen, ignore_labels=ignored, **{**self.score_options, **options})

    def _selects(self, score: str) -> bool:
        """Whether the key score is that score, of all structures or of one."""
        return self.key_score in (score, *(f"{name}_{score}" for name in self.structures))

    def changed(self, **fields: Any) -> VolumeTask:
        """Return the task with other values in some fields.

        ``channels`` may be a list of names: those that the task knows keep their normalisation, others get that of the
        task's first channel. ``labels`` may be a list of names that the task knows.
        """
        for name in ("channels", "labels"):
            given, own = fields.get(name), getattr(self, name)
            if isinstance(given, str):
                given = [given]
            if given is not None and not isinstance(given, Mapping):
                first = next(iter(own.values()))
                for one in given if name == "labels" else ():
                    check_choice("labels", one, tuple(own))
                fields[name] = {one: own.get(one, first) for one in given}
        return dataclasses.replace(self, **fields)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values: ``VolumeTask(**task.as_dict())`` is the task again."""
        fields = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        plain: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, Mapping):
                plain[name] = {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}
            else:
                plain[name] = list(value) if isinstance(value, tuple) else value
        return plain


def _check_channels(task: VolumeTask) -> None:
    if not isinstance(task.channels, Mapping) or not task.channels:
        raise ValueError(f"`channels` needs a normalisation for each name, at least one, got {task.channels!r}.")
    object.__setattr__(task, "channels", dict(task.channels))
    for name, normalisation in task.channels.items():
        if not isinstance(name, str) or not name or name == "label":
            raise ValueError(f"`channels` needs names other than 'label', got {name!r}.")
        check_choice("channels", normalisation, NORMALISATIONS)
    for name in task.optional:
        check_choice("optional", name, tuple(task.channels))
    check_choice("reference", task.reference, (None, "label", *task.channels))
    if len(task.optional) == len(task.channels) and task.reference != "label":
        raise ValueError(f"`optional` needs to leave a channel that every case has, got all of {task.optional}.")
    _check_pair("percentiles", task.percentiles, 0.0, 100.0)
    if "ct" in task.channels.values() or task.ct_window is not None:
        _check_pair("ct_window", task.ct_window)
        object.__setattr__(task, "ct_window", tuple(map(float, task.ct_window or ())))


def _check_pair(name: str, pair: Any, least: float = float("-inf"), most: float = float("inf")) -> None:
    if not isinstance(pair, Sequence) or len(pair) != 2 or not least <= pair[0] < pair[1] <= most:
        raise ValueError(f"`{name}` needs two numbers, the smaller one first, got {pair!r}.")


def _checked_labels(labels: Any) -> dict[str, int | tuple[int, ...]]:
    if not isinstance(labels, Mapping) or not labels:
        raise ValueError(f"`labels` needs an id (or ids) for each name, got {labels!r}.")
    regions = any(isinstance(value, Sequence) and not isinstance(value, str) for value in labels.values())
    checked: dict[str, int | tuple[int, ...]] = {}
    for name, value in labels.items():
        ids = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        for one in ids:
            if not isinstance(one, int) or isinstance(one, bool):
                raise TypeError(f"`labels` needs integers as ids, got {one!r} for {name!r}.")
        if not isinstance(name, str) or not name:
            raise ValueError(f"`labels` needs names, got {name!r}.")
        if not ids or len(set(ids)) < len(ids) or min(ids) < 0:
            raise ValueError(f"`labels` needs different ids >= 0, got {value!r} for {name!r}.")
        checked[name] = ids if regions else ids[0]
    return checked


def _check_ids(task: VolumeTask) -> None:
    """Check that the ids of classes are exclusive, that regions leave the background out, and what is ignored."""
    used = [one for name in task.labels for one in task.ids(name)]
    if task.is_regions:
        if not task.names or any(0 in task.ids(name) for name in task.names):
            raise ValueError(f"`labels` needs regions without id 0, which is outside of all, got {dict(task.labels)}.")
        outside = set(task.ids(BACKGROUND)) if BACKGROUND in task.labels else set()
        twice = sorted(outside & {one for name in task.names for one in task.ids(name)})
        if twice:
            raise ValueError(f"`labels` needs ids that are background or in a region, got {twice} as both.")
    elif len(set(used)) < len(used) or 0 not in used or len(used) < 2:
        raise ValueError(
            f"`labels` needs the background, id 0, and a different id for each class, got {dict(task.labels)}."
        )
    for one in task.ignore_labels:
        if not isinstance(one, int) or one in used:
            raise ValueError(f"`ignore_labels` needs ids that are not in `labels`, got {one!r}.")
    check_choice("label_map", task.label_map, (None, "auto", *TUMOUR_LABEL_MAPS))
    if task.label_map is not None:
        for name in task.names:
            check_choice("labels", name, TUMOUR_REGIONS)


def _check_grid(task: VolumeTask) -> None:
    if isinstance(task.spacing, str):
        check_choice("spacing", task.spacing, (None, "median"))
    elif task.spacing is not None:
        object.__setattr__(task, "spacing", check_spacing(tuple(task.spacing), 3))
    axes = set(task.orientation) if isinstance(task.orientation, str) and len(task.orientation) == 3 else set()
    if not all(len(axes & set(pair)) == 1 for pair in ("LR", "PA", "IS")):
        raise ValueError(f"`orientation` needs three letters such as 'RAS', got {task.orientation!r}.")
    check_spatial_dims("spatial_dims", task.spatial_dims)
    check_choice("slice_axis", task.slice_axis, (0, 1, 2))


def _check_sampling(task: VolumeTask) -> None:
    if not 0 <= task.foreground_share <= 1:
        raise ValueError(f"`foreground_share` needs 0..1, got {task.foreground_share!r}.")
    for axis in task.flips:
        check_choice("flips", axis, (0, 1, 2))
    for name in ("intensity_scale", "intensity_shift"):
        if not 0 <= getattr(task, name) < 1:
            raise ValueError(f"`{name}` needs a number from 0 to below 1, got {getattr(task, name)!r}.")
