# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from monai_boundary._tables import write_table
from monai_boundary.report import bootstrap_interval
from monai_boundary.study import StudyPlan, read_study
from monai_boundary.study.cases import case_differences, study_case_rows
from tests.study.pretend_bundle import study


@pytest.fixture
def plan(bundle: Path) -> StudyPlan:
    return read_study(study(bundle, seeds=[0, 1], arms={"plain": {}, "good loss": {}}))


def rows(arm: str, seed: int, dice: Mapping[str, float], **more: Any) -> list[dict[str, Any]]:
    return [{"arm": arm, "seed": seed, "fold": None, "case": k, "dice": v, **more} for k, v in dice.items()]


def one(found: list[dict[str, Any]], seed: Any = "all", score: str = "dice") -> dict[str, Any]:
    (row,) = [row for row in found if (row["seed"], row["score"]) == (seed, score)]
    return row


def test_a_case_is_one_pair_whatever_the_seeds(plan: StudyPlan) -> None:
    """Differences of a: 0.2 and 0.4, of b: 0.1 and 0.1, of c: -0.1 and 0.1: by case 0.3, 0.1 and 0."""
    table = [
        *rows("plain", 0, {"a": 0.5, "b": 0.5, "c": 0.5}),
        *rows("good loss", 0, {"a": 0.7, "b": 0.6, "c": 0.4}),
        *rows("plain", 1, {"a": 0.4, "b": 0.6, "c": 0.5}),
        *rows("good loss", 1, {"a": 0.8, "b": 0.7, "c": 0.6}),
    ]
    found = case_differences(plan, table)
    row = one(found)
    assert (row["arm"], row["base"], row["pairs"], row["better"], row["worse"]) == ("good loss", "plain", 3, 2, 0)
    assert row["difference"] == pytest.approx(0.4 / 3)
    assert row["median"] == pytest.approx(0.1)
    assert (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(bootstrap_interval([0.3, 0.1, 0.0]))
    interval = stats.ttest_rel([0.75, 0.65, 0.5], [0.45, 0.55, 0.5]).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p"] == pytest.approx(0.5), "of two differences of one sign"
    first, second = one(found, 0), one(found, 1)
    assert (first["difference"], second["difference"]) == pytest.approx((0.2 / 3, 0.6 / 3))
    assert (first["worse"], second["worse"]) == (1, 0)


def test_slices_of_a_case_are_one_pair(plan: StudyPlan) -> None:
    """Of p the differences 0.1 and 0.3, and of seed 1 0.4 alone; of q -0.1: p has (0.2 + 0.4) / 2."""
    table = [
        *rows("plain", 0, {"p, slice 3": 0.5, "p, slice 12": 0.5, "q, slice 3": 0.5}),
        *rows("good loss", 0, {"p, slice 3": 0.6, "p, slice 12": 0.8, "q, slice 3": 0.4}),
        *rows("plain", 1, {"p, slice 3": 0.5, "p, slice 12": 0.5}),
        *rows("good loss", 1, {"p, slice 3": 0.9, "p, slice 12": math.nan}),
    ]
    row = one(case_differences(plan, table))
    assert (row["pairs"], row["better"], row["worse"], row["unpaired"]) == (2, 1, 1, 1)
    assert row["difference"] == pytest.approx((0.3 - 0.1) / 2)
    stack = [{**r, "case": r["case"].replace("slice", "section")} for r in table]
    assert one(case_differences(plan, stack), 0)["pairs"] == 3


def test_an_arm_that_misses_a_case_is_not_better_for_it(plan: StudyPlan) -> None:
    """What only one of two has is in no difference, and counted; a seed in which both have it still says something."""
    table = [
        *rows("plain", 0, {"a": 0.5, "b": 0.1}),
        *rows("good loss", 0, {"a": 0.7, "b": math.nan}),
        *rows("plain", 1, {"a": 0.5, "b": 0.4}),
        *rows("good loss", 1, {"a": 0.6, "b": 0.3}),
    ]
    found = case_differences(plan, table)
    assert one(found)["unpaired"] == 1
    assert one(found)["difference"] == pytest.approx((0.15 - 0.1) / 2)
    assert (one(found, 0)["pairs"], one(found, 0)["unpaired"]) == (1, 1)


def test_cases_and_seeds_of_only_one_arm_are_left_out(plan: StudyPlan) -> None:
    table = [*rows("plain", 0, {"a": 0.5, "x": 0.9}), *rows("good loss", 0, {"a": 0.7}), *rows("plain", 1, {"a": 0.1})]
    assert one(case_differences(plan, table))["pairs"] == 1
    assert one(case_differences(plan, table))["difference"] == pytest.approx(0.2)
    assert case_differences(plan, rows("plain", 0, {"a": 0.5})) == []


def test_holm_over_the_table_of_all_seeds_and_over_that_of_each(plan: StudyPlan) -> None:
    cases = dict(zip("abcdef", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True))
    table = []
    for seed in (0, 1):
        table += rows("plain", seed, dict.fromkeys(cases, 0.0), hd95_mm=1.0)
        table += rows("good loss", seed, cases, hd95_mm=1.0)
    found = case_differences(plan, table)
    assert len(found) == 6
    for seed in ("all", 0, 1):
        assert one(found, seed)["p"] == pytest.approx(2 / 2**6)
        assert one(found, seed)["p_holm"] == pytest.approx(2 * 2 / 2**6)
        assert one(found, seed, "hd95_mm")["p_holm"] == 1
    assert one(found)["better"] == 6


def finished(folder: Path, scores: Mapping[str, Any], cases: list[dict[str, Any]], name: str = "metrics.json") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(scores))
    write_table(cases, (folder / name).with_name(f"{Path(name).stem}_cases.csv"))
    (folder / "run.json").write_text(json.dumps({"seconds": 1.0, "commit": "abc"}))


