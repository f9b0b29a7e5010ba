# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.metadata

import pytest

from monai_boundary.commands import doctor
from monai_boundary.commands.doctor import examination_text, examine


def test_what_is_missing_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "mlflow" else installed(name))
    found = examine()
    assert found["passed"], found["self_test"]
    assert found["extras"]["mlflow"] == {"missing": ["mlflow"], "install": 'pip install "monai-boundary[mlflow]"'}
    assert found["extras"]["report"] == {"missing": [], "install": None}
    text = examination_text(found)
    assert 'missing mlflow: pip install "monai-boundary[mlflow]"' in text
    assert "1.500 mm (1.500)" in text


def test_a_version_out_of_the_range_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"mlflow": "2.0", "torch": "2.7.1"}
    installed = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: old.get(name, installed(name)))
    monkeypatch.setattr(doctor, "_SELF_TEST", {})
    found = examine()
    assert found["extras"]["mlflow"]["missing"] == ["mlflow>=3.15.2 (here 2.0)"]
    assert found["extras"]["required"] == {
        "missing": ["torch>=2.8 (here 2.7.1)"],
        "install": 'pip install "monai-boundary"',
    }
    assert not found["passed"]
    assert {"monai", "torch", "numpy", "scikit-image"} <= found["versions"].keys()
    assert "mlflow" not in found["versions"]
    old.clear()
    old["torch"] = "2.9.0a0+git1234"  # built from source
    assert examine()["passed"]


def test_without_an_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    with pytest.raises(ImportError, match=r"needs the package installed, from a clone by: pip install -e \."):
        examine()


def test_a_wrong_number_and_an_error_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> tuple[bool, str]:
        raise OSError("no kernel")

    monkeypatch.setattr(doctor, "_SELF_TEST", {"wrong": lambda: (False, "2.0 mm (1.5)"), "broken": broken})
    found = examine()
    assert not found["passed"]
    assert found["self_test"]["broken"]["found"] == "OSError: no kernel"
    assert examination_text(found).count("FAILED") == 2
