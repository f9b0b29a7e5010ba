# SPDX-License-Identifier: Apache-2.0
"""BraTS's lesion-wise scores, drawn, and against the rules written out over whole volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import SimpleITK
import torch
from scipy import ndimage

from monai_boundary.metrics import LesionWiseScoresMetric, compute_lesion_wise_scores
from monai_boundary.metrics.lesion_wise import CHALLENGES
from tests.metrics.surface_cases import each_seed
from tests.oracles.surfaces import surface_scores

SPACING = (1.0, 1.5, 2.0)
CUBE = np.ones((2, 2, 2))


def two_lesions() -> tuple[np.ndarray, np.ndarray]:
    truth, pred = np.zeros((2, 24, 24, 24))
    truth[2:6, 2:6, 2:6] = truth[16:20, 16:20, 16:20] = 1
    pred[2:6, 2:6, 2:6] = 1
    return pred, truth


def test_drawn_missed_lesion() -> None:
    found = compute_lesion_wise_scores(*two_lesions(), spacing=1.0)
    assert (found.lesion_wise_dice, found.lesion_wise_hd95_mm) == (0.5, 187.0)
    assert (found.found_lesions, found.missed_lesions, found.false_lesions) == (1, 1, 0)
    assert [row.dice for row in found.rows] == [1.0, 0.0]


def test_drawn_speck_costs_as_much_as_a_lesion() -> None:
    pred, truth = two_lesions()
    pred[16:20, 16:20, 16:20] = 1
    pred[12, 2, 20] = 1
    found = compute_lesion_wise_scores(pred, truth, spacing=1.0)
    assert found.lesion_wise_dice == pytest.approx(2 / 3)
    assert found.lesion_wise_hd95_mm == pytest.approx(374 / 3)
    assert found.rows[-1][:3] == (0, 1.0, 1)


def test_drawn_parts_six_voxels_apart_are_one_lesion() -> None:
    truth = np.zeros((24, 12, 12))
    truth[2:6, 2:6, 2:6] = truth[12:16, 2:6, 2:6] = 1  # 6 empty planes: three steps from either side meet
    assert len(compute_lesion_wise_scores(truth, truth, spacing=1.0).rows) == 1
    assert len(compute_lesion_wise_scores(truth, truth, spacing=1.0, challenge="met").rows) == 2


def test_drawn_small_lesion_does_not_count_and_is_not_false() -> None:
    pred, truth = two_lesions()
    truth[12, 2, 20] = pred[12, 2, 20] = 1
    found = compute_lesion_wise_scores(pred, truth, spacing=1.0)
    assert (found.found_lesions, found.missed_lesions, found.false_lesions) == (1, 1, 0)
    assert [row.counts for row in sorted(found.rows)] == [True, False, True]
    assert compute_lesion_wise_scores(pred, truth, spacing=(3.0, 3.0, 6.0)).found_lesions == 2  # 54 mm^3


def by_the_rules(pred: np.ndarray, true: np.ndarray, challenge: str) -> tuple[float, float, int, int, int]:
    """Every step over the whole volume, components by SimpleITK."""
    steps, smallest = CHALLENGES[challenge]
    element = ndimage.generate_binary_structure(3, 2)

    def label(mask: np.ndarray) -> np.ndarray:
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        return SimpleITK.GetArrayFromImage(SimpleITK.ConnectedComponent(image, True)).astype(int)

    grown = true
    for _ in range(steps):
        grown = ndimage.binary_dilation(grown, element)
    lesions, guesses = label(grown) * true, label(pred)
    dice, hd95, used, found, missed = [], [], set(), 0, 0
    for k in range(1, lesions.max() + 1):
        lesion = lesions == k
        wide = lesion
        for _ in range(steps):
            wide = ndimage.binary_dilation(wide, element)
        near = set(guesses[wide].tolist()) - {0}
        used |= near
        if lesion.sum() * math.prod(SPACING) <= smallest:
            continue
        found, missed = found + bool(near), missed + (not near)
        mine = np.isin(guesses, list(near))
        dice.append(2 * (mine & lesion).sum() / (mine.sum() + lesion.sum()))
        hd95.append(surface_scores(mine, lesion, SPACING, ())["hd95_mm"] if near else 374.0)
    false = len(set(guesses.ravel().tolist()) - {0} - used)
    dice, hd95 = dice + [0.0] * false, hd95 + [374.0] * false
    if not dice:
        return math.nan, math.nan, 0, 0, 0
    return float(np.mean(dice)), float(np.mean(hd95)), found, missed, false


@each_seed()
def test_equal_to_the_rules_written_out(seed: int) -> None:
    draw = np.random.default_rng(seed)
    shape = tuple(int(n) for n in draw.integers(6, 16, 3))
    masks = []
    for _ in range(2):
        field = ndimage.gaussian_filter(draw.random(shape), draw.uniform(0.4, 1.5))
        masks.append(field > np.quantile(field, draw.uniform(0.85, 1.0)))
    for empty, mask in zip((seed % 20 in (7, 9), seed % 20 in (8, 9)), masks, strict=True):
        mask &= not empty
    challenge = list(CHALLENGES)[seed % len(CHALLENGES)]
    found = compute_lesion_wise_scores(*masks, SPACING, challenge=challenge)
    np.testing.assert_allclose(list(found.as_dict().values()), by_the_rules(*masks, challenge))


@pytest.mark.parametrize(
    ("pred", "true", "dice", "hd95"), [(0, 1, 0.0, 374.0), (1, 0, 0.0, 374.0), (0, 0, math.nan, math.nan), (1, 1, 1, 0)]
)
def test_empty_and_full(pred: int, true: int, dice: float, hd95: float) -> None:
    found = compute_lesion_wise_scores(np.full((4, 4, 4), pred), np.full((4, 4, 4), true), spacing=1.0)
    np.testing.assert_equal((found.lesion_wise_dice, found.lesion_wise_hd95_mm), (dice, hd95))
    nothing = np.zeros((4, 4, 4))
    best = compute_lesion_wise_scores(nothing, nothing, spacing=1.0, both_empty="perfect")
    assert (best.lesion_wise_dice, best.lesion_wise_hd95_mm) == (1, 0)


def test_metric_of_regions() -> None:
    pred, truth = (torch.from_numpy(mask)[None, None] for mask in two_lesions())
    metric = LesionWiseScoresMetric(("wt", "et"), spacing=1.0, missed_mm=100.0)
    metric(torch.cat([truth, pred], dim=1), torch.cat([truth, truth], dim=1))
    scores = metric.aggregate()
    assert (scores["wt_lesion_wise_dice"].item(), scores["et_lesion_wise_hd95_mm"].item()) == (1, 50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"challenge": "brats"}, "`challenge` needs one of 'gli'"),
        ({"both_empty": "one"}, "`both_empty` needs one of 'undefined', 'perfect'"),
        ({"spacing": None}, "`spacing` needs 3 entries"),
        ({"missed_mm": math.inf}, "`missed_mm` needs a finite number > 0"),
        ({"y": np.ones((2, 2)), "y_pred": np.ones((2, 2))}, "`y` needs 3 spatial dimensions for the rules of BraTS"),
    ],
)
def test_bad_options(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute_lesion_wise_scores(
            **{"y_pred": np.ones((2, 2, 2)), "y": np.ones((2, 2, 2)), "spacing": 1.0, **arguments}
        )
