# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from monai_boundary.study import RunError, StudyPlan, StudyRun, read_study
from monai_boundary.study.runs import RunPool, log_tail, visible_gpus
from monai_boundary.study.scores import run_rows
from tests.study.pretend_bundle import study


def ran(runner: RunPool) -> dict[str, RunError | None]:
    return {run.folder: failure for run, failure in runner.run(runner.plan.runs())}


def test_a_run_leaves_its_layers_its_log_and_what_it_was(bundle: Path, tmp_path: Path) -> None:
    runner = RunPool(read_study(study(bundle, seeds=[4], common={"epochs": 2})), tmp_path / "out")
    assert ran(runner) == {"plain_seed4": None, "good_loss_seed4": None, "same_seed4": None}
    folder = runner.folder(StudyRun("good loss", 4, None))
    about = json.loads((folder / "run.json").read_text())
    assert (about["arm"], about["seed"], about["fold"], about["device"]) == ("good loss", 4, None, "cpu")
    assert about["overrides"] == yaml.safe_load((folder / "overrides.yaml").read_text())
    assert about["overrides"]["effect"] == 0.2
    assert about["seconds"] > 0
    assert "monai_boundary.handlers.StepTime" in (folder / "log.txt").read_text()
    assert ran(runner) == {}, "finished runs are kept"


def test_a_half_finished_run_goes_on(bundle: Path, tmp_path: Path) -> None:
    runner = RunPool(read_study(study(bundle, arms={"plain": {}}, seeds=[0])), tmp_path / "out")
    assert ran(runner) == {"plain_seed0": None}
    folder = runner.folder(runner.plan.runs()[0])
    (folder / "run.json").unlink()
    rows = (folder / "metrics.csv").read_text().splitlines()
    (folder / "metrics.csv").write_text("\n".join(rows[:3]) + "\n")
    assert ran(runner) == {"plain_seed0": None}
    begun = [line.split(",")[0] for line in (folder / "log.txt").read_text().splitlines()]
    assert begun == ["begins after epoch 0", "begins after epoch 2"]
    assert (folder / "metrics.csv").read_text().splitlines() == rows


def test_a_failing_run_shows_the_end_of_its_log_and_the_others_go_on(bundle: Path, tmp_path: Path) -> None:
    arms = {"plain": {}, "broken": {"fail": True}, "same": {}}
    failures = ran(RunPool(read_study(study(bundle, arms=arms, seeds=[0])), tmp_path / "out", workers=2))
    assert failures["plain_seed0"] is failures["same_seed0"] is None
    message = str(failures["broken_seed0"])
    assert "broken_seed0 ended with exit code 1; the end of" in message
    assert message.endswith("    ValueError: the images have no label")
    assert "    rate 2" in message
    assert "rate 1" not in message, "of a progress bar the last state"
    assert not (tmp_path / "out" / "runs" / "broken_seed0" / "run.json").exists()


