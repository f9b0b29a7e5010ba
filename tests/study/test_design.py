# SPDX-License-Identifier: Apache-2.0
"""What a study can see is said before its first run."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.study import read_study
from monai_boundary.study.design import design_sentence
from tests.study.pretend_bundle import study


def test_pairs_and_comparisons_are_those_of_the_plan(bundle: Path) -> None:
    """Two arms beside the base and two scores: four comparisons, the first of them at 0.05 / 4."""
    metrics = {"dice": {"better": "higher", "title": "Dice", "spread": 0.01}, "hd95_mm": "lower"}
    told = design_sentence(read_study(study(bundle, folds=[0, 1], seeds=[0, 1, 2, 3, 4], metrics=metrics)))
    assert "1.00 standard deviations of a pair, of 10 pairs of runs for each arm" in told
    assert "(1.28 for the first of 4 comparisons after Holm's correction)" in told
    assert told.endswith("; Dice 0.01 if pairs scatter by 0.01.")
    assert "hd95" not in told


def test_one_pair_sees_nothing(bundle: Path) -> None:
    told = design_sentence(read_study(study(bundle, seeds=[0])))
    assert told.endswith("none, of 1 pair of runs for each arm: it takes two seeds or folds.")
    with pytest.raises(ValueError, match=r"`metrics::dice::spread` needs a finite number > 0, got -1"):
        read_study(study(bundle, metrics={"dice": {"better": "higher", "spread": -1}}))
