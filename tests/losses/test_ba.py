# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import warnings

import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.losses import BALoss, ba_loss_terms


@pytest.fixture
def scene():
    """Return logits and membrane of four cells; the horizontal wall is weak at one place."""
    target = torch.zeros(2, 1, 15, 17)
    target[..., 8] = target[:, :, 7] = 1
    logits = 12 * target - 6
    logits[:, :, 7, 3] = -5.0
    return logits, target


def bce(logit, target):
    return math.log1p(math.exp(-logit if target else logit))


@pytest.mark.parametrize("contour", ["partition", "per_region", "leak"])
@pytest.mark.parametrize("width", [None, 5])
def test_a_perfect_prediction_gives_zero(scene, contour, width):
    _, target = scene
    assert BALoss(contour=contour, contour_width=width)(target, target) == 0
    assert BALoss(sigmoid=True, contour=contour, contour_width=width)(200 * target - 100, target) < 1e-40


def test_the_terms_by_hand_per_region():
    # One wall of 4 voxels, one of them open at 5/255: both regions' contours are the wall, so the term is its mean.
    target = torch.zeros(1, 1, 4, 9)
    target[..., 4] = 1
    logits = 200 * target - 100
    logits[0, 0, 2, 4] = math.log(0.02 / 0.98)
    expected = -math.log(0.02) / 4
    for reduction, times in (("mean", 1), ("sum", 2)):
        base, boundary = ba_loss_terms(logits, target, sigmoid=True, contour="per_region", region_reduction=reduction)
        assert base.item() == pytest.approx(-math.log(0.02) / 36)
        assert boundary.item() == pytest.approx(times * expected)
    loss = BALoss(sigmoid=True, alpha=0.5, contour="per_region")
    assert loss(logits, target).item() == pytest.approx(-math.log(0.02) / 36 + 0.5 * expected)
    assert loss.terms["boundary"].item() == pytest.approx(expected)
    assert BALoss(sigmoid=True, alpha=0.5, contour="per_region", include_base=False)(logits, target).item() == (
        pytest.approx(0.5 * expected)
    )


def test_the_weak_place_weighs_more_than_in_the_plain_cross_entropy(scene):
    logits, target = scene
    logits.requires_grad_()
    (grad,) = torch.autograd.grad(BALoss(sigmoid=True, alpha=1.0, contour="partition")(logits, target), logits)
    (plain,) = torch.autograd.grad(BALoss(sigmoid=True, alpha=0)(logits, target), logits)
    assert (grad[:, :, 7, 3] < 2 * plain[:, :, 7, 3]).all()
    assert (plain[:, :, 7, 3] < 0).all()


def test_probabilities_and_logits_agree(scene):
    logits, target = scene
    for contour in ("partition", "per_region", "leak"):
        by_logits = BALoss(sigmoid=True, contour=contour)(logits, target)
        torch.testing.assert_close(BALoss(contour=contour)(logits.sigmoid(), target), by_logits)
        two = torch.cat([torch.zeros_like(logits), logits], 1)
        by_softmax = BALoss(softmax=True, include_background=False, contour=contour)(two, target)
        torch.testing.assert_close(by_softmax, by_logits)
        onehot = BALoss(softmax=True, include_background=False, to_onehot_y=True, contour=contour)(two, target)
        torch.testing.assert_close(onehot, by_logits)
        other = BALoss(other_act=torch.sigmoid, contour=contour)(logits, target)
        torch.testing.assert_close(other, by_logits)


def test_at_alpha_zero_the_cut_is_not_computed(scene, monkeypatch):
    logits, target = scene
    monkeypatch.setattr("monai_boundary.losses.ba._weights", lambda *_, **__: pytest.fail("the cut was computed"))
    loss = BALoss(sigmoid=True, alpha=0)
    torch.testing.assert_close(
        loss(logits, target), torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    )
    assert list(loss.terms) == ["bce"]


def test_no_gradient_flows_through_the_cut_and_the_leak_pulls_the_wall_up():
    target = torch.zeros(1, 1, 9, 30)
    target[..., 4] = 1
    logits = 20 * target - 10
    logits[:, :, 2:7, 4] = -10
    logits.requires_grad_()
    seeds = [[[4, 1], [4, 20]]]
    loss = BALoss(sigmoid=True, contour="leak", include_base=False)
    loss(logits, target, seeds=seeds).backward()
    assert (logits.grad[0, 0, 2:7, 4] < 0).all()
    assert not logits.grad[target == 0].any()


def test_a_metatensor_label_gives_a_plain_tensor(scene):
    logits, target = scene
    value = BALoss(sigmoid=True)(MetaTensor(logits), MetaTensor(target))
    assert type(value) is torch.Tensor


def test_logits_in_place_of_probabilities_are_warned_of_and_clamped(scene):
    logits, target = scene
    with pytest.warns(
        UserWarning, match=r"`input` needs probabilities in \[0, 1\], got values from -6 to 6.*sigmoid=True"
    ):
        value = BALoss()(logits, target)
    torch.testing.assert_close(value, BALoss()(logits.clamp(0, 1), target))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BALoss()(logits.sigmoid(), target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contour": "cut"}, "`contour` needs one of"),
        ({"alpha": -0.1}, "`alpha` needs a finite number >= 0, got -0.1"),
        ({"alpha": float("nan")}, "`alpha` needs a finite number"),
        ({"reduction": "max"}, "`reduction` needs one of 'mean', 'sum', 'none', got 'max'"),
        ({"contour_width": 2, "contour": "partition"}, "`contour_width` needs odd integers"),
        ({"sigmoid": True, "softmax": True}, "at most one of"),
    ],
)
def test_bad_options_are_named_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        BALoss(**options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"target": torch.zeros(2, 1, 15, 16)},
            r"`target` needs the shape of `input`, .*, got \(2, 1, 15, 16\)",
        ),
        ({"target": torch.full((2, 1, 15, 17), 255)}, r"`target` needs values in \[0, 1\], got 255 to 255"),
        (
            {"input": torch.full((2, 1, 15, 17), float("nan"))},
            r"`input` needs finite numbers, got NaN or infinity in 510 of 510",
        ),
        ({"input": torch.zeros(2, 1, 17), "target": torch.zeros(2, 1, 17)}, "2 or 3 spatial dimensions, got 1"),
        ({"seeds": torch.ones(2, 1, 15, 17, dtype=torch.int32)}, "`seeds` needs seeds inside the regions"),
    ],
)
def test_bad_input_is_named(scene, change, message):
    logits, target = scene
    with pytest.raises(ValueError, match=message):
        BALoss(sigmoid=True)(**{"input": logits, "target": target, **change})
