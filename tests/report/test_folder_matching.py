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


def test_probabilities_of_cases_that_only_their_folders_tell_apart(tmp_path: Path) -> None:
    """Both cases are called 0, and had the file of the one that was listed last."""
    folders = [write_cases(tmp_path / name, {"A/0": ball(), "B/0": ball(), "C-1": ball()}) for name in "tpq"]
    matches = match_folders({"ours": folders[1]}, folders[0])
    found = match_probabilities(folders[2], matches)["ours"]
    assert {case: path.relative_to(folders[2]).as_posix() for case, path in found.items()} == {
        "A/0": "A/0.nii.gz",
        "B/0": "B/0.nii.gz",
        "C-1": "C-1.nii.gz",
    }
    (folders[2] / "B" / "0.nii.gz").rename(folders[2] / "B" / "1.nii.gz")
    with pytest.raises(ValueError, match=r"`probabilities` needs a file for each case, .* has none for B/0"):
        match_probabilities(folders[2], matches)


def test_which_of_two_files_is_the_probability(tmp_path: Path) -> None:
    """nnU-Net leaves both in one folder, and a TIF comes after the .npz in the order of names; else nobody knows."""
    pred = write_cases(tmp_path / "p", {"a": ball()})
    matches = match_folders({"ours": pred}, pred)
    for name in ("a.npz", "a.tif"):
        (tmp_path / "p" / name).touch()
    assert match_probabilities(pred, matches) == {"ours": {"a": pred / "a.npz"}}
    (pred / "a.npz").unlink()
    with pytest.raises(ValueError, match=r"`probabilities` needs one file for each case, got several in .*a.nii.gz, "):
        match_probabilities(pred, matches)


def test_two_files_that_were_both_named_are_a_pair(tmp_path: Path) -> None:
    """A stack that inference wrote, and the folder that its labels lie in; without both patterns names decide."""
    pred = write_cases(tmp_path / "p", {"em_instances": ball(), "em_membrane": ball()})
    truth = write_cases(tmp_path / "t", {"label": ball(), "image": ball()})
    patterns = {"pred_pattern": "*_instances*", "truth_pattern": "label*"}
    (pair,) = match_folders({"ours": pred}, truth, **patterns)["ours"].pairs
    assert (pair.case, pair.prediction.name[:12], pair.truth.name[:5]) == ("em", "em_instances", "label")
    with pytest.raises(ValueError, match=r"no case of .*p"):
        match_folders({"ours": pred}, truth, pred_pattern="*_instances*")
