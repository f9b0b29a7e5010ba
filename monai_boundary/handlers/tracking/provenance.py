# SPDX-License-Identifier: Apache-2.0
"""What a run was made with: the commit of its folder, the versions of the libraries, the configuration."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from copy import deepcopy
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from monai.bundle import ConfigParser

_LIBRARIES = ("monai-boundary", "monai", "torch", "numpy")


def provenance(folder: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """Return the git commit of a folder and the versions of Python and the libraries, as tags of MLflow.

    A folder that lies in no repository, or that its repository ignores (a virtual environment in a project), has no
    commit. Changes that are not committed are told by the tag ``git.changed``.

    Args:
        folder: of the bundle.

    Example:
        >>> sorted(provenance())[:2]
        ['version.monai', 'version.monai-boundary']
    """
    tags = {f"version.{name}": version for name in _LIBRARIES if (version := _version(name))}
    tags["version.python"] = platform.python_version()
    commit = _git(folder, "rev-parse", "HEAD") if folder is not None and Path(folder).is_dir() else None
    if commit and folder is not None and _git(folder, "check-ignore", "--quiet", ".") is None:
        tags["mlflow.source.git.commit"] = commit
        tags["git.changed"] = str(bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))).lower()
    return tags


def running_configuration() -> dict[str, Any] | None:
    """Return the configuration that is being resolved, as it is written, with what the command line gave; None without.

    Example:
        >>> parser = ConfigParser({"lr": 0.1, "all": "$find()"}, globals={"find": running_configuration})
        >>> parser.get_parsed_content("all")
        {'lr': 0.1, 'all': '$find()'}
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, ConfigParser):
            return dict(deepcopy(owner.get()))
        frame = frame.f_back
    return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: str | os.PathLike[str], *arguments: str) -> str | None:
    """Return what git prints; None where it fails or is not there."""
    command = ["git", "-C", os.fspath(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
