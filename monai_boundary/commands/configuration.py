# SPDX-License-Identifier: Apache-2.0
"""What a bundle's configuration would build and evaluate, read without running it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from monai.bundle import ConfigParser
from monai.utils import OptionalImportError


class ConfigurationEntry(NamedTuple):
    """One thing that a configuration runs.

    ``key`` is where it stands (``train::dataset``), ``kind`` is ``"target"``, ``"expression"`` or ``"import"``, and
    ``text`` the dotted path or the Python expression.
    """

    key: str
    kind: str
    text: str


def inspect_configuration(files: str | os.PathLike[str] | list[str]) -> list[ConfigurationEntry]:
    """Return every ``_target_``, ``$`` expression and import of a configuration, in its order. Nothing is run.

    A configuration is a program: whoever gets one from a stranger should read what it would do.

    Args:
        files: a YAML or JSON file of a bundle, or several, of which later ones override earlier ones.

    Raises:
        ValueError: if a file does not exist or is no configuration.
    """
    paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"`file` needs a YAML or JSON file, {path} does not exist.")
    try:
        content = ConfigParser.load_config_files([str(path) for path in paths])
    except OptionalImportError:
        raise
    except Exception as error:  # a YAML or JSON reader's own errors
        raise ValueError(f"`file` needs a configuration, {paths[0]} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"`file` needs a configuration with keys, got {type(content).__name__} in {paths[0]}.")
    return list(_entries(content, ""))


def _entries(content: Any, key: str) -> Iterator[ConfigurationEntry]:
    if isinstance(content, dict):
        for name, value in content.items():
            if name == "_target_" and isinstance(value, str) and not value.startswith("$"):
                yield ConfigurationEntry(key, "target", value)
            else:
                yield from _entries(value, f"{key}::{name}" if key else str(name))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _entries(value, f"{key}::{number}")
    elif isinstance(content, str) and content.startswith("$"):
        kind = "import" if content.startswith(("$import ", "$from ")) else "expression"
        yield ConfigurationEntry(key, kind, content[1:])
