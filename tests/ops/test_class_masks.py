# SPDX-License-Identifier: Apache-2.0
"""Index labels and one-hot labels as masks."""

from __future__ import annotations

import pytest
import torch

from monai_boundary.ops.class_masks import class_masks, counted_voxels, target_masks


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
        (torch.tensor([[[[0, 7]]]]), {}, "got 7. Give `num_classes`"),
        (torch.zeros(1, 2, 3, 3), {"num_classes": 2}, "`label` needs one channel of class indices, got 2"),
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


DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float64,
)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_labels_of_any_dtype(dtype: torch.dtype) -> None:
    index = torch.tensor([[[[0, 1], [1, 0]]]])
    wanted = torch.cat([index == 0, index == 1], 1)
    assert torch.equal(class_masks(index.to(dtype), 2), wanted)
    assert torch.equal(class_masks(wanted.to(dtype)), wanted)
    mask = torch.tensor([[[[1, 1], [0, 1]]]]).to(dtype)
    counted = counted_voxels(mask, torch.zeros(1, 2, 2, 2))
    assert counted.tolist() == [[[[True, True], [False, True]]]]
    assert torch.equal(target_masks(index.to(dtype), 2, counted), wanted & counted)


def test_ignored_voxels_of_an_unsigned_label() -> None:
    label = torch.tensor([[[[0, 1, 65535]]]]).to(torch.uint16)
    assert class_masks(label, 2, ignore_index=65535).int().tolist() == [[[[1, 0, 0]], [[0, 1, 0]]]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_header_that_scales_leaves_a_label(dtype: torch.dtype) -> None:
    label = torch.tensor([[[[0.0, 0.99997, 2.0009, -0.0005]]]], dtype=dtype)
    assert class_masks(label, 3).int().argmax(1).tolist() == [[[0, 1, 2, 0]]]
    assert class_masks(label.clamp(max=1)).int().tolist() == [[[[0, 1, 1, 0]]]]
    with pytest.raises(ValueError, match=r"got 0\.998"):
        class_masks(torch.tensor([[[[0.998, 0.0]]]], dtype=dtype), 3)


def test_the_errors_of_a_loss_name_what_its_caller_has() -> None:
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0..1, got 255. .* need a `mask`"):
        target_masks(torch.tensor([[[[0, 255]]]]), 2)
    with pytest.raises(ValueError, match=r"`target` needs 0 and 1 .*, got 2. Set `to_onehot_y=True`"):
        target_masks(torch.tensor([[[[0, 2]]]]))


def test_compiled_the_values_are_not_looked_at() -> None:
    def both(label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return class_masks(label, 3), class_masks(label)

    torch.compiler.reset()
    compiled = torch.compile(both, backend="eager", fullgraph=True)
    index, one_hot = compiled(torch.tensor([[[[0.0, 0.99997, 255.0, torch.nan]]]]))
    assert index.int().tolist() == [[[[1, 0, 0, 0]], [[0, 1, 0, 0]], [[0, 0, 0, 0]]]]
    assert one_hot.int().tolist() == [[[[0, 1, 0, 0]]]]
