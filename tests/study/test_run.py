# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from monai_boundary._tables import read_table
from monai_boundary.study import StudyError, StudyPlan, find_study, read_study, run_study, write_study_tables
from tests.study.pretend_bundle import study
from tests.warm_python import WarmRun

FILES = ["study.csv", "study.json", "study.md", "study.png", "study_cases.csv", "study_case_differences.csv"]
# the command line, its runs run by the trainer
DRIVER = """
import os, sys
os.setsid()
from monai_boundary.study import runs
runs.COMMAND = [sys.argv[1]]
from monai_boundary.__main__ import main
main(sys.argv[2:])
"""


def test_a_study_from_its_runs_to_its_files(bundle: Path, tmp_path: Path) -> None:
    result = run_study(read_study(study(bundle)), tmp_path / "out", workers=2)
    assert len(result.rows) == 9
    assert [path.name for path in result.files] == FILES
    assert all(path.stat().st_size > 100 for path in result.files)
    better, noise = result.sentence.split("within the noise:")
    assert "better than plain: good loss in dice (+0.2" in better
    assert "same in dice" in noise
    table = read_table(tmp_path / "out" / "study.csv")
    assert {(row["arm"], row["seed"]) for row in table} == {
        (arm, seed) for arm in ("plain", "good loss", "same") for seed in range(3)
    }
    content = json.loads((tmp_path / "out" / "study.json").read_text())
    assert content["sentence"] == result.sentence
    assert content["plan"]["arms"]["good loss"] == {"effect": 0.2}
    assert content["about"]["torch"]
    (good,) = [s for s in content["table"] if s["arm"] == "good loss" and s["metric"] == "dice"]
    assert good["difference"]["mean"] == pytest.approx(0.2, abs=0.03)
    cases = read_table(tmp_path / "out" / "study_cases.csv", text=["case"])
    assert len(cases) == 27
    assert {row["case"] for row in cases} == {"007", "008", "012"}
    by_case = [s for s in content["case_table"] if (s["arm"], s["score"], s["seed"]) == ("good loss", "dice", "all")]
    assert by_case[0]["pairs"] == 3, "cases, not runs"
    assert by_case[0]["difference"] == pytest.approx(good["difference"]["mean"])
    assert "| minus plain, by case | cases | dice ↑ | HD95 (mm) ↓ |" in (tmp_path / "out" / "study.md").read_text()


