# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math
from typing import Any

import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine

from monai_boundary.handlers import LesionScoresHandler
from monai_boundary.metrics import LesionScoresMetric

AFFINE = torch.diag(torch.tensor([-1.0, -1.0, 3.0, 1.0], dtype=torch.float64))
LESION = torch.zeros(1, 4, 4, 2)
LESION[0, 1, 1, 0] = 1
OTHER = LESION.clone()
OTHER[0, 3, 3, 1] = 2
NOTHING = torch.zeros_like(LESION)


def run(handler: Any, *items: tuple[torch.Tensor, torch.Tensor], name: str = "dice") -> Any:
    data = [{"image": MetaTensor(p, affine=AFFINE), "label": MetaTensor(t, affine=AFFINE)} for p, t in items]
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data), batch_size=2),
        network=torch.nn.Identity(),
        key_val_metric={name: handler},
    )
    evaluator.run()
    return evaluator


BOTH = from_engine(["pred", "label"])


def test_scores_of_an_epoch(caplog: pytest.LogCaptureFixture) -> None:
    handler = LesionScoresHandler(BOTH, ignore_labels=(2,))
    with caplog.at_level(logging.WARNING):
        evaluator = run(handler, ((OTHER > 0).float(), OTHER), (NOTHING, LESION), (LESION, NOTHING), (NOTHING, NOTHING))
    metrics = evaluator.state.metrics
    assert set(metrics) == set(LesionScoresMetric.score_names)
    assert all(type(value) is float for value in metrics.values())
    miss = math.sqrt(16 + 16 + 36)
    assert metrics["dice"] == pytest.approx(1 / 3)
    assert metrics["hd95_mm"] == pytest.approx(2 * miss / 3)
    assert (metrics["missed"], metrics["false_alarm"]) == (1, 1)
    assert metrics["lesion_recall"] == 0.5
    assert evaluator.state.metric_details["hd95_mm"].shape == (4, 1)
    assert "nothing was predicted in 1 patients with lesions, and something in 1 without; hd95_mm counts" in caplog.text
    assert "1 of 4 items have no lesion, and none was predicted; they are left out of the mean." in caplog.text


def test_nothing_defined_stays_nan() -> None:
    metrics = run(LesionScoresHandler(BOTH), (NOTHING, NOTHING)).state.metrics
    assert math.isnan(metrics["dice"])
    assert math.isnan(metrics["hd95_mm"])
    assert metrics["missed"] == 0


SNIPPET = """
handler:
  _target_: monai_boundary.handlers.LesionScoresHandler
  output_transform: "$monai.handlers.from_engine(['pred', 'label'])"
  key_score: hd95_mm
  negate_key: true
  prefix: val_
  missed_mm: 374.0
  section_axis: 2
"""


def test_built_from_a_bundle_configuration() -> None:
    parser = ConfigParser({"imports": ["$import monai"], **yaml.safe_load(SNIPPET)})
    metrics = run(parser.get_parsed_content("handler"), (NOTHING, LESION), name="key").state.metrics
    assert (metrics["key"], metrics["val_hd95_mm"], metrics["val_missed"]) == (-374.0, 374.0, 1.0)
