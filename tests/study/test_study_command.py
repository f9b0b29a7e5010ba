# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from monai_boundary.study import study_command
from monai_boundary.study.plan import StudyPlan
from tests.study.pretend_bundle import study


def test_a_mistake_is_an_error_of_the_command() -> None:
    with pytest.raises(ValueError, match="`output_dir` needs the folder of a study"):
        study_command.main(["table", "--output_dir", "nowhere"])


def test_arms_that_are_called_by_a_number(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shares are: to fire they are numbers."""
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study(bundle, arms={0.1: {}, 0.5: {}, 1: {}}, base=0.1)))
    plans: list[StudyPlan] = []
    monkeypatch.setattr(study_command, "run_study", lambda plan, *_: plans.append(plan))
    monkeypatch.setattr(study_command, "_tell", lambda _: None)
    for words in ("0.5", "[0.5]", "0.5,1"):
        assert study_command.main([str(file), "--output_dir", str(tmp_path / "out"), "--arms", words]) == 0
    assert [list(plan.arms) for plan in plans] == [["0.1", "0.5"], ["0.1", "0.5"], ["0.1", "0.5", "1"]]


def test_its_help_lists_nothing_but_what_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        study_command.main(["--help"])
    text = "".join(capsys.readouterr())
    assert "FIRE_METADATA" not in text
    assert "GROUP" not in text
    assert "COMMAND | FILE OUTPUT_DIR" in text
    assert "--arms=ARMS" in text
