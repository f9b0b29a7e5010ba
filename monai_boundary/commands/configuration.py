# SPDX-License-Identifier: Apache-2.0
"""What a bundle's configuration would build and evaluate, read without running it."""

from __future__ import annotations

import ast
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from monai.bundle import ConfigParser
from monai.utils import OptionalImportError

from monai_boundary.commands.shipped import unpack_bundle


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
        files: a YAML or JSON file of a bundle; or several in layers, of which later ones override earlier ones, as a
            list, or in a text as ``--config_file`` takes it: ``"['train.yaml','more.yaml']"`` or
            ``"train.yaml,more.yaml"``. Of a bundle's folder, or of a zip of ``bundle pack``, each file in ``configs``
            by itself, its name before the key.

    Raises:
        ValueError: if a file does not exist or is no configuration, or a zip is none of ``bundle pack``.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "train.yaml"
        >>> _ = file.write_text("lr: $1 / 8")
        >>> inspect_configuration(file)
        [ConfigurationEntry(key='lr', kind='expression', text='1 / 8')]
        >>> inspect_configuration(str([str(file), str(file)])) == inspect_configuration(file)
        True
    """
    paths = _layers(files)
    if len(paths) == 1 and paths[0].is_dir():
        return _of_bundle(paths[0])
    if len(paths) == 1 and zipfile.is_zipfile(paths[0]):
        with tempfile.TemporaryDirectory() as scratch:
            return _of_bundle(unpack_bundle(paths[0], scratch))
    for path in paths:
        if not path.is_file():
            raise ValueError(f"`file` needs a YAML or JSON file, {path} does not exist.")
    try:
        if len(paths) == 1:  # as it stands: what is a layer changes entries that it does not have
            content = ConfigParser.load_config_file(str(paths[0]))
        else:
            content = ConfigParser.load_config_files([str(path) for path in paths])
    except OptionalImportError:
        raise
    except Exception as error:  # a YAML or JSON reader's own errors
        raise ValueError(f"`file` needs a configuration, {paths[0]} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"`file` needs a configuration with keys, got {type(content).__name__} in {paths[0]}.")
    return list(_entries(content, ""))


def _layers(files: str | os.PathLike[str] | list[str]) -> list[Path]:
    if isinstance(files, str) and not Path(files).exists() and (files.startswith("[") or "," in files):
        try:
            files = list(ast.literal_eval(files)) if files.startswith("[") else files.split(",")
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"`file` needs a file or a list of files, got {files}.") from error
    return [Path(path) for path in ([files] if isinstance(files, (str, os.PathLike)) else files)]


def _of_bundle(folder: Path) -> list[ConfigurationEntry]:
    found = sorted(path for path in (folder / "configs").glob("*.*") if path.suffix in (".yaml", ".yml", ".json"))
    configs = [path for path in found if path.name != "metadata.json"]
    if not configs:
        raise ValueError(f"`file` needs a configuration or a bundle, {folder} has no configs/*.yaml.")
    entries = ((path.name, entry) for path in configs for entry in inspect_configuration(path))
    return [entry._replace(key=f"{name}: {entry.key}") for name, entry in entries]


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