def test_runs_share_cores_and_take_devices_in_turn(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    monkeypatch.setattr("monai_boundary.study.runs._cores", lambda: 9)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    plan = read_study(study(bundle, arms={"plain": {"delay": 0.1}}, seeds=[0, 1, 2, 3], common={"epochs": 2}))
    runner = RunPool(plan, tmp_path / "out")
    assert (runner.workers, runner.threads) == (2, 4)
    began = time.perf_counter()
    ran(runner)
    logs = [(runner.folder(run) / "log.txt").read_text() for run in plan.runs()]
    devices = [log.split("device ")[1][0] for log in logs]
    assert set(devices) == {"3", "5"}
    assert "threads 4" in logs[0]
    assert RunPool(plan, tmp_path, workers=3).threads == 3
    for given, threads in (("2", 2), ("16", 3), ("4,2", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert RunPool(plan, tmp_path, workers=3).threads == threads, given
    assert time.perf_counter() - began < 30
    with pytest.raises(ValueError, match="`workers` needs an integer >= 1, got 0"):
        RunPool(plan, tmp_path, workers=0)


def test_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert visible_gpus() == []


def test_evaluation_runs_after_the_training_with_what_it_knows(bundle: Path, tmp_path: Path) -> None:
    entries = {"area": {"better": "lower", "from": "evaluation/evaluation.json::mean::area"}}
    plan = read_study(
        study(bundle, evaluate="evaluate.yaml", metrics=entries, seeds=[3], arms={"plain": {"epochs": 1}})
    )
    runner = RunPool(plan, tmp_path / "out")
    assert ran(runner) == {"plain_seed3": None}
    folder = runner.folder(plan.runs()[0])
    assert set(yaml.safe_load((folder / "evaluation_overrides.yaml").read_text())) == {"seed", "output_dir"}
    assert json.loads((folder / "evaluation" / "evaluation.json").read_text()) == {"mean": {"area": 3.5}}


def test_several_evaluations_score_each_network_in_folders_of_their_own(bundle: Path, tmp_path: Path) -> None:
    ways = {"evaluation": {"offset": 1.0}, "other_data": {"config": "evaluate.yaml", "offset": 10.0}}
    entries = {way: {"better": "lower", "from": f"{way}/evaluation.json::mean::area"} for way in ways}
    chosen = study(bundle, evaluate=ways, metrics=entries, seeds=[3], arms={"plain": {"epochs": 1}})
    plan = read_study(chosen)
    assert plan.settings()["evaluate"] == {
        "evaluation": {"config": "evaluate.yaml", "offset": 1.0},
        "other_data": {"config": "evaluate.yaml", "offset": 10.0},
    }
    assert read_study(json.loads(json.dumps(plan.as_dict()))) == plan
    runner = RunPool(plan, tmp_path / "out")
    assert ran(runner) == {"plain_seed3": None}
    (row,) = run_rows(plan, tmp_path / "out")
    assert (row["evaluation"], row["other_data"]) == (4.5, 13.5)


def test_an_evaluation_of_its_own_may_lie_in_the_study_s_folder(bundle: Path, tmp_path: Path) -> None:
    ways = {"evaluation": {"evaluation_dir": "{study_dir}/scores"}}
    runner = RunPool(
        read_study(study(bundle, evaluate=ways, seeds=[3], arms={"plain": {"epochs": 1}})), tmp_path / "out"
    )
    assert ran(runner) == {"plain_seed3": None}
    assert (tmp_path / "out" / "scores" / "evaluation.json").is_file()


def test_a_finished_run_is_scored_in_a_new_way_without_another_training(bundle: Path, tmp_path: Path) -> None:
    def planned(*ways: str) -> StudyPlan:
        entries = {way: {"better": "lower", "from": f"{way}/evaluation.json::mean::area"} for way in ways}
        chosen = {way: {"offset": float(k)} for k, way in enumerate(ways)}
        return read_study(study(bundle, evaluate=chosen, metrics=entries, seeds=[3], arms={"plain": {"epochs": 1}}))

    before, now = planned("evaluation"), planned("evaluation", "other")
    assert ran(RunPool(before, tmp_path / "out")) == {"plain_seed3": None}
    folder = before.runs()[0].place(tmp_path / "out")
    first = json.loads((folder / "run.json").read_text())
    (row,) = run_rows(now, tmp_path / "out")
    assert row["evaluation"] == 3.5
    assert math.isnan(row["other"])

    assert ran(RunPool(now, tmp_path / "out")) == {"plain_seed3": None}
    assert (folder / "log.txt").read_text().count("begins after epoch") == 1, "trained once"
    (row,) = run_rows(now, tmp_path / "out")
    assert (row["evaluation"], row["other"]) == (3.5, 4.5)
    about = json.loads((folder / "run.json").read_text())
    assert about["settings"]["evaluate"] == now.settings()["evaluate"]
    assert list(about["scored_later"]) == ["other"]
    assert about["seconds"] > first["seconds"]
    assert {**about, "seconds": 0, "settings": 0} == {**first, "seconds": 0, "settings": 0} | {
        "scored_later": about["scored_later"]
    }
    assert ran(RunPool(now, tmp_path / "out")) == ran(RunPool(before, tmp_path / "out")) == {}, "nothing is lacking"


def test_a_new_way_takes_over_what_the_one_before_it_left_whatever_came_since(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In a new run ``across`` is scored with what ``evaluation`` chose, before ``other`` chooses another."""
    across = {"takes_over": True}
    ways = {"evaluation": {"offset": 1.0}, "across": across, "other": {"offset": 7.0}, "after": across}

    def planned(*names: str) -> StudyPlan:
        entries = {name: {"better": "lower", "from": f"{name}/evaluation.json::mean::area"} for name in names}
        chosen = {name: ways[name] for name in names}
        return read_study(study(bundle, evaluate=chosen, metrics=entries, seeds=[3], arms={"plain": {"epochs": 1}}))

    at_once, later, earlier = (tmp_path / name for name in ("at_once", "later", "earlier"))
    ran(RunPool(planned(*ways), at_once))
    ran(RunPool(planned("evaluation", "other"), later))
    ran(RunPool(planned(*ways), later))
    for place in (at_once, later):
        (row,) = run_rows(planned(*ways), place)
        assert [row[name] for name in ways] == [4.5, 4.5, 10.5, 10.5], place.name
    assert "comes after" not in caplog.text

    first = planned("evaluation", "other")
    ran(RunPool(first, earlier))
    (first.runs()[0].place(earlier) / "evaluation" / "model_evaluated.json").unlink()  # no earlier version kept it
    ran(RunPool(planned(*ways), earlier))
    assert "the evaluation 'across' comes after 'other', not after 'evaluation'" in caplog.text


def test_what_stops_the_study_stops_its_processes(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle, arms={"plain": {}, "slow": {"delay": 60.0}}, seeds=[0]))
    runner = RunPool(plan, tmp_path / "out", workers=2)
    began = time.perf_counter()
    runs = runner.run(plan.runs())
    assert next(runs)[0].arm == "plain"
    runs.close()
    assert time.perf_counter() - began < 30
    assert not runner.is_done(plan.runs()[1])


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX locks")
def test_a_process_that_outlived_its_study_is_waited_for(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = RunPool(read_study(study(bundle, arms={"plain": {}}, seeds=[0])), tmp_path / "out")
    folder = runner.folder(runner.plan.runs()[0])
    folder.mkdir(parents=True)
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); input()"
    command = [sys.executable, "-c", hold, str(folder / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        threading.Timer(1.0, other.kill).start()
        began = time.perf_counter()
        assert ran(runner) == {"plain_seed0": None}
        assert time.perf_counter() - began > 0.5
    assert "plain_seed0 is still run by a process of a study that was killed: waiting." in caplog.text


def test_log_tail(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("a\n\nb 1\rb 2\r\nc\n")
    assert log_tail(log, lines=2) == "    b 2\n    c"