def test_tables_are_made_anew_from_the_folder_alone(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture whole or not at all, as the tables."""
    out = tmp_path / "out"
    run_study(read_study(study(bundle, seeds=[0, 1])), out)
    page = (out / "study.md").read_text()
    for name in FILES:
        (out / name).unlink()
    write_study_tables(find_study(out), out)
    assert (out / "study.md").read_text() == page
    picture = (out / "study.png").read_bytes()

    def half(*arguments: Any) -> None:
        Path(arguments[-1]).write_text("half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("monai_boundary.study.run.draw_study", half)
        with pytest.raises(OSError, match="disk full"):
            write_study_tables(find_study(out), out)
    assert (out / "study.png").read_bytes() == picture
    other = study(
        bundle, seeds=[0, 1], metrics={"loss": {"better": "lower", "from": "metrics.json::last::loss/region"}}
    )
    write_study_tables(read_study(other), out)
    assert "| arm | loss ↓ | ms per step |" in (out / "study.md").read_text()
    assert not list(out.glob("study_case*")), "a loss has no cases, and tables of other scores are not kept"


def test_arms_and_seeds_can_be_added_but_not_changed(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_study(read_study(study(bundle, arms={"plain": {}}, seeds=[0])), out)
    when = (out / "runs" / "plain_seed0" / "run.json").stat().st_mtime_ns
    result = run_study(read_study(study(bundle, seeds=[0, 1])), out)
    assert len(result.rows) == 6
    assert (out / "runs" / "plain_seed0" / "run.json").stat().st_mtime_ns == when, "the finished run is kept"
    changes: list[tuple[dict[str, Any], str]] = [
        ({"common": {"epochs": 4}}, "common::epochs: None there, 4 now"),
        ({"arms": {"plain": {}, "good loss": {"effect": 0.3}}}, "arms::good loss::effect: 0.2 there, 0.3 now"),
    ]
    for change, message in changes:
        with pytest.raises(
            ValueError, match=f"folder of its own for other settings, .*out has a study with: {message}"
        ):
            run_study(read_study(study(bundle, **change)), out)


def test_evaluations_can_be_added_but_not_changed(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the table of a study half of whose runs have the new one says so, and shows what is there."""
    out = tmp_path / "out"

    def planned(**ways: dict[str, Any]) -> StudyPlan:
        found = {way: {"better": "lower", "from": f"{way}/evaluation.json::mean::area"} for way in ways}
        return read_study(study(bundle, evaluate=ways, metrics=found, arms={"plain": {}, "same": {}}, seeds=[0, 1]))

    run_study(planned(first={}), out, workers=2)
    both = planned(first={}, second={"offset": 1.0})
    run_study(both.restricted(seeds=[0]), out)
    assert not caplog.records
    rows = write_study_tables(both, out).rows
    assert "2 of 4 finished runs have no evaluation 'second', their scores of it are missing" in caplog.text
    assert [row["second"] for row in rows if row["seed"] == 0] == [1.5, 1.5]
    assert all(math.isnan(row["second"]) for row in rows if row["seed"] == 1)
    assert [row["first"] for row in rows] == [0.5, 0.5, 1.5, 1.5]
    run_study(planned(first={}), out)  # fewer are no change, and what they left stays known
    with pytest.raises(ValueError, match=r"a study with: evaluate::second::offset: 1\.0 there, 2\.0 now"):
        run_study(planned(second={"offset": 2.0}), out)


def test_a_failing_run_ends_in_an_error_after_the_others(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arms = {"plain": {}, "broken": {"fail": True}, "good loss": {"effect": 0.2}}
    plan = read_study(study(bundle, arms=arms, seeds=[0, 1]))
    with pytest.raises(StudyError, match=r"2 runs failed: broken_seed[01], broken_seed[01]\. Run the study again"):
        run_study(plan, tmp_path / "out")
    assert caplog.text.count("ValueError: the images have no label") == 2
    page = (tmp_path / "out" / "study.md").read_text()
    assert "**2 of 6 runs are not finished.**" in page
    assert "| good loss | **" in page or "| good loss | +" in page


def test_an_unknown_score_ends_the_study_with_its_first_run(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle, metrics={"dise": "higher"}))
    with pytest.raises(ValueError, match=r"got no 'dise' in .*which has: epoch, seconds_per_step, loss/region, dice"):
        run_study(plan, tmp_path / "out")
    assert len(list((tmp_path / "out" / "runs").glob("*/run.json"))) < 9


def test_arms_go_on_from_one_start(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle, start={"epochs": 1}, seeds=[0], arms={"plain": {}, "good loss": {"effect": 0.2}}))
    result = run_study(plan, tmp_path / "out")
    assert [row["arm"] for row in result.rows] == ["plain", "good loss"], "the start is no arm"
    assert result.rows[0]["dice"] == pytest.approx(0.55, abs=0.03), "the start's network is worth 0.05"
    broken = read_study(study(bundle, start={"fail": True}, seeds=[0]))
    with pytest.raises(ValueError, match="needs a finished run"):
        run_study(broken, tmp_path / "broken")


