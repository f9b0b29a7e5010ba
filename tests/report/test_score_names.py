# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from monai_boundary.report.score_names import CLASS_SCORES, COUNTED, INSTANCE_SCORES, SCORES, score_column, titled_score
from tests.report.case_folders import ball
from tests.report.test_case_scores import instances, score


def test_every_score_has_a_name() -> None:
    assert set(score(ball(), ball(), challenge="gli").scores) == {*CLASS_SCORES, *COUNTED}
    assert set(instances([[1]], [[1]])) == {*INSTANCE_SCORES, *COUNTED}


DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_score_has_its_section_and_its_drawing() -> None:
    """What it punishes and what it forgives, by examples of which the first scores worse."""
    pytest.importorskip("matplotlib", reason="needs Matplotlib, of the extra `train`")
    spec = importlib.util.spec_from_file_location("score_pictures", DOCS / "score_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    drawn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawn)
    values = {title: drawn.example_scores(*pair) for title, pair in drawn.score_examples().items()}
    values |= {title: drawn.instance_scores(*pair) for title, pair in drawn.instance_examples().items()}
    sections = (DOCS / "how-to" / "choose-a-score.md").read_text(encoding="utf-8").split("\n### ")
    for name in (one for one, about in SCORES.items() if about.better):
        (section,) = (text for text in sections if f"(scores/{name}.png)" in text)
        assert "*Punish" in section, name
        assert "*Forgive" in section, name
        assert (DOCS / "how-to" / "scores" / f"{name}.png").is_file()
        row, punished, forgiven = drawn.PUNISHED_AND_FORGIVEN[name]
        worse, better = values[punished][row], values[forgiven][row]
        assert worse < better if SCORES[name].better == "higher" else worse > better, name
        assert f"{worse:.2f} is punished ({punished}), {better:.2f} is forgiven ({forgiven})" in section, name


def test_units() -> None:
    assert score_column("assd", "nm", "voxels") == "assd_nm"
    assert score_column("volume_truth", "voxel", "voxels") == "volume_truth_voxels"
    assert score_column("case", "mm", "ml") == "case"
    assert titled_score("volume_difference_percent", "mm", "ml") == "Volume difference (%)"
    assert {about.better for about in SCORES.values()} == {"higher", "lower", ""}
