# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.metrics import (
    AdaptedRandMetric,
    CREMIScoreMetric,
    InstanceMatchingMetric,
    InstanceScoresMetric,
    VariationOfInformationMetric,
)
from monai_boundary.metrics.instance_scores import MATCHING_SCORES, OVERLAP_SCORES


def ids(seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.kron(rng.integers(0, 6, (2, 1, 3, 4, 4)), np.ones((1, 1, 1, 5, 5), dtype=np.int64)))


def test_every_score_is_that_of_its_metric() -> None:
    pred, truth = ids(0), ids(1)
    pred[0, 0, 1] = truth[0, 0, 1]
    for options in ({}, {"per_section": True}, {"border_tolerance_nm": 4.0, "spacing": (40.0, 4.0, 4.0)}):
        ours = InstanceScoresMetric((*OVERLAP_SCORES, *MATCHING_SCORES), **options)
        rows = dict(zip(ours.score_names, ours(pred, truth).T, strict=True))
        theirs = [m(**options) for m in (CREMIScoreMetric, AdaptedRandMetric, VariationOfInformationMetric)]
        for metric in (*theirs, InstanceMatchingMetric()):
            for name, values in zip(metric.score_names, metric(pred, truth).T, strict=True):
                torch.testing.assert_close(rows[name], values, rtol=0, atol=1e-12, equal_nan=True)
        assert set(rows) == {*OVERLAP_SCORES, *MATCHING_SCORES}
    assert ours.counted == InstanceMatchingMetric.counted
    assert ours.aggregate()["missed_instances"] == rows["missed_instances"].sum()


def test_what_is_not_scored_has_no_partner_to_find() -> None:
    truth = torch.tensor([[[[1, 1, 9, 9, 2, 2]]]])
    pred = torch.tensor([[[[1, 1, 4, 4, 5, 5]]]])
    row = InstanceScoresMetric(("pq", "false_instances", "voi_merge"), ignore_labels=(0, 9))(pred, truth)
    assert row.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (("dice",), "`scores` needs some of cremi_score, .*, pq, .* got 'dice'"),
        ((), "`scores` needs a list of different names, at least one"),
        (("pq", "pq"), "`scores` needs a list of different names"),
        ("pq", "`scores` needs a list of different names"),
    ],
)
def test_names_that_are_none(scores: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InstanceScoresMetric(scores)  # type: ignore[arg-type]


def test_what_is_predicted_on_the_transparent_id_is_no_instance() -> None:
    """CREMI's 2**64 - 1, of a store of uint64, in the matching as in the overlaps."""
    truth = np.array([[[1, 1, 2**64 - 1, 2**64 - 1]]], dtype=np.uint64)
    predicted = np.array([[[4, 4, 5, 5]]], dtype=np.uint64)
    metric = InstanceScoresMetric(("pq", "false_instances", "voi_merge"), ignore_labels=(0, 2**64 - 1))
    assert metric([predicted], [truth]).tolist() == [[1.0, 0.0, 0.0]]


def test_an_item_without_a_match_is_not_said_to_have_no_truth() -> None:
    """Its segmentation quality alone is undefined."""
    metric = InstanceScoresMetric(("cremi_score", "sq"))
    metric(torch.tensor([[[[0, 5, 0, 0, 0]]]]), torch.tensor([[[[1, 1, 1, 2, 2]]]]))
    assert metric.count_undefined() == 1
    assert metric.undefined == "have no truth voxel to score, or no match and so no sq"
    assert InstanceScoresMetric(("cremi_score", "pq")).undefined == "have no truth voxel to score"
