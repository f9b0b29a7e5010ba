# SPDX-License-Identifier: Apache-2.0
"""``task.yaml``: the advised settings as a layer of the bundle's configuration, with their reasons as comments."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_boundary._output_file import atomic_output
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.finding import ERROR, Finding
from monai_boundary.inspection.training_advice import Advice

_WIDTH = 110
_HEAD = """\
# Settings for a training on {source}, by `python -m monai_boundary inspect`. A layer of the bundle:
#
#   python -m monai_boundary bundle run volume_boundary train --config_file {file}
#
# Each setting may be changed here, or on the command line, which goes last.
"""


def write_task_file(
    path: Path,
    dataset_dir: Path,
    dataset: VolumeDataset,
    advice: Mapping[str, Advice],
    findings: list[Finding],
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Write the file, whole or not at all.

    Args:
        path: of the file.
        dataset_dir: where the data are; it is written as an absolute path.
        dataset: the listing.
        advice: of `training_advice`.
        findings: the errors among them are counted at the top.
        options: further settings that say where the data are, such as the names of paired folders.

    Returns:
        The path.
    """
    path = path.absolute()
    errors = sum(finding.level == ERROR for finding in findings)
    lines = [_HEAD.format(source=_line(dataset.source), file=_line(shlex.quote(str(path))))]
    if errors:
        lines.append(f"# {errors} errors were found in the data: see index.html beside this file before you train.\n")
    lines.append(f"dataset_dir: {_yaml(str(dataset_dir.absolute()))}")
    lines.append(f"layout: {dataset.layout}")
    lines += [f"{name}: {_yaml(value)}" for name, value in (options or {}).items() if value is not None]
    for name, (value, reason) in advice.items():
        lines += ["", *(f"# {line}" for line in textwrap.wrap(_line(reason), _WIDTH)), f"{name}: {_yaml(value)}"]
    with atomic_output(path, overwrite=True) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _yaml(value: Any) -> str:
    """A value as JSON in one line, which is YAML too; names keep their letters, but for those that YAML refuses."""
    value = _plain(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _plain(value: Any) -> Any:
    """What a configuration would evaluate, build or look up, from a name of the data set, as a literal expression."""
    if isinstance(value, dict):
        if value.keys() & {"_target_", "_disabled_"}:
            return _literal(value)
        return {name: _plain(of) for name, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(of) for of in value]
    return _literal(value) if isinstance(value, str) and (value.startswith(("$", "@", "%")) or "#" in value) else value


def _literal(value: Any) -> str:
    """An expression that is the value: no reference, no id and no macro is left in its text."""
    return "$" + "".join(f"\\x{ord(c):02x}" if c in "$@#%" else c for c in ascii(value))


def _line(text: str) -> str:
    """Names come from files: a line break in one must not end a comment."""
    return "".join(c if c.isprintable() else "?" for c in text)
