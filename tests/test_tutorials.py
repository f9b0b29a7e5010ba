# SPDX-License-Identifier: Apache-2.0
"""The tutorial of one's own folder as its reader does it: its code, then its commands, with a short training."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.warm_python import WarmRun

SHORT = ["--epochs", "1", "--iterations", "2"]


@pytest.mark.slow
def test_a_folder_becomes_a_report(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundles").symlink_to(repo / "bundles")
    page = (repo / "docs" / "tutorials" / "own-folder.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(code, "own-folder.md", "exec"), {"__name__": "example"})
    lines = [line for block in re.findall(r"^```shell\n(.*?)^```", page, re.M | re.S) for line in block.splitlines()]
    assert [line.split()[2:4] for line in lines[:1]] == [["monai_boundary", "inspect"]]
    for line in lines:
        words = shlex.split(line)[2:]  # of "python -m"
        if any(word.endswith("train.yaml','look/task.yaml']") for word in words):
            words += SHORT
        if "theirs=other" in words:
            (tmp_path / "other").symlink_to(tmp_path / "data" / "labels")
        run = WarmRun(words, tmp_path)
        assert run.wait() == 0, f"{line}\n{run.output[-3000:]}"
    assert "task.yaml" in {file.name for file in (tmp_path / "look").iterdir()}
    assert list((tmp_path / "runs" / "own").rglob("report.html"))
    assert (tmp_path / "compared" / "report.html").is_file()
