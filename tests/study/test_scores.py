# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from monai_boundary.study import StudyMetric, StudyPlan, arm_scores, read_study
from monai_boundary.study.scores import read_score, run_rows
from tests.study.pretend_bundle import study


def finished(
    root: Path, name: str, scores: dict[str, Any], times: str = "epoch,seconds_per_step\n1,0.4\n2,0.1\n"
) -> None:
    """A finished run, as the bundle and the runner leave it."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"last": scores}))
    (folder / "metrics.csv").write_text(times)
    (folder / "run.json").write_text(json.dumps({"seconds": 12.0, "commit": "abc"}))


@pytest.fixture
def plan(bundle: Path, tmp_path: Path) -> StudyPlan:
    """Two seeds of two arms; of the third arm nothing is finished."""
    for name, dice, hd in [
        ("plain_seed0", 0.5, 10.0),
        ("plain_seed1", 0.7, 20.0),
        ("good_loss_seed0", 0.6, None),
        ("good_loss_seed1", 0.9, 15.0),
    ]:
        finished(tmp_path / "out", name, {"dice": dice, "hd95_mm": hd})
    (tmp_path / "out" / "runs" / "same_seed0").mkdir()
    return read_study(study(bundle, seeds=[0, 1]))


def test_rows(plan: StudyPlan, tmp_path: Path) -> None:
    rows = run_rows(plan, tmp_path / "out")
    assert [(row["arm"], row["seed"], row["dice"]) for row in rows] == [
        ("plain", 0, 0.5),
        ("good loss", 0, 0.6),
        ("plain", 1, 0.7),
        ("good loss", 1, 0.9),
    ]
    assert math.isnan(rows[1]["hd95_mm"]), "null is undefined, not 0"
    assert rows[0]["seconds_per_step"] == 0.1, "the quietest epoch"
    assert (rows[0]["seconds"], rows[0]["commit"]) == (12.0, "abc")


def test_arms(plan: StudyPlan, tmp_path: Path) -> None:
    scores = {(s.arm, s.metric): s for s in arm_scores(plan, run_rows(plan, tmp_path / "out"))}
    assert {arm for arm, _ in scores} == {"plain", "good loss"}
    assert {metric for _, metric in scores} == {"dice", "hd95_mm", "seconds_per_step"}
    good = scores["good loss", "dice"]
    assert good.mean == pytest.approx(0.75)
    assert good.std == pytest.approx(math.sqrt(0.045))
    assert good.difference.mean == pytest.approx(0.15)
    assert good.difference.pairs == 2
    distance = scores["good loss", "hd95_mm"]
    assert (distance.runs, distance.mean, distance.difference.mean) == (1, 15.0, -5.0)
    assert math.isnan(distance.std)
    assert math.isnan(distance.difference.low)
    assert scores["plain", "dice"].difference.mean == 0


def test_a_run_without_times_has_no_cost(bundle: Path, tmp_path: Path) -> None:
    finished(tmp_path / "out", "plain_seed0", {"dice": 1, "hd95_mm": 0}, times="epoch,dice\n1,0.5\n")
    plan = read_study(study(bundle, seeds=[0]))
    (row,) = run_rows(plan, tmp_path / "out")
    assert math.isnan(row["seconds_per_step"])
    assert math.isnan(arm_scores(plan, [row])[-1].mean)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("metrics.json::last::dise", "got no 'dise' in .*metrics.json, which has: dice, hd95_mm, name"),
        ("metrics.json::last::dice::x", "got no 'x' in .*metrics.json, which has: no entries"),
        ("metrics.json::last", "`metrics` needs a number at metrics.json::last, got dict"),
        ("metrics.json::last::name", "`metrics` needs a number at metrics.json::last::name, got str"),
        ("none.json::x", "`metrics` needs 'm' in none.json, which .*plain_seed0 does not have"),
    ],
)
def test_a_score_that_is_not_there(tmp_path: Path, source: str, message: str) -> None:
    finished(tmp_path, "plain_seed0", {"dice": 0.5, "hd95_mm": 3.0, "name": "x"})
    with pytest.raises(ValueError, match=message):
        read_score(tmp_path / "runs" / "plain_seed0", StudyMetric("m", "m", False, source))
