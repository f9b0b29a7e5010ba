# SPDX-License-Identifier: Apache-2.0
"""Lovasz-softmax against the Jaccard loss, brute force, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from monai_boundary.losses import LovaszSoftmaxLoss, lovasz_extension


def jaccard_loss(wrong: set[int], truth: np.ndarray) -> float:
    """1 - IoU when the voxels of ``wrong`` are misclassified."""
    missed = sum(truth[i] for i in wrong)
    union = truth.sum() + len(wrong) - missed
    return 1 - (truth.sum() - missed) / union if union else 0.0


def test_at_the_corners_it_is_the_jaccard_loss() -> None:
    truth = np.array([1, 0, 1, 0, 0])
    for errors in itertools.product((0.0, 1.0), repeat=5):
        wrong = {i for i, e in enumerate(errors) if e}
        value = lovasz_extension(torch.tensor(errors), torch.from_numpy(truth).bool())
        assert float(value) == pytest.approx(jaccard_loss(wrong, truth), abs=1e-6)


def test_between_the_corners_it_is_the_choquet_integral(rng: np.random.Generator) -> None:
    for _ in range(20):
        errors, truth = rng.random(7), rng.integers(0, 2, 7)
        levels = np.concatenate([[0], np.sort(errors)])
        wanted = sum(
            (high - low) * jaccard_loss({i for i, e in enumerate(errors) if e >= high}, truth)
            for low, high in itertools.pairwise(levels)
        )
        value = lovasz_extension(torch.from_numpy(errors), torch.from_numpy(truth).bool())
        assert float(value) == pytest.approx(wanted, abs=1e-12)


def test_the_order_of_equal_errors_does_not_matter(rng: np.random.Generator) -> None:
    errors, truth = torch.from_numpy(rng.integers(0, 3, 12) / 2), torch.from_numpy(rng.integers(0, 2, 12)).bool()
    wanted = lovasz_extension(errors, truth)
    for _ in range(5):
        order = torch.from_numpy(rng.permutation(12))
        torch.testing.assert_close(lovasz_extension(errors[order], truth[order]), wanted)


def test_classes_and_batch() -> None:
    logits = torch.randn(2, 3, 6, 5)
    label = torch.zeros(2, 1, 6, 5, dtype=torch.long)
    label[0, :, 2:] = 1
    label[1, :, :3] = 2
    errors = (torch.nn.functional.one_hot(label[:, 0], 3).movedim(-1, 1) - logits.softmax(1)).abs().flatten(2)
    masks = torch.stack([label == c for c in range(3)], 2)[:, 0].flatten(2)
    each = lovasz_extension(errors, masks)
    options = {"softmax": True, "to_onehot_y": True}
    present = LovaszSoftmaxLoss(reduction="none", **options)(logits, label)
    torch.testing.assert_close(present, torch.stack([each[0, :2].mean(), each[1, [0, 2]].mean()]))
    every = LovaszSoftmaxLoss(classes="all", reduction="none", **options)(logits, label)
    torch.testing.assert_close(every, each.mean(1))
    assert float(each[0, 2]) == pytest.approx(float(logits.softmax(1)[0, 2].max()))
    pooled = LovaszSoftmaxLoss(batch=True, **options)(logits, label)
    wanted = [lovasz_extension(errors[:, c].flatten(), masks[:, c].flatten()) for c in range(3)]
    torch.testing.assert_close(pooled, torch.stack(wanted).mean())
    foreground = LovaszSoftmaxLoss(include_background=False, classes="all", **options)(logits, label)
    torch.testing.assert_close(foreground, each[:, 1:].mean())


def test_an_empty_mask() -> None:
    empty, scores = torch.zeros(1, 1, 4, 4), torch.rand(1, 1, 4, 4)
    for classes in ("present", "all"):  # no class is present: all are judged
        assert float(LovaszSoftmaxLoss(classes=classes)(scores, empty)) == pytest.approx(float(scores.max()))
    two, second = torch.cat([scores, 0.5 * scores], 1), torch.cat([empty, 1 - empty], 1)
    found = LovaszSoftmaxLoss()(two, second)
    torch.testing.assert_close(found, LovaszSoftmaxLoss()(two[:, 1:], second[:, 1:]))


def test_ignored_voxels_are_as_if_cut_away() -> None:
    logits, label = torch.randn(2, 3, 6, 8), torch.randint(0, 3, (2, 1, 6, 8))
    mask = torch.ones(2, 1, 6, 8)
    mask[..., 5:] = 0
    loss = LovaszSoftmaxLoss(softmax=True, to_onehot_y=True)
    void = torch.where(mask > 0, label, 255)
    torch.testing.assert_close(loss(logits, void, mask=mask), loss(logits[..., :5], label[..., :5]))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`classes` needs one of 'present', 'all', got 'some'"):
        LovaszSoftmaxLoss(classes="some")
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0\.\.1, got 2"):
        LovaszSoftmaxLoss(softmax=True, to_onehot_y=True)(torch.rand(1, 2, 4, 4), torch.full((1, 1, 4, 4), 2))
    with pytest.warns(UserWarning, match=r"`input` needs probabilities in \[0, 1\]"):
        LovaszSoftmaxLoss()(torch.full((1, 1, 4, 4), 3.0), torch.zeros(1, 1, 4, 4))