def test_rows_are_those_of_the_epoch_that_the_study_reports(bundle: Path, tmp_path: Path) -> None:
    scores = {"best": {"epoch": 1, "dice": 0.6, "hd95_mm": 3.0}, "last": {"epoch": 2, "dice": 0.4, "hd95_mm": None}}
    cases = [
        {"epoch": 1, "case": "007", "dice": 0.5, "hd95_mm": 2.0},
        {"epoch": 1, "case": "8", "dice": 0.7, "hd95_mm": 4.0},
        {"epoch": 2, "case": "007", "dice": 0.4, "hd95_mm": math.nan},
    ]
    plan = read_study(study(bundle, seeds=[0], arms={"plain": {}, "other": {}}))
    finished(tmp_path / "runs" / "plain_seed0", scores, cases)
    (row,) = study_case_rows(plan, tmp_path)
    assert (row["arm"], row["seed"], row["fold"], row["case"], row["dice"]) == ("plain", 0, None, "007", 0.4)
    assert math.isnan(row["hd95_mm"])
    best = read_study(study(bundle, seeds=[0], arms={"plain": {}}, scores="best"))
    assert [(row["case"], row["dice"], row["hd95_mm"]) for row in study_case_rows(best, tmp_path)] == [
        ("007", 0.5, 2.0),
        ("8", 0.7, 4.0),
    ]


def test_an_evaluation_has_cases_of_its_own(bundle: Path, tmp_path: Path) -> None:
    """Means and counts have cases; an area under a curve has none, although a column has its name."""
    root = tmp_path / "runs" / "plain_seed0"
    image = str(root / "phantom" / "01.png")
    finished(
        root,
        {"mean": {"ari": 0.5}, "missed": 1, "validation": {"area": {"ari": 0.7}}},
        [
            {"case": image, "section": 3, "ari": 0.4, "missed": 1.0},
            {"case": image, "section": 4, "ari": 0.6, "missed": 0.0},
        ],
        "evaluation/evaluation.json",
    )
    sources = {"ari": "mean::ari", "missed": "missed", "area": "validation::area::ari"}
    metrics = {
        name: {"better": "higher", "from": f"evaluation/evaluation.json::{key}"} for name, key in sources.items()
    }
    found = study_case_rows(read_study(study(bundle, seeds=[0], arms={"plain": {}}, metrics=metrics)), tmp_path)
    assert [row["case"] for row in found] == ["phantom/01.png, section 3", "phantom/01.png, section 4"]
    assert [(row["ari"], row["missed"]) for row in found] == [(0.4, 1.0), (0.6, 0.0)]
    assert all("area" not in row for row in found)


def test_a_run_without_scores_of_its_cases_has_no_rows(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle, seeds=[0], arms={"plain": {}}))
    finished(tmp_path / "runs" / "plain_seed0", {"last": {"epoch": 2, "dice": 0.4, "hd95_mm": 1.0}}, [])
    assert study_case_rows(plan, tmp_path) == []
