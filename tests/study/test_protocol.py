# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from monai_boundary.study import read_study
from monai_boundary.study.protocol import StudyProtocol, read_protocol
from tests.study.pretend_bundle import study


def test_a_part_has_its_folds_and_a_restricted_study_what_is_left_of_them(bundle: Path) -> None:
    plan = read_study(study(bundle, folds=[0, 1, 2, 3], protocol={"choosing": {"folds": [0, 1]}}))
    assert [run.fold for run in plan.part("choosing").runs()[::3]][:2] == [0, 1]
    assert plan.part("confirming").folds == (2, 3)
    assert len(plan.part("confirming").runs()) + len(plan.part("choosing").runs()) == len(plan.runs())
    assert plan.restricted(folds=[1, 2]).part("confirming").folds == (2,)
    assert plan.restricted(folds=[0]).part("confirming").runs() == []
    assert read_study(plan.as_dict()).protocol == plan.protocol


def test_seeds_choose_too(bundle: Path) -> None:
    plan = read_study(study(bundle, protocol={"choosing": {"seeds": [2]}}))
    assert (plan.part("choosing").seeds, plan.part("confirming").seeds) == ((2,), (0, 1))
    assert StudyProtocol("seeds", (2,)).part_of(2, None) == "choosing"
    plain = read_study(study(bundle))
    assert plain.part("confirming") is plain


def test_bad_protocols() -> None:
    for entry in (
        "folds",
        {"choosing": [0]},
        {"choosing": {"folds": [0], "seeds": [0]}},
        {"confirming": {"folds": [1]}},
    ):
        with pytest.raises(ValueError, match=r"`protocol` needs \{choosing: \{folds: \[...\]\}\}"):
            read_protocol(entry)
    with pytest.raises(ValueError, match="`protocol::choosing` needs one of 'seeds', 'folds', got 'arms'"):
        read_protocol({"choosing": {"arms": [0]}})
    with pytest.raises(ValueError, match="`protocol::choosing` needs folds, at least one, got none"):
        read_protocol({"choosing": {"folds": []}})
    assert read_protocol({"choosing": {"seeds": 0}}) == StudyProtocol("seeds", (0,))


def test_a_file_names_folds_that_it_has(bundle: Path, tmp_path: Path) -> None:
    """What a run wrote of itself, a dictionary, may have been restricted to a part."""
    file = tmp_path / "study.yaml"
    content = study(bundle, folds=[0, 1], protocol={"choosing": {"folds": [0, 7]}})
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ValueError, match="`protocol::choosing` needs folds of the study, 0, 1, got 7"):
        read_study(file)
