# SPDX-License-Identifier: Apache-2.0
"""The report at the end of an evaluation: the scores that the command gives of the same masks as files."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import MLFlowHandler, from_engine

from monai_boundary._tables import read_table
from monai_boundary.handlers import ItemScoresHandler
from monai_boundary.metrics import LesionScoresMetric
from monai_boundary.report import case_evaluation, evaluate_folders
from monai_boundary.report.case_scores import score_masks
from monai_boundary.workflows import CaseReport
from monai_boundary.workflows.evaluation import case_report
from tests.report.case_folders import ball, write_cases
from tests.study.test_tracking import server

__all__ = ["server"]

AFFINE = torch.diag(torch.tensor([1.0, 1.0, 2.0, 1.0], dtype=torch.float64))


class Given(torch.nn.Module):
    """Predicts what it is given: the image is the prediction."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image


def evaluate(
    items: Sequence[dict[str, Any]], report: CaseReport, *others: Any, batch_size: int = 2
) -> SupervisedEvaluator:
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=batch_size),
        network=Given(),
        val_handlers=[*others, report],
    )
    evaluator.run()
    return evaluator


def item(case: str, pred: Any, true: Any, **more: Any) -> dict[str, Any]:
    tensors = [MetaTensor(torch.as_tensor(np.asarray(x))[None].float(), affine=AFFINE) for x in (pred, true)]
    return {"case": case, "image": tensors[0], "label": tensors[1], **more}


CASES = {"a": (ball(radius=2.0), ball()), "<b>": (ball() * 0, ball()), "c": (ball() * 0, ball() * 0)}


def test_the_same_tables_as_of_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ignite.engine"), caplog.at_level(logging.INFO):  # as in a bundle
        evaluate([item(name, *pair) for name, pair in CASES.items()], CaseReport(tmp_path / "run", classes={"x": 1}))
    assert f"Report: {tmp_path / 'run' / 'report.html'}, " in caplog.text
    sides = [write_cases(tmp_path / side, {n: p[k] for n, p in CASES.items()}) for k, side in enumerate(("p", "t"))]
    evaluate_folders(*sides, tmp_path / "files", classes="x=1", page=False)
    found, expected = (
        {row["case"]: row for row in read_table(folder / "cases.csv")}
        for folder in (tmp_path / "run" / "report", tmp_path / "files")
    )
    assert {row.pop("method") for row in found.values()} == {"network"}
    assert {row.pop("method") for row in expected.values()} == {"p"}
    assert found == expected
    text = (tmp_path / "run" / "report.html").read_text()
    assert "&lt;b&gt;" in text
    assert text.count('class="drawing"') == 3
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith("report_")] == []
    assert not (tmp_path / "run" / "report" / "report.html").exists()


def test_every_case_is_scored_once_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pictures nothing is kept on disk; with them labels are, to be drawn."""
    scored: list[Any] = []
    monkeypatch.setattr(case_evaluation, "score_masks", lambda *masks: scored.append(masks) or score_masks(*masks))
    monkeypatch.setattr(case_evaluation, "read_stored_labels", lambda *_: pytest.fail("it is in memory"))
    kept: list[Path] = []
    monkeypatch.setattr(case_report, "write_label_volume", lambda volume, path: kept.append(path) or path)
    items = [item(name, *pair) for name, pair in CASES.items()]
    evaluate(items, CaseReport(tmp_path / "a", classes={"x": 1}, pictures="none"))
    assert (len(scored), kept) == (len(CASES), [])
    evaluate(items, CaseReport(tmp_path / "b", classes={"x": 1}, pictures=0))
    assert (len(scored), kept) == (2 * len(CASES), [])


def test_a_case_that_fails_is_told_and_an_evaluation_that_ends_early_leaves_the_last_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items = [item("good", *CASES["a"]), item("half", ball() * 0.5, ball()), item("other", ball()[:3], ball())]
    evaluate(items, CaseReport(tmp_path, pictures=1), batch_size=1)
    assert "case half failed: `prediction` needs whole numbers, got 0.5" in caplog.text
    assert "case other failed: the prediction is on another grid than the truth: shape (3," in caplog.text
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert [record["case"] for record in summary["failed"]] == ["half", "other"]
    assert "2 cases failed" in (tmp_path / "report.html").read_text()

    class Ended(CaseReport):
        def finish(self, engine: Any) -> None:
            raise KeyboardInterrupt

    ended = Ended(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        evaluate(items[:1], ended)
    del ended
    assert json.loads((tmp_path / "report" / "summary.json").read_text()) == summary


def test_regions_in_channels_overlap(tmp_path: Path) -> None:
    """Whole and core, nested; the core is missed in one of two cases."""
    whole, core = ball(), ball(radius=1.0)
    items = [item("a", [whole, core], [whole, core]), item("b", [whole, core * 0], [whole, core])]
    for entry in items:
        entry["image"], entry["label"] = entry["image"][0], entry["label"][0]
    evaluate(items, CaseReport(tmp_path, classes=("whole", "core"), challenge="gli", pictures="none"))
    rows = {(row["case"], row["class"]): row for row in read_table(tmp_path / "report" / "cases.csv")}
    assert [rows[key]["dice"] for key in (("a", "whole"), ("a", "core"), ("b", "whole"), ("b", "core"))] == [1, 1, 1, 0]
    assert rows["b", "core"]["missed"] == 1
    assert "lesion_wise_dice" in rows["a", "whole"]


def test_spacing_of_the_item_and_labels_left_out(tmp_path: Path) -> None:
    other = np.where(ball(centre=(9, 9, 6), radius=1.0), 2, 0)
    items = [item("a", ball() | (other > 0), ball() + other, spacing=torch.tensor([2.0, 2.0, 4.0]))]
    evaluate(items, CaseReport(tmp_path, classes={"lesion": 1}, ignore_labels=[2], pictures="none"))
    (row,) = read_table(tmp_path / "report" / "cases.csv")
    assert (row["dice"], row["volume_truth_ml"]) == (1, pytest.approx(ball().sum() * 16 / 1000))


def test_instances_with_the_membrane(tmp_path: Path) -> None:
    ids = np.kron(np.arange(1, 5).reshape(2, 2), np.ones((6, 6), int))
    truth = MetaTensor(torch.from_numpy(ids)[None], meta={"units": "nm"}, affine=torch.eye(4, dtype=torch.float64) * 4)
    membrane = torch.full((1, 12, 12), 0.3)
    entry = {"image": membrane, "label": truth, "cells": truth.clone(), "case": "s", "slice": 3}
    report = CaseReport(
        *(tmp_path, "cells"), instances=True, probability="image", border_tolerance_nm=4.0, ignore_labels=[0]
    )
    evaluate([entry], report)
    (row,) = read_table(tmp_path / "report" / "cases.csv")
    assert (row["case"], row["pq"], row["voi_split"]) == ("s, slice 3", 1, 0)
    assert len(read_table(tmp_path / "report" / "instances.csv")) == 4
    assert read_table(tmp_path / "report" / "thresholds.csv")[-1]["voi_merge"] == pytest.approx(2)


def test_voxels_of_unknown_size_are_voxels_and_two_units_are_no_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not cubes of a millimetre; the reason is in the line itself, since a bundle's log has no traceback."""
    ids = torch.from_numpy(np.kron(np.arange(1, 5).reshape(2, 2), np.ones((6, 6), int)))[None]
    entries = []
    for units in ("voxel", "nm"):
        truth = MetaTensor(ids, meta={"units": units}, affine=torch.eye(3, dtype=torch.float64))
        entries.append({"image": truth.clone(), "label": truth, "case": units, "spacing": torch.ones(2)})
    evaluate(entries[:1], CaseReport(tmp_path, instances=True))
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["unit"] == "voxel"
    evaluate(entries, CaseReport(tmp_path, instances=True), batch_size=1)
    said = [record.getMessage() for record in caplog.records]
    assert any("stand: cases need one unit of lengths and volumes, got voxel" in line for line in said)


