# SPDX-License-Identifier: Apache-2.0
"""Surface scores over a data set: the price and the count of a miss in every policy, classes and regions."""

from __future__ import annotations

import math

import pytest
import torch

from monai_boundary.metrics import (
    SurfaceScoresMetric,
    compute_surface_scores,
)

TRUTH = torch.zeros(3, 1, 6, 6)
TRUTH[:, :, 2:4, 2:4] = 1
PRED = TRUTH.clone()
PRED[1] = 0  # missed
PRED[2, :, 2:4, 4] = 1


@pytest.mark.parametrize(
    ("policy", "mean"),
    [("diagonal", (1 + 72**0.5) / 3), ("worst", math.inf), ("nan", math.nan), ("ignore", 0.5)],
)
def test_a_miss_in_the_mean_and_beside_it(policy: str, mean: float) -> None:
    metric = SurfaceScoresMetric(spacing=1.0, empty_policy=policy)
    rows = metric(PRED, TRUTH)
    assert rows.shape == (3, len(metric.score_names))
    scores = metric.aggregate()
    assert scores["hd_mm"].item() == pytest.approx(mean, nan_ok=True)
    assert scores["missed"].item() == 1
    assert scores["nsd_1mm"].item() == pytest.approx(2 / 3)  # a miss is 0 in every overlap, whatever the policy
    assert metric.aggregate("none")["hd_mm"].shape == (3, 1)


def test_no_miss_has_no_nan() -> None:
    metric = SurfaceScoresMetric(("a", "b"), spacing=1.0, empty_policy="nan")
    both = torch.cat([TRUTH, TRUTH], dim=1)
    metric(torch.cat([TRUTH, PRED], dim=1), both)
    scores = metric.aggregate()
    assert (scores["a_hd_mm"].item(), scores["a_missed"].item(), scores["b_missed"].item()) == (0, 0, 1)
    assert math.isnan(scores["b_hd_mm"])


def test_equals_the_function_by_label_and_by_channel(rng) -> None:
    labels = torch.from_numpy(rng.integers(0, 3, (2, 1, 5, 6, 4)))
    guess = torch.from_numpy(rng.integers(0, 3, (2, 1, 5, 6, 4)))
    options = {"tolerances_mm": (0.5, 3.0), "boundary_width_mm": 1.0}
    by_label = SurfaceScoresMetric({"one": 1, "two": 2}, spacing=(1.0, 2.0, 3.0), **options)(guess, labels)
    masks = [torch.cat([values == 1, values == 2], dim=1) for values in (guess, labels)]
    by_channel = SurfaceScoresMetric(("one", "two"), spacing=(1.0, 2.0, 3.0), **options)(*masks)
    assert torch.equal(by_label, by_channel)
    for item in range(2):
        for number in range(2):
            pair = (guess[item, 0].numpy() == number + 1, labels[item, 0].numpy() == number + 1)
            expected = list(compute_surface_scores(*pair, (1.0, 2.0, 3.0), **options).as_dict().values())
            width = len(expected)
            assert by_label[item, number * width : (number + 1) * width].tolist() == expected


def test_options_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="`empty_policy` needs one of"):
        SurfaceScoresMetric(empty_policy="zero")
