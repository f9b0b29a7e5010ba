# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_boundary.study.evaluations import (
    StudyEvaluation,
    evaluation_entry,
    evaluation_settings,
    evaluations_by_name,
    joined_settings,
    read_evaluations,
)


def _find(name: str) -> Path:
    return Path("/configs") / name


def test_forms_of_the_entry() -> None:
    assert read_evaluations(None, _find) == read_evaluations({}, _find) == ()
    assert read_evaluations("mine.yaml", _find) == (StudyEvaluation("evaluation", Path("/configs/mine.yaml"), {}),)
    ways = {"evaluation": None, "watershed": {"method": "watershed"}, "own": {"config": "mine.yaml", "fold": 2}}
    assert read_evaluations(ways, _find) == (
        StudyEvaluation("evaluation", Path("/configs/evaluate.yaml"), {}),
        StudyEvaluation("watershed", Path("/configs/evaluate.yaml"), {"method": "watershed"}),
        StudyEvaluation("own", Path("/configs/mine.yaml"), {"fold": 2}),
    )


def test_a_single_file_is_recorded_as_it_was_before_there_were_several() -> None:
    assert evaluation_settings(read_evaluations("evaluate.yaml", _find)) == "evaluate.yaml"
    assert evaluation_settings(()) is None
    assert evaluation_settings(read_evaluations({"a": {"fold": 1}, "b": {}}, _find)) == {
        "a": {"config": "evaluate.yaml", "fold": 1},
        "b": "evaluate.yaml",
    }


def test_settings_of_two_times_are_joined_in_whichever_form_they_are() -> None:
    file, own = "evaluate.yaml", {"config": "evaluate.yaml", "fold": 1}
    for alone in (file, own):
        assert evaluations_by_name(alone) == {"evaluation": alone}
        assert joined_settings(None, alone) == joined_settings(alone, None) == joined_settings(alone, alone) == alone
        assert joined_settings(alone, {"b": file}) == {"evaluation": alone, "b": file}
    assert joined_settings(None, None) is None
    assert evaluations_by_name({"a": own, "b": file}) == {"a": own, "b": file}


def test_what_is_written_of_them_is_read_again() -> None:
    ways = read_evaluations({"evaluation": {"method": "components"}, "b": {}}, _find)
    assert read_evaluations(evaluation_entry(ways), Path) == ways


def test_an_evaluation_gets_what_it_knows_its_own_and_its_folder() -> None:
    known = {"fold": 0, "method": "components", "network_def": {}, "output_dir": None, "test_dir": None}
    run = {"fold": 1, "network_def::channels": [4], "epochs": 3, "output_dir": "run", "test_dir": "other"}
    own = StudyEvaluation("b", Path("evaluate.yaml"), {"method": "watershed", "test_dir": None})
    assert own.options(run, known, Path("/runs/a")) == {
        "fold": 1,
        "network_def::channels": [4],
        "output_dir": "run",
        "test_dir": None,
        "method": "watershed",
        "evaluation_dir": "/runs/a/b",
    }
    usual = StudyEvaluation("evaluation", Path("evaluate.yaml"), {})
    assert "evaluation_dir" not in usual.options(run, known, Path("/runs/a")), "the bundle's own default"
