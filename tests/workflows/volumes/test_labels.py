# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.workflows.volumes.labels import (
    AddForegroundd,
    AddSpacingd,
    TaskLabeld,
    TaskPredictiond,
    pattern_ids,
)
from monai_boundary.workflows.volumes.task import VolumeTask

CLASSES = VolumeTask({"t1": "unit"}, {"background": 0, "a": 3, "b": 7}, ignore_labels=[9])
REGIONS = VolumeTask({"t1": "unit"}, {"background": [0, 5], "whole": [1, 2], "core": [2]}, ignore_labels=[9])


def label(*ids: float) -> MetaTensor:
    affine = torch.diag(torch.tensor([2.0, 1, 3, 1]))
    return MetaTensor(torch.tensor(ids).reshape(1, -1, 1, 1), affine=affine)


def values(data: dict[object, torch.Tensor], key: str) -> list[list[int]]:
    return data[key].flatten(1).int().tolist()


def test_classes_become_indices() -> None:
    out = TaskLabeld(CLASSES)({"label": label(0, 7, 2.9999999, 9, 4), "ignore_labels": [4]})
    assert values(out, "label") == [[0, 2, 1, 0, 0]]
    assert values(out, "label_ids") == [[0, 2, 1, 3, 3]]
    assert values(out, "label_counted") == [[1, 1, 1, 0, 0]]
    assert out["label"].dtype == torch.uint8
    assert out["label"].affine.diagonal().tolist() == [2, 1, 3, 1]


def test_regions_become_masks_that_overlap() -> None:
    out = TaskLabeld(REGIONS)({"label": label(0, 1, 2, 5, 9)})
    assert values(out, "label") == [[0, 1, 1, 0, 0], [0, 0, 1, 0, 0]]
    assert values(out, "label_counted") == [[1, 1, 1, 1, 0]]
    assert "label_ids" not in out
    assert out["label"].affine.diagonal().tolist() == [2, 1, 3, 1]


def test_tumours_have_the_ids_of_their_year() -> None:
    task = VolumeTask({"t1": "unit"}, {"wt": [1, 2, 3, 4], "et": [3, 4]}, label_map="auto")
    for enhancing in (3, 4):
        out = TaskLabeld(task)({"label": label(0, 1, 2, enhancing)})
        assert values(out, "label") == [[0, 1, 1, 1], [0, 0, 0, 1]]
    out = TaskLabeld(task.changed(label_map="ped2024"))({"label": label(0, 1, 2, 4)})
    assert values(out, "label") == [[0, 1, 1, 1], [0, 1, 0, 0]]


@pytest.mark.parametrize("task", [CLASSES, REGIONS])
def test_ids_that_are_not_declared_are_named_with_their_number(task: VolumeTask) -> None:
    with pytest.raises(ValueError, match=r"case p07: `label` needs .* \[9\], got 6 \(2 voxels\), 8 \(1 voxels\)"):
        TaskLabeld(task)({"label": label(0, 6, 6, 8), "case": "p07"})
    with pytest.raises(ValueError, match=r"case p07: `label` needs whole numbers, got 0.5"):
        TaskLabeld(task)({"label": label(0, 0.5), "case": "p07"})


def test_predictions_become_ids_and_back() -> None:
    pred = torch.tensor([0, 2, 1]).reshape(1, 3, 1, 1)
    assert TaskPredictiond("pred", CLASSES)({"pred": pred})["pred"].flatten().tolist() == [0, 7, 3]
    assert TaskPredictiond("pred", CLASSES, regions=True)({"pred": pred})["pred"] is pred
    masks = torch.tensor([[0, 1, 1, 0], [0, 0, 1, 1]]).reshape(2, 4, 1, 1)  # at last a core outside of the whole
    assert TaskPredictiond("pred", REGIONS)({"pred": masks})["pred"].flatten().tolist() == [0, 1, 2, 2]
    nested = TaskPredictiond("pred", REGIONS, regions=True)({"pred": masks})["pred"]
    assert nested.flatten(1).tolist() == [[0, 1, 1, 1], [0, 0, 1, 1]]
    assert nested.dtype == torch.float32


def test_regions_are_not_scored_where_the_label_does_not_count() -> None:
    masks = torch.ones(2, 3, 1, 1)
    counted = torch.tensor([1, 0, 1], dtype=torch.uint8).reshape(1, 3, 1, 1)
    out = TaskPredictiond("pred", REGIONS, regions=True)({"pred": masks, "label_counted": counted})["pred"]
    assert out.flatten(1).tolist() == [[1, 0, 1], [1, 0, 1]]
    written = TaskPredictiond("pred", REGIONS)({"pred": masks, "label_counted": counted})["pred"]
    assert written.flatten().tolist() == [2, 2, 2], "a file is written whole"


def test_tumours_are_written_as_brats_has_them() -> None:
    task = VolumeTask({"t1": "unit"}, {"wt": [1, 2, 4], "tc": [1, 4], "et": [4]}, label_map="auto")
    masks = torch.tensor([[1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1]]).reshape(3, 4, 1, 1)
    assert TaskPredictiond("pred", task)({"pred": masks})["pred"].flatten().tolist() == [2, 1, 4, 4]
    assert pattern_ids(task)[[1, 3, 7]].tolist() == [2, 1, 4], "what the ids alone say is the same"


def test_regions_that_are_not_nested_keep_what_they_share() -> None:
    task = VolumeTask({"t1": "unit"}, {"left": [1, 3], "right": [2, 3]})
    assert pattern_ids(task).tolist() == [0, 1, 2, 3]
    masks = torch.tensor([[1, 0, 1], [0, 1, 1]]).reshape(2, 3, 1, 1)
    out = TaskPredictiond("pred", task, regions=True)({"pred": masks})["pred"]
    np.testing.assert_array_equal(out, masks)


def test_spacing_and_foreground() -> None:
    out = AddForegroundd()(AddSpacingd()({"label": label(0, 2, 0)}))
    assert out["spacing"].tolist() == [2, 1, 3]
    assert out["where"].flatten().tolist() == [0, 1, 0]
