# SPDX-License-Identifier: Apache-2.0
"""From the ids of a label file to what loss and scores take, and from a prediction back to ids."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_boundary._typing import AnyArray
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.label_values import whole_label
from monai_boundary.ops.tumour_regions import tumour_label
from monai_boundary.transforms import TumourRegions
from monai_boundary.workflows.volumes.task import VolumeTask

FOREGROUND_KEY = "where"  # voxels to centre crops on


class TaskLabeld(Transform):
    """Replace ``label`` by the index of its class, or by a mask for each region, and say which voxels count.

    Adds ``label_counted``, (1, x, y, z), 0 where the label does not count; there ``label`` is 0. Of classes also
    ``label_ids``, the truth of the scores: the index of the class, and one more than the last where it does not count.

    Args:
        task: for its labels and the ids that do not count; those of the item's ``ignore_labels`` are added.

    Raises:
        ValueError: when called, with the case's name: if the label holds an id that the task does not declare, with the
            number of its voxels, or fractions.

    Example:
        >>> from monai.data import MetaTensor
        >>> task = VolumeTask({"flair": "unit"}, {"background": 0, "lesion": 1}, ignore_labels=[2])
        >>> out = TaskLabeld(task)({"label": MetaTensor(torch.tensor([[[[0.0, 1, 2]]]]))})
        >>> [out[key].flatten().tolist() for key in ("label", "label_ids", "label_counted")]
        [[0, 1, 0], [0, 1, 2], [1, 1, 0]]
    """

    def __init__(self, task: VolumeTask) -> None:
        self.task = task
        stated = None if task.label_map == "auto" else task.label_map
        self.tumour = TumourRegions(task.names, label_map=stated) if task.label_map is not None else None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the targets."""
        d = dict(data)
        try:
            return d | self._targets(d["label"], [int(i) for i in d.get("ignore_labels", ())])
        except ValueError as error:
            raise ValueError(f"case {d.get('case', 'without a name')}: {error}") from error

    def _targets(self, label: Any, ignored: list[int]) -> dict[Hashable, Any]:
        task = self.task
        if self.tumour is not None:
            return {
                "label": _like(label, self.tumour(label)),
                "label_counted": _like(label, np.ones(label.shape, np.uint8)),
            }
        ids = whole_label("label", label)
        left_out = {*task.ignore_labels, *ignored} - {one for name in task.labels for one in task.ids(name)}
        self._check(ids, left_out)
        known: AnyArray = ~np.isin(ids, list(left_out))
        if task.is_regions:
            masks = np.concatenate([np.isin(ids, task.ids(name)) for name in task.names])
            return {"label": _like(label, masks), "label_counted": _like(label, known)}
        index = np.zeros(ids.shape, np.int32)
        for k, name in enumerate(task.names):
            index[ids == task.labels[name]] = k
        return {
            "label": _like(label, index),
            "label_ids": _like(label, np.where(known, index, task.out_channels)),
            "label_counted": _like(label, known),
        }

    def _check(self, ids: AnyArray, left_out: set[int]) -> None:
        task = self.task
        known = {0, *left_out, *(one for name in task.labels for one in task.ids(name))}
        found, counts = np.unique(ids, return_counts=True)
        strange = {int(v): int(n) for v, n in zip(found, counts, strict=True) if int(v) not in known}
        if strange:
            declared = ", ".join(f"{'/'.join(map(str, task.ids(name)))} ({name})" for name in task.labels)
            raise ValueError(
                f"`label` needs the ids {declared} or one of `ignore_labels` {sorted(left_out)}, got "
                f"{', '.join(f'{v} ({n} voxels)' for v, n in list(strange.items())[:5])}."
            )


