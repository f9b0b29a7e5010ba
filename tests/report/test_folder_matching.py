# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.report.folder_matching import match_folders, match_probabilities
from tests.report.case_folders import ball, write_cases


def test_probabilities_belong_to_the_cases_of_their_method(tmp_path: Path) -> None:
    truth = write_cases(tmp_path / "t", {"a": ball(), "b": ball()})
    pred = write_cases(tmp_path / "p", {"a": ball(), "b": ball()}, "_pred.nii.gz")
    chances = write_cases(tmp_path / "q", {"A_prob": ball() * np.float32(0.5)})
    matches = match_folders({"ours": pred, "theirs": truth}, truth)
    assert match_probabilities(None, matches) == {}
    with pytest.raises(ValueError, match=r"`probabilities` needs a file for each case, .*q has none for b"):
        match_probabilities({"ours": chances}, matches)
    np.savez(chances / "b.npz", probabilities=np.zeros((1, 8, 12, 12)))
    found = match_probabilities({"ours": chances}, matches)
    assert {case: path.name for case, path in found["ours"].items()} == {"a": "A_prob.nii.gz", "b": "b.npz"}
    with pytest.raises(ValueError, match=r"`probabilities` needs name=DIR of several methods \(ours, theirs\)"):
        match_probabilities(chances, matches)
    with pytest.raises(ValueError, match="`probabilities` needs methods of `predictions`, ours, theirs, got 'x'"):
        match_probabilities({"x": chances}, matches)


def test_two_files_that_were_both_named_are_a_pair(tmp_path: Path) -> None:
    """A stack that inference wrote, and the folder that its labels lie in; without both patterns names decide."""
    pred = write_cases(tmp_path / "p", {"em_instances": ball(), "em_membrane": ball()})
    truth = write_cases(tmp_path / "t", {"label": ball(), "image": ball()})
    patterns = {"pred_pattern": "*_instances*", "truth_pattern": "label*"}
    (pair,) = match_folders({"ours": pred}, truth, **patterns)["ours"].pairs
    assert (pair.case, pair.prediction.name[:12], pair.truth.name[:5]) == ("em", "em_instances", "label")
    with pytest.raises(ValueError, match=r"no case of .*p"):
        match_folders({"ours": pred}, truth, pred_pattern="*_instances*")
