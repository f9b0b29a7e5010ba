# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
import torch

from monai_boundary.metrics.mask_score_names import AT_A_WIDTH, SOURCES
from monai_boundary.metrics.volume_scores import VolumeScoresMetric
from monai_boundary.workflows.runs.score_table import TITLES, log_scores, logged_title, missed_notes


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    (message,) = caplog.messages
    return str(message).splitlines()


def test_scores_have_an_order_and_texts_pass(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_scores("Scores:", {"note": "seven", "voi_split": 1.0, "cremi_score": 0.25}, {})
    assert [line.split()[0] for line in logged(caplog)] == ["Scores:", "CREMI", "VOI", "note"]


def test_no_column_runs_into_the_next(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Whatever the names: the longest one of the table decides."""
    caplog.set_level(logging.INFO)
    shown = dict.fromkeys((name for name in TITLES if not name.endswith(("missed", "false_alarm"))), 0.5)
    log_scores("Scores:", shown, {"a name longer than all of the titles": tmp_path})
    lines = logged(caplog)[1:]
    columns = {line.index("0.5000") for line in lines[:-1]} | {lines[-1].index(str(tmp_path))}
    assert len(columns) == 1, "one column of values"
    assert all("  " in line.strip() for line in lines)


def test_what_is_undefined_and_what_was_missed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scores = {"hd95_mm": 0.0, "dice": math.nan, "missed": 2.0}
    log_scores("Scores:", scores, {}, missed_notes(scores))
    assert logged(caplog)[1:] == [
        "  Dice             undefined",
        "  HD95 (mm)        0.0000  (2 missed, each counted as the image's diagonal)",
        "  missed patients  2",
    ]


def test_the_distance_of_a_region_has_its_own_misses() -> None:
    scores = {"wt_hd95_mm": 1.0, "et_hd95_mm": 9.0, "hd95_mm": 5.0, "wt_missed": 0, "et_missed": 3, "tc_false_alarm": 1}
    assert missed_notes(scores, missed_mm=60) == {
        "et_hd95_mm": "3 missed, each counted as 60 mm",
        "hd95_mm": "3 missed, 1 false alarm, each counted as 60 mm",
    }


def test_every_distance_that_counts_a_miss_says_so() -> None:
    metric = VolumeScoresMetric(scores=("dice", "assd_mm", "hausdorff_mm", "hd95_mm"), spacing=1.0, missed_mm=60.0)
    truth = torch.zeros(1, 1, 4, 4, 4)
    truth[..., 1, 1, 1] = 1
    row = dict(zip(metric.score_names, metric(torch.zeros_like(truth), truth)[0].tolist(), strict=True))
    assert set(missed_notes(row, 60)) == {name for name, value in row.items() if value == 60}
    assert len(missed_notes(row, 60)) == 3


def test_means_of_some_cases_say_so() -> None:
    notes = missed_notes({"hd95_mm": 5.0, "missed": 1}, defined={"hd95_mm": 2, "dice": 2}, cases=4)
    assert notes == {"hd95_mm": "of 2 cases, undefined in 2; 1 missed, each counted as the image's diagonal"}


def test_scores_of_any_structure_have_a_title(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scores = {"liver_hd95_mm": 3.0, "liver_missed": 2.0, "other_missed": 1.0, "hd95_mm": 4.0, "other_nsd_2mm": 0.5}
    log_scores("Scores:", scores, {}, missed_notes(scores, 9.0))
    lines = logged(caplog)
    assert any(line.startswith("  liver HD95 (mm)") and "2 missed, each counted as 9.0 mm" in line for line in lines)
    assert any(line.startswith("  HD95 (mm)") and "3 missed" in line for line in lines), "the mean over structures"
    assert any(line.startswith("  other Surface Dice at 2 mm") for line in lines)


def test_every_score_of_volumes_has_a_title() -> None:
    """Of all that the metric knows, alone and of a structure."""
    scores = (*SOURCES, *(f"{start}_{width}mm" for start in AT_A_WIDTH for width in (1, 0.5)))
    for structure in ("", "left_kidney_"):
        names = VolumeScoresMetric({"left_kidney": 1}, dict.fromkeys(scores)).score_names
        titles = [logged_title(f"{structure}{name}") for name in names]
        assert all(title is not None and "_" not in title.replace("left_kidney", "") for title in titles), titles
        assert len(set(titles)) == len(names)
    assert logged_title("kidney_lesion_recall") == "kidney Lesion recall"
    assert logged_title("nsd_0.5mm") == "Surface Dice at 0.5 mm"
    for name in ("epoch", "loss/region_dice", "loss", "seconds"):
        assert logged_title(name) is None