class TaskPredictiond(MapTransform):
    """Make ids, as a label file of the task holds them, of a prediction: class indices, or a mask for each region.

    Regions overlap, a file holds one id for each voxel: the first id that is in exactly the regions that the voxel was
    found in: of ``{"whole": [1, 2, 3], "core": [2, 3]}`` it is 1 in the whole alone and 2 in both. Where there is none
    (in the core and not in the whole), the last region in the task's order counts: 2. Of brain tumours it is as
    `monai_boundary.ops.tumour_label` says.

    Args:
        keys: predictions (1, x, y, z) of indices, or (regions, x, y, z) of masks.
        task: for its labels.
        regions: go on to the masks of the regions that the ids stand for: what is written is then what is scored. They
            are 0 where the data's ``label_counted`` is, as the truth's are. Class indices stay as they are.
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> task = VolumeTask({"t1": "unit"}, {"whole": [1, 2, 3], "core": [2, 3]})
        >>> pred = torch.tensor([[[[0, 1, 1, 0]]], [[[0, 0, 1, 1]]]])
        >>> TaskPredictiond("pred", task)({"pred": pred})["pred"].flatten().tolist()
        [0, 1, 2, 2]
        >>> TaskPredictiond("pred", task, regions=True)({"pred": pred})["pred"].flatten(1).tolist()
        [[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """

    def __init__(
        self, keys: KeysCollection, task: VolumeTask, regions: bool = False, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.task = task
        self.regions = regions

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the predictions replaced."""
        d = dict(data)
        for key in self.key_iterator(d):
            if self.task.is_regions or not self.regions:
                d[key] = self._ids(d[key])
            if self.task.is_regions and self.regions and "label_counted" in d:
                d[key] = d[key] * torch.as_tensor(d["label_counted"]).as_subclass(torch.Tensor).to(d[key].device)
        return d

    def _ids(self, prediction: Any) -> Any:
        task = self.task
        values = torch.as_tensor(prediction).as_subclass(torch.Tensor).detach().cpu().numpy()
        if not task.is_regions:
            table = np.array([task.labels[name] for name in task.names])
            return _like(prediction, table[values.astype(np.int64)])
        if task.label_map is not None:
            stated = None if task.label_map == "auto" else task.label_map
            ids = tumour_label(values, task.names, label_map=stated)[None]
            found = TumourRegions(task.names, label_map=stated)(ids) if self.regions else ids
            return _like(prediction, found, torch.float32 if self.regions else None)
        pattern = np.zeros((1, *values.shape[1:]), np.int64)
        for k, mask in enumerate(values):
            pattern[0] |= (mask > 0.5).astype(np.int64) << k
        ids = pattern_ids(task)[pattern]
        if not self.regions:
            return _like(prediction, ids)
        masks = np.concatenate([np.isin(ids, task.ids(name)) for name in task.names])
        return _like(prediction, masks, torch.float32)


def pattern_ids(task: VolumeTask) -> AnyArray:
    """Return the id that is written for each combination of regions, whose bits are those of their order.

    Example:
        >>> pattern_ids(VolumeTask({"t1": "unit"}, {"whole": [1, 2, 3], "core": [2, 3]})).tolist()
        [0, 1, 2, 2]
    """
    inside: dict[int, int] = {}  # pattern -> its first id
    last = []
    for k, name in enumerate(task.names):
        later = {one for other in task.names[k + 1 :] for one in task.ids(other)}
        last.append(next((one for one in task.ids(name) if one not in later), task.ids(name)[0]))
        for one in task.ids(name):
            inside.setdefault(sum((one in task.ids(other)) << j for j, other in enumerate(task.names)), one)
    patterns = range(1, 2 ** len(task.names))
    return np.array([0, *(inside.get(pattern, last[pattern.bit_length() - 1]) for pattern in patterns)])


class AddSpacingd(Transform):
    """Add ``spacing``, the voxel sizes of ``label`` in mm along its axes, as a tensor that caches keep.

    Example:
        >>> from monai.data import MetaTensor
        >>> label = MetaTensor(torch.zeros(1, 2, 2, 2), affine=torch.diag(torch.tensor([1.0, 1, 3, 1])))
        >>> AddSpacingd()({"label": label})["spacing"].tolist()
        [1.0, 1.0, 3.0]
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the entry."""
        label = data["label"]
        spacing = torch.tensor(affine_spacing(label.affine, label.ndim - 1), dtype=torch.float64)
        return {**data, "spacing": spacing}


class AddForegroundd(Transform):
    """Add ``where``, 1 in the voxels of any class or region: those that crops are centred on.

    Example:
        >>> AddForegroundd()({"label": torch.tensor([[[0, 2]], [[0, 0]]])})["where"].tolist()
        [[[0, 1]]]
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the entry."""
        return {**data, FOREGROUND_KEY: (data["label"] > 0).any(dim=0, keepdim=True).to(torch.uint8)}


def _like(template: Any, values: Any, dtype: torch.dtype | None = None) -> Any:
    """Values with the template's affine, in the smallest type that holds them."""
    array = torch.as_tensor(np.ascontiguousarray(values) if isinstance(values, np.ndarray) else values)
    array = array.as_subclass(torch.Tensor)
    if dtype is None:
        dtype = torch.uint8 if int(array.max()) < 256 else torch.int32
    out = template[:1].clone().to(dtype) if isinstance(template, torch.Tensor) else torch.empty(0, dtype=dtype)
    if not hasattr(out, "affine"):
        return array.to(dtype)
    placed = out.expand(len(array), *out.shape[1:]).clone()
    placed[:] = array.to(dtype)
    return placed
