# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monai_boundary.metrics import ThresholdCurve
from monai_boundary.workflows.evaluation.threshold import (
    InstanceRule,
    as_evaluated,
    choose_threshold,
    evaluated_file,
    keep_evaluated,
)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    return path


def training(cremi: list[float]) -> tuple[Any, Any, list[str]]:
    """An engine, and the curve that it leaves: CREMI scores at 0.2, 0.4, ..., the lower the better."""
    ran: list[str] = []
    scores = np.array([[score, 0, 0, 0, 0] for score in cremi])
    handler = SimpleNamespace(curve=None)

    def run() -> None:
        ran.append("once")
        handler.curve = ThresholdCurve(np.arange(1, len(cremi) + 1) / 5, scores)

    return SimpleNamespace(run=run), handler, ran


def test_the_training_part_is_run_and_chooses(network: Path) -> None:
    engine, curve, ran = training([3, 1, 2])
    chosen = choose_threshold(None, network, engine, curve, method="watershed", min_size=4)
    assert chosen == InstanceRule(0.4, "the best of the training part", "watershed", 4)
    assert ran == ["once"]


def test_a_given_threshold_is_taken_and_the_training_curve_made_all_the_same(network: Path) -> None:
    engine, curve, ran = training([3, 1, 2])
    assert choose_threshold(0.7, network, engine, curve)[:2] == (0.7, "given")
    assert ran == ["once"]
    assert choose_threshold("0.7", network)[0] == 0.7  # type: ignore[arg-type]  # as a command line may give it


def test_without_a_training_part(network: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The threshold of an earlier evaluation of this network; without one 0.5, and that is said."""
    assert choose_threshold(None, network)[0] == 0.5
    assert "No training part to choose the threshold on: it is 0.5." in caplog.text
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part"))
    found = choose_threshold(None, network)
    assert found.threshold == 0.35
    assert str(evaluated_file(network)) in found.source


def test_the_method_goes_with_the_threshold_of_an_earlier_evaluation(network: Path) -> None:
    assert choose_threshold(None, network).method == "watershed"
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part", "components"))
    assert choose_threshold(None, network)[::2] == (0.35, "components")
    assert choose_threshold(None, network, method="barrier_cut")[::2] == (0.35, "barrier_cut")
    assert choose_threshold(0.4, network)[::2] == (0.4, "watershed")


def test_the_smallest_size_goes_with_it_too(network: Path) -> None:
    """It was the best of instances of that size; and what is kept now is what inference removes."""
    assert choose_threshold(None, network).min_size == 0
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part", "watershed", 12))
    assert choose_threshold(None, network).min_size == 12
    assert choose_threshold(None, network, min_size=0).min_size == 0
    assert choose_threshold(0.4, network).min_size == 0


def test_a_training_part_without_anything_to_score_chooses_nothing(network: Path) -> None:
    engine, curve, _ = training([np.nan, np.nan])
    assert choose_threshold(None, network, engine, curve)[0] == 0.5


def test_inference_takes_what_was_evaluated_and_says_so(network: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part", "watershed", 12))
    with caplog.at_level(logging.INFO):
        rule = as_evaluated(network)
    assert (rule.threshold, rule.method, rule.min_size) == (0.35, "watershed", 12)
    (line,) = caplog.messages
    assert line.startswith(
        "Instances by watershed at threshold 0.35, instances under 12 voxels removed: the best of the training"
    )
    assert str(evaluated_file(network)) in line


def test_what_is_given_overrides_one_by_one(network: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part", "barrier_cut", 12))
    with caplog.at_level(logging.INFO):
        assert as_evaluated(network, threshold=0.4)[:3] == (0.4, "given", "barrier_cut")
    assert caplog.messages[-1].endswith("at threshold 0.4, instances under 12 voxels removed: given.")
    assert as_evaluated(network, method="components", min_size=0) == InstanceRule(
        0.35, f"the best of the training part, in {evaluated_file(network)}", "components"
    )


def test_a_network_that_was_trained_further_has_no_threshold(network: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part"))
    network.write_bytes(b"other weights")
    assert as_evaluated(network).threshold == 0.5
    assert "is of another state of the network, and is not used: evaluate it again" in caplog.text
    assert "this network was not evaluated" in caplog.text


def test_a_folder_that_cannot_be_written_is_said(
    network: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("monai_boundary.workflows.evaluation.threshold.write_json", refuse)
    keep_evaluated(network, InstanceRule(0.35, "given"))
    assert "give inference --threshold 0.35" in caplog.text


def test_the_file_is_plain(network: Path) -> None:
    keep_evaluated(network, InstanceRule(0.35, "given"))
    kept = json.loads(evaluated_file(network).read_text())
    assert set(kept) == {"threshold", "source", "method", "min_size", "network"}
    assert as_evaluated(network.with_name("absent.pt")).threshold == 0.5


def test_what_an_evaluation_finds_is_in_its_own_folder(network: Path, tmp_path: Path) -> None:
    """A network that comes with a bundle is others' too: what lies beside it stays, for who has not evaluated."""
    keep_evaluated(network, InstanceRule(0.35, "the best of the training part"))
    beside = evaluated_file(network).read_bytes()
    ours, other = tmp_path / "ours", tmp_path / "other"
    keep_evaluated(network, InstanceRule(0.6, "given", "watershed", 4), ours)
    assert evaluated_file(network).read_bytes() == beside
    assert as_evaluated(network, output_dir=ours)[::2] == (0.6, "watershed")
    assert str(ours / "model_evaluated.json") in choose_threshold(None, network, output_dir=ours).source
    assert as_evaluated(network, output_dir=other).threshold == 0.35
    network.write_bytes(b"trained further")
    assert as_evaluated(network, output_dir=ours).threshold == 0.5
