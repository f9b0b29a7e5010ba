# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from monai_boundary.commands import doctor, doctor_command


def test_exit_code_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "_SELF_TEST", {"right": lambda: (True, "as it should be")})
    assert doctor_command.main([]) == 0
    assert "as it should be" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_SELF_TEST", {"wrong": lambda: (False, "2 for 1")})
    assert doctor_command.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["self_test"]["wrong"]["found"] == "2 for 1"
