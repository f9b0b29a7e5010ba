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

from monai_boundary.handlers import VolumeScoresHandler
from monai_boundary.metrics import LesionScoresMetric, TumourScoresMetric
from monai_boundary.metrics.mask_score_names import LESION_SCORES
from monai_boundary.workflows import VolumeTask

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


def test_lesions_of_an_epoch(caplog: pytest.LogCaptureFixture) -> None:
    handler = VolumeScoresHandler(BOTH, structures={"lesion": 1}, scores=LESION_SCORES, ignore_labels=(2,))
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
    assert "the structure was not predicted in 1 items that have it, and predicted in 1 that have not" in caplog.text
    assert "1 of 4 items lack a structure that was not predicted either; they are left out of the mean." in caplog.text


def test_nothing_defined_stays_nan() -> None:
    metrics = run(VolumeScoresHandler(BOTH), (NOTHING, NOTHING)).state.metrics
    assert math.isnan(metrics["dice"])
    assert math.isnan(metrics["hd95_mm"])
    assert metrics["missed"] == 0


SNIPPET = """
handler:
  _target_: monai_boundary.handlers.VolumeScoresHandler
  output_transform: "$monai.handlers.from_engine(['pred', 'label'])"
  structures: {lesion: 1}
  scores: [dice, hd95_mm, lesion_f1]
  key_score: hd95_mm
  negate_key: true
  prefix: val_
  missed_mm: 374.0
  section_axis: 2
"""


def test_built_from_a_configuration() -> None:
    parser = ConfigParser({"imports": ["$import monai"], **yaml.safe_load(SNIPPET)})
    metrics = run(parser.get_parsed_content("handler"), (NOTHING, LESION), name="key").state.metrics
    assert (metrics["key"], metrics["val_hd95_mm"], metrics["val_missed"]) == (-374.0, 374.0, 1.0)


TUMOUR = torch.zeros(3, 4, 4, 2)
TUMOUR[0, :3, :3] = 1
TUMOUR[1, 1:3, 1:3] = 1
TUMOUR[2, 1, 1, 1] = 1
LOW_GRADE = TUMOUR.clone()
LOW_GRADE[2] = 0


def test_regions_of_an_epoch(caplog: pytest.LogCaptureFixture) -> None:
    handler = VolumeScoresHandler(BOTH, structures=["wt", "tc", "et"], key_score="dice")
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
    assert "et was not predicted in 1 items that have it, and predicted in 1 that have not" in caplog.text
    assert "wt was not predicted" not in caplog.text
    assert "1 of 4 items lack a structure that was not predicted either; they are left out of the mean." in caplog.text


TASK = VolumeTask(
    {"t1": "unit"}, {"background": 0, "front": 3, "back": 5}, scores=["hd95_mm", "dice"], key_score="back_dice"
)


def test_the_task_says_what_is_scored() -> None:
    truth = torch.tensor([0.0, 1, 1, 2, 2, 3, 0, 0]).reshape(1, 2, 2, 2)
    pred = torch.tensor([0.0, 1, 1, 2, 0, 2, 0, 0]).reshape(1, 2, 2, 2)
    metrics = run(VolumeScoresHandler(BOTH, task=TASK), (pred, truth), name="key").state.metrics
    assert metrics["key"] == metrics["back_dice"] == pytest.approx(2 / 3), "the voxel of 3 does not count"
    assert metrics["front_dice"] == 1
    missed = run(VolumeScoresHandler(BOTH, task=TASK, missed_mm=9.0), (0 * pred, truth), name="key").state.metrics
    assert missed["hd95_mm"] == 9
    with pytest.raises(ValueError, match="`task` has structures of its own"):
        VolumeScoresHandler(BOTH, task=TASK, structures=["a"])


def test_other_scores_than_the_task_s_beside_the_one_that_selects() -> None:
    truth = torch.tensor([0.0, 1, 1, 2, 2, 2, 0, 0]).reshape(1, 2, 2, 2)
    handler = VolumeScoresHandler(BOTH, task=TASK, scores=["nsd_1mm", "betti_error", "component_hd95"])
    metrics = run(handler, (truth, truth), name="key").state.metrics
    assert metrics["key"] == metrics["back_dice"] == 1
    assert (metrics["front_nsd_1mm"], metrics["betti_error"], metrics["component_hd95_mm"]) == (1, 0, 0)
    assert not {"hd95_mm", "jaccard"} & set(metrics)
    with pytest.raises(ValueError, match=r"`scores` needs some of dice, .* got 'sharpness'"):
        VolumeScoresHandler(BOTH, task=TASK, scores=["sharpness"])
