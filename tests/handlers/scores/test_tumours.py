# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math

import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.handlers import from_engine

from monai_boundary.handlers import TumourScoresHandler
from monai_boundary.metrics import TumourScoresMetric
from tests.handlers.scores.test_lesions import run

TUMOUR = torch.zeros(3, 4, 4, 2)
TUMOUR[0, :3, :3] = 1
TUMOUR[1, 1:3, 1:3] = 1
TUMOUR[2, 1, 1, 1] = 1
LOW_GRADE = TUMOUR.clone()
LOW_GRADE[2] = 0
BOTH = from_engine(["pred", "label"])


def test_scores_of_an_epoch(caplog: pytest.LogCaptureFixture) -> None:
    handler = TumourScoresHandler(BOTH)
    with caplog.at_level(logging.WARNING):
        evaluator = run(handler, (TUMOUR, TUMOUR), (LOW_GRADE, TUMOUR), (TUMOUR, LOW_GRADE), (LOW_GRADE, LOW_GRADE))
    metrics = evaluator.state.metrics
    assert set(metrics) == set(TumourScoresMetric().score_names)
    assert all(type(value) is float for value in metrics.values())
    assert metrics["wt_dice"] == metrics["tc_jaccard"] == 1
    assert metrics["et_dice"] == pytest.approx(1 / 3)
    assert metrics["dice"] == pytest.approx((1 + 2 / 3 + 2 / 3 + 1) / 4)
    assert metrics["et_hd95_mm"] == pytest.approx(2 * math.sqrt(16 + 16 + 36) / 3)
    assert (metrics["et_missed"], metrics["et_false_alarm"]) == (1, 1)
    assert evaluator.state.metric_details["et_dice"].shape == (4, 1)
    assert "et was not predicted in 1 patients who have it, and predicted in 1 who have not" in caplog.text
    assert "wt was not predicted" not in caplog.text
    assert "1 of 4 items lack a region that was not predicted either; they are left out of the mean." in caplog.text


SNIPPET = """
handler:
  _target_: monai_boundary.handlers.TumourScoresHandler
  output_transform: "$monai.handlers.from_engine(['pred', 'label'])"
  regions: [tc]
  key_score: hd95_mm
  negate_key: true
  prefix: val_
  missed_mm: 374.0
"""


def test_built_from_a_bundle_configuration() -> None:
    parser = ConfigParser({"imports": ["$import monai"], **yaml.safe_load(SNIPPET)})
    metrics = run(parser.get_parsed_content("handler"), (0 * TUMOUR[:1], TUMOUR[:1]), name="key").state.metrics
    assert (metrics["key"], metrics["val_tc_hd95_mm"], metrics["val_tc_missed"]) == (-374.0, 374.0, 1.0)
