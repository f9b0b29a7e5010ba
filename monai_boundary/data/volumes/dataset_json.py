# SPDX-License-Identifier: Apache-2.0
"""What the ``dataset.json`` of the Decathlon and of nnU-Net have in common: a description, and names of labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.volumes.volume_dataset import LabelIds

__all__ = ["declared_labels", "read_dataset_json"]


def read_dataset_json(dataset_dir: Path, needed: Sequence[str]) -> tuple[Path, dict[str, Any]]:
    """Return the file and its content.

    Args:
        dataset_dir: the folder of ``dataset.json``, or the file.
        needed: keys that it must have.

    Raises:
        ValueError: if it is missing, no JSON, or lacks a key.
    """
    file = dataset_dir / "dataset.json" if dataset_dir.is_dir() else dataset_dir
    if not file.is_file():
        raise ValueError(f"`dataset_dir` needs a dataset.json, got none at {file}.")
    content = read_json_file(file)
    lacking = [key for key in needed if not isinstance(content, Mapping) or key not in content]
    if lacking:
        held = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f"`dataset_dir` needs a dataset.json with {', '.join(lacking)}, got {file} with {held}.")
    return file, dict(content)


def read_json_file(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: if it is not readable as JSON; the file is named.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"`dataset_dir` needs a readable JSON file, got {file}: {error}.") from error


def declared_labels(labels: Any, file: Path) -> tuple[dict[str, LabelIds], int | None]:
    """Return class -> id, or ids of a region, without the background; and the id that is ignored, or None.

    Both ways round are understood: ``{"1": "liver"}`` (the Decathlon's) and ``{"liver": 1, "whole": [1, 2]}``.

    Args:
        labels: of the ``dataset.json``.
        file: for the message.

    Raises:
        ValueError: if there is none, an id is no integer >= 0, or two classes share an id.

    Example:
        >>> declared_labels({"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}, Path("dataset.json"))
        ({'whole': (1, 2), 'core': 2}, 3)
        >>> declared_labels({"0": "background", "1": "liver"}, Path("dataset.json"))
        ({'liver': 1}, None)
    """
    if not isinstance(labels, Mapping) or not labels:
        raise ValueError(
            f"`labels` of {file} needs names and ids, such as {{'background': 0, 'liver': 1}}, got {labels!r}."
        )
    if all(isinstance(name, str) and not name.isdigit() for name in labels.values()):
        entries = [(str(name), key) for key, name in labels.items()]
    else:
        entries = [(str(name), ids) for name, ids in labels.items()]
    found: dict[str, LabelIds] = {}
    ignored: int | None = None
    for name, value in entries:
        ids = _ids(name, value, file)
        if name.casefold() == "ignore":
            ignored = ids[0]
        elif ids != (0,):
            if name in found:
                raise ValueError(f"`labels` of {file} needs different names, got {name!r} twice.")
            found[name] = ids[0] if len(ids) == 1 else ids
    single = [of for of in found.values() if isinstance(of, int)]
    if len(set(single)) < len(single):
        raise ValueError(f"`labels` of {file} needs different ids, got {found}.")
    if not found:
        raise ValueError(f"`labels` of {file} needs a class beside the background, got {labels!r}.")
    return found, ignored


def _ids(name: str, value: Any, file: Path) -> tuple[int, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    try:
        ids = tuple(int(v) for v in values)
    except (TypeError, ValueError):
        ids = ()
    if not ids or min(ids) < 0 or any(isinstance(v, bool) or float(v) != int(v) for v in values):
        raise ValueError(f"`labels` of {file} needs integers >= 0 for {name!r}, got {value!r}.")
    return ids