def test_without_the_pages_libraries_there_are_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with caplog.at_level(logging.WARNING):
        evaluate([item("a", *CASES["a"])], CaseReport(tmp_path))
    assert "tables, but no page: the page needs Jinja2, Plotly" in caplog.text
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["failed"] == []
    assert not (tmp_path / "report.html").exists()


def test_a_report_that_fails_ends_no_evaluation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = evaluate([item("a", ball() * 0.5, ball())], CaseReport(tmp_path))
    assert engine.state.iteration == 1
    assert "no case could be scored (1 failed). a: `prediction` needs whole numbers, got 0.5" in caplog.text
    caplog.clear()
    evaluate([item("a", ball(), ball())], CaseReport(tmp_path, classes=("one", "two")))
    assert "`classes` needs a name for each of 1 channels" in caplog.text
    with pytest.raises(ValueError, match="`challenge` needs classes or regions"):
        CaseReport(tmp_path, instances=True, challenge="gli")
    with pytest.raises(ValueError, match="`pictures` needs 'worst', 'all', 'none' or a whole number >= 0, got 'best'"):
        CaseReport(tmp_path, pictures="best")  # else said after the evaluation, in place of its report


def test_page_and_tables_are_artifacts_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "monai_boundary.workflows.evaluation.case_report.mlflow_runs",
        lambda _: iter([lambda path, place: logged.append((path, place))]),
    )
    evaluate([item("a", ball(), ball())], CaseReport(tmp_path, pictures=0))
    tables = [tmp_path / "report" / name for name in ("cases.csv", "lesions.csv", "summary.json")]
    assert sorted(logged) == sorted((str(path), "report") for path in [tmp_path / "report.html", *tables])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_page_tables_and_scores_arrive_at_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    scores = ItemScoresHandler(LesionScoresMetric(), from_engine(["pred", "label"]), key_score="dice")
    tracked = MLFlowHandler(server, experiment_name="evaluations", run_name="of the test", iteration_log=False)
    items = [item("a", *CASES["a"]), item("<b>", *CASES["<b>"])]
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=1),
        network=Given(),
        key_val_metric={"dice": scores},
        val_handlers=[tracked, CaseReport(tmp_path / "run", pictures=0)],
    )
    engine.run()
    tracked.close()
    client = mlflow.MlflowClient(tracking_uri=server)
    (run,) = client.search_runs([client.get_experiment_by_name("evaluations").experiment_id])
    assert run.info.run_name == "of the test"
    assert {file.path for file in client.list_artifacts(run.info.run_id, "report")} == {
        f"report/{name}" for name in ("report.html", "cases.csv", "lesions.csv", "summary.json")
    }
    assert run.data.metrics["dice"] == pytest.approx(engine.state.metrics["dice"])
    there = Path(client.download_artifacts(run.info.run_id, "report", str(tmp_path)))
    assert (there / "report.html").read_bytes() == (tmp_path / "run" / "report.html").read_bytes()
    assert json.loads((there / "summary.json").read_text())["methods"]["network"]["1"]["missed"] == 1
