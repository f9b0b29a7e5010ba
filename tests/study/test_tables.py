# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path

import pytest

from monai_boundary.report import PairedDifference
from monai_boundary.report.method_comparison import holm_adjusted, wilcoxon_p
from monai_boundary.study import ArmScore, StudyPlan, read_study, study_markdown, study_sentence
from tests.study.pretend_bundle import study

NONE = PairedDifference(0, math.nan, math.nan, math.nan)


@pytest.fixture
def plan(bundle: Path) -> StudyPlan:
    return read_study(study(bundle, seeds=[0, 1], folds=[2]))


SCORES = [
    ArmScore("plain", "dice", 2, 0.5, 0.01, PairedDifference(2, 0, 0, 0)),
    ArmScore("plain", "hd95_mm", 2, 12.34, 2.0, PairedDifference(2, 0, 0, 0)),
    ArmScore("plain", "seconds_per_step", 2, 0.1, 0.0, PairedDifference(2, 0, 0, 0)),
    ArmScore("good loss", "dice", 2, 0.6, 0.02, PairedDifference(2, 0.1, 0.05, 0.15)),
    ArmScore("good loss", "hd95_mm", 1, 11.0, math.nan, PairedDifference(2, -1.5, -4.0, 1.0)),
    ArmScore("good loss", "seconds_per_step", 2, 0.125, 0.0, PairedDifference(2, 0.025, 0.02, 0.03)),
    ArmScore("same", "dice", 2, 0.5, 0.02, PairedDifference(1, 0.001, math.nan, math.nan)),
    ArmScore("same", "hd95_mm", 2, 20.0, 1.0, PairedDifference(2, 7.5, 7.0, 8.0)),
    ArmScore("same", "seconds_per_step", 2, math.nan, math.nan, NONE),
]


def test_page(plan: StudyPlan) -> None:
    page = study_markdown(plan, SCORES, missing=1)
    assert page.startswith("Bundle `pretend`, seeds 0, 1, folds 2. **1 of 6 runs are not finished.**")
    assert "| arm | dice ↑ | HD95 (mm) ↓ | ms per step |\n|---|---|---|---|" in page
    assert "| plain | 0.500 ± 0.010 | 12.3 ± 2.000 | 100.0 |" in page
    assert "| good loss | 0.600 ± 0.020 | 11.0 (of 1) | 125.0 |" in page
    assert "| same | 0.500 ± 0.020 | 20.0 ± 1.000 | – |" in page
    assert "| good loss | **+0.100 [+0.050, +0.150]** | -1.500 [-4.000, +1.000] | +25.0 |" in page
    assert "| same | +0.001 | **+7.500 [+7.000, +8.000]** | – |" in page
    assert "| plain |" not in page.split("minus plain")[1]


def test_sentence_knows_which_way_is_better(plan: StudyPlan) -> None:
    sentence = study_sentence(plan, SCORES)
    assert sentence == (
        "Larger than the noise: better than plain: good loss in dice (+0.100); worse than plain: same in HD95 (mm) "
        "(+7.500); within the noise: good loss in HD95 (mm) (-1.500); with too few pairs, or the same in all: same "
        "in dice (+0.001) "
        "(3 intervals of 95 %, of which chance alone puts about 0.2 off 0)."
    )


def test_sentence_without_anything_to_say(plan: StudyPlan) -> None:
    within = ArmScore("same", "dice", 2, 0.5, 0.0, PairedDifference(2, 0.0, -1.0, 1.0))
    assert study_sentence(plan, [within]).startswith(
        "No difference is larger than the noise; within the noise: same in"
    )
    one = within._replace(difference=PairedDifference(1, 0.5, math.nan, math.nan))
    assert study_sentence(plan, [one]).startswith("Nothing can be said about the noise")


def test_a_score_that_no_run_has_is_undefined(plan: StudyPlan) -> None:
    scores = [score._replace(runs=0, mean=math.nan, std=math.nan, difference=NONE) for score in SCORES]
    assert "| plain | undefined | undefined | – |" in study_markdown(plan, scores)


def test_runs_without_any_score_are_told(plan: StudyPlan) -> None:
    """Two runs have a cost and one of them has scores: the mean is not that of both."""
    scores = [score if score.metric == "seconds_per_step" else score._replace(runs=1) for score in SCORES]
    assert "| plain | 0.500 ± 0.010 (of 1) | 12.3 ± 2.000 (of 1) | 100.0 |" in study_markdown(plan, scores)


@pytest.mark.parametrize(("pairs", "least"), [(5, "0.12"), (6, "0.062"), (7, None)])
def test_too_few_cases_for_any_p_are_said(plan: StudyPlan, pairs: int, least: str | None) -> None:
    """Of n differences with one sign Wilcoxon's p is 2 / 2^n, and Holm takes it times the two comparisons."""
    about = {"seed": "all", "pairs": pairs, "difference": 0.1, "nested_low": 0.05, "nested_high": 0.15}
    p = wilcoxon_p([0.1 + 0.01 * k for k in range(pairs)])
    assert p == pytest.approx(2.0 ** (1 - pairs))
    rows = [
        {**about, "arm": arm, "score": "dice", "p": p, "p_holm": holm_adjusted([p, p])[k]}
        for k, arm in enumerate(("good loss", "same"))
    ]
    page = study_markdown(plan, SCORES, cases=rows)
    told = f"With {pairs} cases and 2 comparisons no corrected p can be below {least}" in page
    assert told == (least is not None)
    assert ("no corrected p" in page) == (least is not None)
    assert (f"**+0.100 [+0.050, +0.150], p {2 * p:.2g}**" in page) == (least is None)
