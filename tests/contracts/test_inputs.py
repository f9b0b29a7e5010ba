# SPDX-License-Identifier: Apache-2.0
"""Every public loss with inputs as they come: views, dtypes, items without foreground, batches without items."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from tests.contracts.loss_cases import (
    CASES,
    SHAPES,
    LossCase,
    documented_behaviour,
    logits_of,
    mask_of,
    value_and_gradient,
)

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())

DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.uint16,
    torch.uint32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float64,
)


def _views(tensor: Tensor) -> dict[str, Tensor]:
    """The same values in other orders of memory."""
    every_other = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)[..., ::2]
    padded = torch.zeros([n + 3 for n in tensor.shape], dtype=tensor.dtype)[
        tuple(slice(2, n + 2) for n in tensor.shape)
    ]
    last = torch.channels_last if tensor.ndim == 4 else torch.channels_last_3d
    return {
        "first axis last": tensor.movedim(2, -1).contiguous().movedim(-1, 2),
        "last axis first": tensor.movedim(-1, 2).contiguous().movedim(2, -1),
        "batch last": tensor.movedim(0, -1).contiguous().movedim(-1, 0),
        "channels last": tensor.contiguous(memory_format=last),
        "every other": every_other.copy_(tensor),
        "part of a larger one": padded.copy_(tensor),
    }


@every_case
@every_shape
def test_the_layout_in_memory_does_not_matter(case: LossCase, shape: tuple[int, ...]) -> None:
    loss, target = case.make(), case.target(mask_of("walls", shape))
    logits = logits_of(target)
    value, gradient = value_and_gradient(loss, logits, target)
    for name, view in _views(logits).items():
        leaf = view.detach().requires_grad_()  # a clone might be contiguous
        found = loss(leaf, _views(target)[name])
        torch.testing.assert_close(found.detach(), value)
        torch.testing.assert_close(torch.autograd.grad(found.sum(), leaf)[0], gradient)


@every_case
@every_shape
def test_targets_of_any_dtype(case: LossCase, shape: tuple[int, ...]) -> None:
    loss, target = case.make(), case.target(mask_of("walls", shape))
    value = loss(logits_of(target), target)
    for dtype in DTYPES:
        torch.testing.assert_close(loss(logits_of(target), target.to(dtype)), value)


INDEXED = [
    case for case in CASES if "to_onehot_y" in inspect.signature(case.loss).parameters and "softmax" in case.options
]


@pytest.mark.parametrize("case", INDEXED, ids=str)
@every_shape
def test_index_labels_of_any_dtype(case: LossCase, shape: tuple[int, ...]) -> None:
    mask = mask_of("walls", shape)
    target = case.target(mask)
    value = case.make()(logits_of(target), target)
    for dtype in DTYPES:
        found = case.make(to_onehot_y=True)(logits_of(target), mask[:, None].to(dtype))
        torch.testing.assert_close(found, value)


def test_most_losses_take_index_labels() -> None:
    assert len({case.loss for case in INDEXED}) >= 6


@every_case
@every_shape
def test_a_batch_without_items_is_refused(case: LossCase, shape: tuple[int, ...]) -> None:
    target = case.target(mask_of("walls", shape))
    for empty in (target[:0], target[..., :0], target[:, :, :0]):
        with pytest.raises(ValueError, match=r"`input` needs at least one item, channel and voxel, got shape \("):
            case.make()(empty.clone(), empty)


@every_case
@every_shape
def test_items_without_foreground_are_judged(case: LossCase, shape: tuple[int, ...]) -> None:
    """A false alarm has a gradient: beside items that have a foreground, too."""
    loss, mask = case.make(), mask_of("walls", shape)
    mask[1] = False
    for chosen in (mask, mask[1:]):
        target = case.target(chosen)
        _, gradient = value_and_gradient(loss, logits_of(target), target)
        largest = float(gradient[-1].abs().max())
        assert (largest == 0) == ("empty" in case.indifferent), largest


def test_the_documentation_says_which() -> None:
    """The column "item without foreground" of the table of the documentation."""
    rows = documented_behaviour()
    assert set(rows) == {case.loss.__name__ for case in CASES}
    for case in CASES:
        said = rows[case.loss.__name__][0]
        assert ("no gradient" in said) == any("empty" in c.indifferent for c in CASES if c.loss == case.loss), case
        assert said.startswith("no gradient") <= ("empty" in case.indifferent), case
