# SPDX-License-Identifier: Apache-2.0
"""Index labels and one-hot labels as masks."""

from __future__ import annotations

import pytest
import torch

from monai_boundary.ops.class_masks import class_masks, counted_voxels


def test_indices() -> None:
    label = torch.tensor([[[[0.0, 1.0, 2.0]]]])
    assert class_masks(label, 3).int().tolist() == [[[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]]]]
    assert class_masks(label.to(torch.uint8), 4)[:, 3].any().item() is False


def test_ignored_voxels_are_in_no_class() -> None:
    label = torch.tensor([[[[0, 1, 2]]]])
    assert class_masks(label, 2, ignore_index=2).int().tolist() == [[[[1, 0, 0]], [[0, 1, 0]]]]
    assert class_masks(label.clamp(max=1), 2, ignore_index=1).int().tolist() == [[[[1, 0, 0]], [[0, 0, 0]]]]


def test_one_hot_may_overlap() -> None:
    nested = torch.tensor([[[[1, 1, 0]], [[0, 1, 0]]]])
    assert torch.equal(class_masks(nested), nested.bool())


@pytest.mark.parametrize(
    ("label", "options", "message"),
    [
        (torch.tensor([[[[0, 3]]]]), {"num_classes": 3}, r"integer class indices 0..2, got 3. Give `ignore_index`"),
        (torch.tensor([[[[0, 3]]]]), {"num_classes": 2, "ignore_index": 2}, r"0..1, or 2, got 3"),
        (torch.tensor([[[[0, 0.25]]]]), {"num_classes": 3}, "got 0.25. Was it resampled linearly"),
        (torch.tensor([[[[0, torch.nan]]]]), {"num_classes": 3}, "got nan"),
        (torch.tensor([[[[0, 0.25]]]]), {}, r"\(one-hot\), got 0.25. Was it resampled linearly"),
        (torch.tensor([[[[0, 7]]]]), {}, "got 7. Give the number of classes"),
        (torch.zeros(1, 2, 3, 3), {"num_classes": 2}, "one channel of class indices for `num_classes`, got 2"),
        (torch.zeros(1, 1, 3, 3), {"num_classes": 1}, "`num_classes` needs at least 2"),
        (torch.zeros(1, 1, 3, 3), {"ignore_index": 255}, "`ignore_index` needs an index label"),
    ],
)
def test_bad_labels(label: torch.Tensor, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_masks(label, **options)


def test_voxels_that_count() -> None:
    scores = torch.zeros(2, 3, 1, 2)
    mask = torch.tensor([[[[1.0, 0.0]]], [[[-1.0, 0.5]]]])
    assert counted_voxels(mask, scores).tolist() == [[[[True, False]]], [[[False, True]]]]
    with pytest.raises(ValueError, match=r"`mask` needs the shape of `input, with one channel`, \(2, 1, 1, 2\), got"):
        counted_voxels(mask.expand(2, 3, 1, 2), scores)
