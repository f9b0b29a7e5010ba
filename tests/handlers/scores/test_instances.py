# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import logging
import math
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
import yaml
from ignite.engine import Engine
from monai.bundle import ConfigParser
from monai.handlers import (
    CheckpointSaver,
    MetricsSaver,
    MLFlowHandler,
    StatsHandler,
    TensorBoardStatsHandler,
    from_engine,
)
from monai.transforms import Activationsd, Compose, Lambdad
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_boundary.handlers import InstanceScoresHandler, ThresholdCurveHandler
from tests.handlers.scores.evaluators import BOTH, TRUTH, Shift, evaluator_of

MERGED = torch.ones_like(TRUTH)
NOTHING = torch.zeros_like(TRUTH)
CREMI_NAMES = {"cremi_score", "voi_split", "voi_merge", "arand", "ari"}
VOI: dict[str, Any] = {"scores": ("voi_split", "voi_merge"), "key_score": "voi_merge"}
RAND = ("ari", "arand", "rand_precision", "rand_recall")
MERGE_SCORE = math.sqrt(1 / 3)


def test_every_score_is_a_number_of_its_own() -> None:
    evaluator = evaluator_of([(MERGED, TRUTH), (TRUTH, TRUTH), (TRUTH, TRUTH)], {"best": InstanceScoresHandler(BOTH)})
    evaluator.run()
    metrics = evaluator.state.metrics
    assert set(metrics) == {"best", *CREMI_NAMES}
    assert all(type(value) is float for value in metrics.values())
    expected = {"cremi_score": MERGE_SCORE / 3, "voi_split": 0, "voi_merge": 1 / 3, "arand": 1 / 9, "ari": 8 / 9}
    assert metrics == pytest.approx({"best": MERGE_SCORE / 3, **expected})
    details = evaluator.state.metric_details
    np.testing.assert_allclose(details["cremi_score"].numpy(), [[MERGE_SCORE], [0], [0]])
    assert set(details) == CREMI_NAMES


def test_all_handlers_side_by_side() -> None:
    membrane = (TRUTH == 0).float()
    handlers = {
        "voi": InstanceScoresHandler(from_engine(["instances", "label_instances"]), **VOI, prefix="a_"),
        "rand": InstanceScoresHandler(from_engine(["instances", "label_instances"]), scores=RAND),
        "curve": ThresholdCurveHandler(BOTH, thresholds=(0.25, 0.5)),
    }

    def add_instances(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "instances": torch.ones_like(data["pred"])}

    evaluator = evaluator_of([(membrane, TRUTH)], handlers, postprocessing=add_instances)
    evaluator.run()
    assert evaluator.state.metrics == pytest.approx(
        {
            "voi": 1.0,
            "a_voi_split": 0.0,
            "a_voi_merge": 1.0,
            "rand": 2 / 3,
            "ari": 2 / 3,
            "arand": 1 / 3,
            "rand_precision": 0.5,
            "rand_recall": 1.0,
            "curve": 1.0,
            "ari_area": 1.0,
            "ari_best": 1.0,
            "ari_best_threshold": 0.25,
            "cremi_score_area": 0.0,
            "cremi_score_best": 0.0,
            "cremi_score_best_threshold": 0.25,
        }
    )
    curve = handlers["curve"].curve  # type: ignore[attr-defined]
    assert curve.score("ari").tolist() == [1.0, 1.0]
    assert evaluator.state.metric_details["ari_by_threshold"].shape == (1, 2)


def test_epochs_start_anew() -> None:
    prediction = {"now": MERGED}
    evaluator = evaluator_of(
        [(TRUTH, TRUTH)],
        {"key": InstanceScoresHandler(BOTH, **VOI)},
        postprocessing=Lambdad("pred", lambda _: prediction["now"]),
    )
    evaluator.run()
    assert evaluator.state.metrics["key"] == 1.0
    prediction["now"] = TRUTH
    evaluator.run()
    assert evaluator.state.metrics["key"] == 0.0
    assert evaluator.state.metric_details["voi_merge"].shape == (1, 1)


