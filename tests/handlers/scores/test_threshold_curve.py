# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.handlers import ThresholdCurveHandler
from tests.handlers.scores.evaluators import BOTH, TRUTH, evaluator_of


def test_the_curve_of_a_perfect_map_and_of_none() -> None:
    """At 0.25 both walls stand and all is right; at 0.6 the fainter one is gone, and its two instances are one.

    Of equal halves in one piece the precision is 1/2 and the recall 1: 2 / (2 + 1) is their harmonic mean.
    """
    membrane = (TRUTH == 0).float()
    handler = ThresholdCurveHandler(BOTH, thresholds=(0.25, 0.6))
    evaluator = evaluator_of([(membrane, TRUTH), (membrane / 2, TRUTH)], {"curve": handler})
    evaluator.run()
    assert handler.curve is not None
    assert handler.curve.score("ari").tolist() == pytest.approx([1.0, (1 + 2 / 3) / 2])
    assert evaluator.state.metrics["ari_best"] == evaluator.state.metrics["ari_best_threshold"] * 4 == 1.0
    details = evaluator.state.metric_details["ari_by_threshold"].numpy()
    np.testing.assert_allclose(details, [[1, 1], [1, 2 / 3]])
