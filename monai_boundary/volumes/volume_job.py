# SPDX-License-Identifier: Apache-2.0
"""The folder of a job over a volume: one job in it at a time, and what was begun goes on only if nothing changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from monai_boundary import __version__
from monai_boundary._folder_lock import FolderLock
from monai_boundary._tables import write_json
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.volume_source import VolumeSource

MANIFEST = "manifest.json"
BLOCKS = "blocks"
_PARTIAL = re.compile(r"\.[0-9a-f]{8}\.partial")  # as `atomic_output` names what it writes
_PACKAGES = ("numpy", "scipy", "scikit-image", "zarr")


class VolumeJob:
    """A job in its folder, from ``with`` to its end.

    The folder has ``manifest.json``, which says what the job is, and ``blocks``, where each finished block leaves its
    record. A job that was stopped or killed goes on where it was; one with other inputs, settings or versions is
    refused.

    Args:
        folder: of the output.
        command: what is done.
        inputs: name -> volume.
        settings: whatever the result depends on, as plain values. What it does not depend on (workers) is none.
        force: remove what another job has left in the folder.
        outputs: names in the folder that ``force`` removes too.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        command: str,
        inputs: Mapping[str, VolumeSource],
        settings: Mapping[str, Any],
        *,
        force: bool = False,
        outputs: tuple[str, ...] = (),
    ) -> None:
        self.folder = Path(folder).absolute()
        self.manifest = _manifest(command, inputs, settings)
        self.force = force
        self.outputs = outputs
        self._lock = FolderLock(self.folder)

    def __enter__(self) -> VolumeJob:
        """Take the folder.

        Raises:
            ValueError: if another job is running in it, or has left other results there, or it cannot be written.
        """
        self._lock.acquire()
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def records(self, stage: str) -> BlockRecords:
        """Return the records of a stage."""
        return BlockRecords(self.folder / BLOCKS / stage)

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a file of the output, whole or not at all; one that is there is replaced. NaN becomes null."""
        path = self.folder / name
        write_json(content, path)
        return path

    def _begin(self) -> None:
        if self.force:
            for name in (MANIFEST, BLOCKS, *self.outputs):
                path = self.folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path = self.folder / MANIFEST
        if path.is_file():
            self._compare(path)
        else:
            there = [name for name in (BLOCKS, *self.outputs) if (self.folder / name).exists()]
            if there:
                raise ValueError(
                    f"`output_dir` needs a new folder, {self.folder} holds {', '.join(there)} of unknown origin: give "
                    "another one, or force=True (--force) to remove that."
                )
            self.write_json(MANIFEST, self.manifest)
        # ours, and Zarr's, of a job that was killed while it wrote; what else lies in the folder may be somebody's
        ours = [left for left in self.folder.glob(".*.partial*") if _PARTIAL.match(left.name)]
        for left in [*ours, *(self.folder / BLOCKS).rglob("*.partial*")]:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def _compare(self, path: Path) -> None:
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            there = None
        if not isinstance(there, dict):
            raise ValueError(f"`output_dir` needs a manifest that can be read, got {path}.")
        if there == self.manifest:
            return
        keys = sorted({*_flat(there).items()} ^ {*_flat(self.manifest).items()})
        names = ", ".join(dict.fromkeys(key for key, _ in keys if key != "digest"))
        raise ValueError(
            f"`output_dir` needs the same inputs, settings and versions to go on, {self.folder} has a job with other "
            f"{names}: give another folder, or force=True (--force) to begin anew."
        )


def _manifest(command: str, inputs: Mapping[str, VolumeSource], settings: Mapping[str, Any]) -> dict[str, Any]:
    content = {
        "command": command,
        "inputs": {
            name: {"source": v.source, "shape": v.shape, "dtype": v.dtype, "files": v.digest()}
            for name, v in inputs.items()
        },
        "settings": dict(settings),
        "versions": {"monai-boundary": __version__} | {name: _version(name) for name in _PACKAGES},
    }
    plain: dict[str, Any] = json.loads(json.dumps(content))  # as it will be read: tuples are lists
    return plain | {"digest": hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()}


@cache  # looking through what is installed takes longer than a small job's blocks
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _flat(content: Any, key: str = "") -> dict[str, str]:
    if not isinstance(content, dict):
        return {key: json.dumps(content)}
    found: dict[str, str] = {}
    for name, value in content.items():
        found |= _flat(value, f"{key}.{name}" if key else str(name))
    return found