def test_the_output_wins_over_the_batch() -> None:
    evaluator = evaluator_of(
        [(TRUTH, TRUTH)],
        {"key": InstanceScoresHandler(**VOI, output_transform=from_engine(["pred", "label"]))},
        postprocessing=Lambdad("label", lambda _: MERGED),  # of the output; the batch's own is the truth
    )
    evaluator.run()
    assert evaluator.state.metrics["voi_split"] == pytest.approx(-2 * 0.4 * math.log2(0.4) - 0.2 * math.log2(0.2))


@pytest.mark.parametrize("decollate", [True, False])
def test_batches_and_lists_of_items(decollate: bool) -> None:
    handler = InstanceScoresHandler(BOTH, **VOI)
    evaluator = evaluator_of([(MERGED, TRUTH), (TRUTH, TRUTH)], {"key": handler}, decollate=decollate)
    evaluator.run()
    assert evaluator.state.metrics["key"] == 0.5


def test_outputs_that_are_no_dictionaries() -> None:
    engine = Engine(lambda _, batch: batch)
    InstanceScoresHandler(**VOI).attach(engine, "key")
    assert engine.run([(MERGED[None], TRUTH[None])]).metrics["key"] == 1.0


def test_undefined_items_are_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    evaluator = evaluator_of([(MERGED, TRUTH), (MERGED, NOTHING)], {"key": InstanceScoresHandler(BOTH)})
    with caplog.at_level(logging.WARNING):
        evaluator.run()
    assert evaluator.state.metrics["cremi_score"] == pytest.approx(MERGE_SCORE)
    assert "key: 1 of 2 items have no truth voxel to score; they are left out of the mean." in caplog.text


def test_nothing_defined_is_nan_and_never_perfect() -> None:
    evaluator = evaluator_of([(MERGED, NOTHING)], {"key": InstanceScoresHandler(BOTH)})
    evaluator.run()
    assert all(math.isnan(value) for value in evaluator.state.metrics.values())


def test_the_negated_key_lets_larger_be_better(tmp_path: Path) -> None:
    network = Shift()
    saver = CheckpointSaver(str(tmp_path), {"network": network}, save_key_metric=True, key_metric_filename="best.pt")
    prediction: dict[str, torch.Tensor] = {}
    evaluator = evaluator_of(
        [(TRUTH, TRUTH)],
        {"key": InstanceScoresHandler(BOTH, negate_key=True)},
        network=network,
        postprocessing=Lambdad("pred", lambda _: prediction["now"]),
        val_handlers=[saver],
    )
    for epoch, now in enumerate((MERGED, TRUTH, MERGED), 1):
        prediction["now"] = now
        torch.nn.init.constant_(network.shift, float(epoch))
        evaluator.run(epoch)
    assert evaluator.state.metrics["key"] == pytest.approx(-MERGE_SCORE)
    assert evaluator.state.metrics["cremi_score"] == pytest.approx(MERGE_SCORE)
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.0, 2)
    assert torch.load(tmp_path / "best.pt")["shift"].item() == 2.0


def test_a_negative_sign_in_the_saver_is_the_other_way(tmp_path: Path) -> None:
    network = Shift()
    saver = CheckpointSaver(
        str(tmp_path),
        {"network": network},
        save_key_metric=True,
        key_metric_filename="best.pt",
        key_metric_negative_sign=True,
    )
    prediction: dict[str, torch.Tensor] = {}
    evaluator = evaluator_of(
        [(TRUTH, TRUTH)],
        {"cremi_score": InstanceScoresHandler(BOTH)},
        network=network,
        postprocessing=Lambdad("pred", lambda _: prediction["now"]),
        val_handlers=[saver],
        metric_cmp_fn=lambda now, best: now < best,
    )
    for epoch, now in enumerate((MERGED, TRUTH, MERGED), 1):
        prediction["now"] = now
        torch.nn.init.constant_(network.shift, float(epoch))
        evaluator.run(epoch)
    assert evaluator.state.best_metric_epoch == 2
    assert torch.load(tmp_path / "best.pt")["shift"].item() == 2.0


@pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated")  # MLflow's own tables
def test_monais_handlers_see_every_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    tracking = MLFlowHandler(uri, run_name="one", iteration_log=False, close_on_complete=True)
    evaluator = evaluator_of(
        [(MERGED, TRUTH), (TRUTH, TRUTH)],
        {"negative_cremi": InstanceScoresHandler(BOTH, negate_key=True)},
        val_handlers=[
            StatsHandler(name="scores", output_transform=lambda _: None),
            TensorBoardStatsHandler(log_dir=str(tmp_path / "board"), output_transform=lambda _: None),
            MetricsSaver(str(tmp_path / "csv"), metric_details="*", batch_transform=lambda _: [{}, {}]),
            tracking,
        ],
    )
    evaluator.run()
    said = capsys.readouterr().out
    names = {"negative_cremi", *CREMI_NAMES}
    assert all(f"{name}: " in said for name in names)
    board = EventAccumulator(str(tmp_path / "board")).Reload()
    assert set(board.Tags()["scalars"]) == names
    assert board.Scalars("cremi_score")[0].value == pytest.approx(MERGE_SCORE / 2)
    with (tmp_path / "csv" / "metrics.csv").open() as file:
        written = {name: float(value) for name, value in csv.reader(file)}
    assert written == pytest.approx(evaluator.state.metrics)
    with (tmp_path / "csv" / "voi_merge_raw.csv").open() as file:
        assert [float(row[1]) for row in list(csv.reader(file))[1:]] == [1.0, 0.0]
    (run,) = mlflow.MlflowClient(uri).search_runs(["1"])
    assert run.data.metrics == pytest.approx(evaluator.state.metrics)


SNIPPET = """
handlers:
  cremi:
    _target_: monai_boundary.handlers.InstanceScoresHandler
    output_transform: "$monai.handlers.from_engine(['instances', 'label_instances'])"
    negate_key: true
    border_tolerance_nm: 5.0
    spacing: [4.0, 8.0]
  curve:
    _target_: monai_boundary.handlers.ThresholdCurveHandler
    output_transform: "$monai.handlers.from_engine(['pred', 'label_instances'])"
    thresholds: "$[t / 10 for t in range(2, 9)]"
"""


def test_built_from_a_bundle_configuration() -> None:
    parser = ConfigParser({"imports": ["$import monai"], **yaml.safe_load(SNIPPET)})
    handlers = {
        "val_negative_cremi": parser.get_parsed_content("handlers::cremi"),
        "ari_area": parser.get_parsed_content("handlers::curve"),
    }

    def instances(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "instances": TRUTH.clone()}

    membrane = torch.where(TRUTH == 0, 4.0, -4.0)
    post = Compose([Activationsd("pred", sigmoid=True), instances])
    evaluator = evaluator_of([(membrane, TRUTH)], handlers, postprocessing=post)
    evaluator.run()
    assert evaluator.state.metrics["val_negative_cremi"] == 0.0
    assert evaluator.state.metrics["ari_area"] == evaluator.state.metrics["ari_best"] == 1.0
    assert evaluator.state.metric_details["ari_by_threshold"].shape == (1, 7)


def test_bad_key_score() -> None:
    with pytest.raises(ValueError, match=r"`key_score` needs one of 'cremi_score', .*, got 'dice'"):
        InstanceScoresHandler(key_score="dice")
    with pytest.raises(ValueError, match=r"`scores` needs some of cremi_score, .*, got 'voi'"):
        InstanceScoresHandler(scores=["voi_split"], key_score="voi")


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (InstanceScoresHandler(), "ari"),
        (InstanceScoresHandler(negate_key=True), "cremi_score"),
        (InstanceScoresHandler(prefix="val_"), "val_arand"),
    ],
)
def test_a_name_that_would_be_written_over_is_an_error(handler: InstanceScoresHandler, name: str) -> None:
    with pytest.raises(ValueError, match=rf"`name` needs to differ from the scores .*, got '{name}'"):
        handler.attach(Engine(lambda *_: None), name)
