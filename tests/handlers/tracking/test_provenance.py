# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

from monai_boundary.handlers.tracking.provenance import provenance, running_configuration


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_of_the_folder_and_whether_it_was_changed(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "train.yaml").write_text("lr: 0.1\n")
    (tmp_path / ".gitignore").write_text("venv\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    tags = provenance(bundle)
    assert tags["mlflow.source.git.commit"] == git(tmp_path, "rev-parse", "HEAD")
    assert tags["git.changed"] == "false"
    assert {"version.torch", "version.monai", "version.python"} <= tags.keys()
    (bundle / "train.yaml").write_text("lr: 0.2\n")
    assert provenance(bundle)["git.changed"] == "true"
    (tmp_path / "venv").mkdir()
    assert "mlflow.source.git.commit" not in provenance(tmp_path / "venv"), "installed in a project: not its commit"


def test_no_repository_no_commit(tmp_path: Path) -> None:
    assert not [name for name in provenance(tmp_path) if "git" in name]
    assert not [name for name in provenance(tmp_path / "missing") if "git" in name]


def test_outside_of_a_configuration_there_is_none() -> None:
    assert running_configuration() is None