def test_another_process_in_the_folder_is_named(bundle: Path, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    out = tmp_path / "out"
    out.mkdir()
    with (out / "study.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"process": os.getpid(), "host": socket.gethostname(), "since": "then"}, file)
        file.flush()
        with pytest.raises(ValueError, match=f"`output_dir` needs a folder of its own, .* process {os.getpid()} on"):
            run_study(read_study(study(bundle)), out)


def test_no_study_here(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`output_dir` needs the folder of a study, .*plan.json does not exist"):
        find_study(tmp_path)


def wait_for(condition: Callable[[], bool], process: WarmRun) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, f"it ended before it was killed: {process.output}"
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="kills process groups")
@pytest.mark.parametrize("everything", [True, False], ids=["all processes", "only the study's own"])
def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_table(
    bundle: Path, tmp_path: Path, everything: bool
) -> None:
    file, out, hold = tmp_path / "study.yaml", tmp_path / "killed", tmp_path / "hold_good_loss_seed0"
    arms = {"plain": {}, "good loss": {"effect": 0.2}}
    common = {"epochs": 8, "hold": str(tmp_path / "hold_")}
    hold.touch()
    file.write_text(yaml.safe_dump(study(bundle, arms=arms, seeds=[0, 1], common=common), sort_keys=False))
    (tmp_path / "driver.py").write_text(DRIVER)
    words = [*(str(tmp_path / name) for name in ("driver.py", "trainer.py")), "study", str(file), "--workers", "1"]
    process = WarmRun([*words, "--output_dir", str(out)], Path.cwd(), {**os.environ})
    second = out / "runs" / "good_loss_seed0"
    wait_for(lambda: len(read_table(second / "metrics.csv")) >= 2, process)
    (os.killpg if everything else os.kill)(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    finished = {p: p.stat().st_mtime_ns for p in out.glob("runs/*/run.json")}
    assert finished
    assert not (second / "run.json").exists()
    assert not (out / "study.md").exists()

    go_on = threading.Timer(0 if everything else 0.5, hold.unlink)  # what lives on is to be waited for
    go_on.start()
    result = run_study(read_study(file), out, workers=2)
    go_on.join()
    assert {p: p.stat().st_mtime_ns for p in finished} == finished, "finished runs are kept"
    begun = [line.split(",")[0] for line in (second / "log.txt").read_text().splitlines()]
    assert begun[0] == "begins after epoch 0"
    assert len(begun) == 2
    epoch = 2 if everything else 8
    assert begun[1] == f"begins after epoch {epoch}", "it went on; or its process lived on, and was waited for"
    whole = run_study(read_study(file), tmp_path / "whole", workers=2)
    for name in ("study.md", "study.png"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    for ours, theirs in zip(result.rows, whole.rows, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


@pytest.mark.skipif(os.name == "nt", reason="sends SIGTERM")
def test_sigterm_ends_its_trainings_too(bundle: Path, tmp_path: Path) -> None:
    file, out, hold = tmp_path / "study.yaml", tmp_path / "out", tmp_path / "hold_plain_seed0"
    hold.touch()  # the training would wait for ever
    common = {"epochs": 8, "hold": str(tmp_path / "hold_")}
    file.write_text(yaml.safe_dump(study(bundle, arms={"plain": {}}, seeds=[0], common=common), sort_keys=False))
    (tmp_path / "driver.py").write_text(DRIVER)
    words = [*(str(tmp_path / name) for name in ("driver.py", "trainer.py")), "study", str(file), "--workers", "1"]
    process = WarmRun([*words, "--output_dir", str(out)], Path.cwd(), {**os.environ})
    run = out / "runs" / "plain_seed0"
    wait_for(lambda: len(read_table(run / "metrics.csv")) >= 2, process)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert process.output.endswith("stopped; run the same command again to go on.\n")
    fcntl = pytest.importorskip("fcntl")
    with (run / "run.lock").open("w") as lock:  # which a training that lived on would have
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_study_of_an_earlier_version_is_not_run_anew(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "cells").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"rename its folder cells to runs, and every cell\.json"):
        run_study(read_study(study(bundle, arms={"plain": {}}, seeds=[0])), tmp_path / "out")
