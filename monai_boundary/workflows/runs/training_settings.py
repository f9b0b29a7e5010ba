# SPDX-License-Identifier: Apache-2.0
"""The settings of a training, written beside its network, and read by evaluation, inference and a resumed training."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from monai_boundary._tables import write_json
from monai_boundary.data.em.source import EMSource

logger = logging.getLogger(__name__)

SETTINGS = "settings.json"
# what decides which cases are the validation part
SPLIT = ("fold", "num_folds", "layout", "patient_pattern")


def write_training_settings(settings: Mapping[str, Any], folder: str | os.PathLike[str]) -> None:
    """Write ``settings.json`` beside the network, whole or not at all; a data set's folder as an absolute path.

    Args:
        settings: of the training, plain values.
        folder: of ``model.pt``.
    """
    write_json({**settings, "dataset_dir": _absolute(settings.get("dataset_dir"))}, Path(folder) / SETTINGS)


def trained_settings(ckpt_path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the settings of the training that wrote a network, from ``settings.json`` beside it.

    A training of an earlier version left them in ``metrics.json``. A network without either has none.

    Args:
        ckpt_path: the network.

    Example:
        >>> trained_settings("no/such/model.pt")
        {}
    """
    folder = Path(ckpt_path).parent
    for path, key in ((folder / SETTINGS, None), (folder / "metrics.json", "settings")):
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            settings = content if key is None else content.get(key)
            if isinstance(settings, dict) and settings:
                logger.info(f"Settings that are not given are those of the training, from {path}.")
                return settings
    return {}


def resumed_settings(output_dir: str | os.PathLike[str], resume: bool = True) -> dict[str, Any]:
    """Return the settings of the training that is resumed, from its checkpoint; none where a training begins.

    Settings that follow from others by default (a warm-up of half the epochs) stay what they were when a training is
    made longer.

    Args:
        output_dir: folder of the training.
        resume: whether a checkpoint in it is resumed.

    Example:
        >>> resumed_settings("no/such/folder")
        {}
    """
    path = Path(output_dir) / "checkpoint.pt"
    if not resume or not path.is_file():
        return {}
    try:  # its values alone: the training that reads all of it checks its hash
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return dict(content["training"]["settings"])
    except (OSError, RuntimeError, EOFError, UnpicklingError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"`output_dir` has a checkpoint that cannot be read, {path}: {reason}") from error


def check_trained_settings(
    trained: Mapping[str, Any],
    settings: Mapping[str, Any],
    part: str = "validation",
    allow_training_cases: bool = False,
) -> None:
    """Say in one line what differs from the training, and refuse another split of the same data.

    With another fold the validation part has cases that the network was trained on, and their scores say nothing.

    Args:
        trained: of `trained_settings`; without any there is nothing to compare.
        settings: of this run.
        part: whose scores are wanted; the training part may be named.
        allow_training_cases: score another split all the same.

    Raises:
        ValueError: if the split differs, or the bundle.

    Example:
        >>> check_trained_settings({"fold": 0}, {"fold": 1})
        Traceback (most recent call last):
        ValueError: `fold` needs that of the training, 0, got 1: ...
    """
    differs = {
        name: (trained[name], value)
        for name, value in settings.items()
        if name in trained and _plain(name, trained[name]) != _plain(name, value)
    }
    same_data = "dataset_dir" not in differs
    for name, (there, here) in differs.items():
        if name == "bundle":
            raise ValueError(f"`ckpt_path` needs a network of this bundle, {here}, got one of {there}.")
        if name in SPLIT and same_data and part == "validation" and not allow_training_cases:
            raise ValueError(
                f"`{name}` needs that of the training, {there!r}, got {here!r}: cases that the network was trained on "
                "would be scored. Leave the option out, or give --allow_training_cases true."
            )
    if differs:
        said = ", ".join(f"{name} {here!r} (there {there!r})" for name, (there, here) in differs.items())
        logger.warning(f"Other settings than in the training: {said}.")


def warn_of_trained(items: Sequence[Mapping[str, Any]], data: Mapping[str, Any] | None) -> None:
    """Say in the log how many items of a test set were trained on, by the place of their labels.

    Args:
        items: of the test set, with ``label``, and ``section`` where they are one.
        data: of the training, with its items under ``training``; None where they are not known.
    """
    known = {place for item in (data["training"] if data else ()) for place in _places(item)}
    shared = sum(not known.isdisjoint(_places(item)) for item in items)
    if shared:
        logger.warning(f"{shared} of the {len(items)} items of the test set were trained on: the scores include them.")


def _places(item: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Where an item's label lies, links followed, and the section of a stack; of a stack each of its sections."""
    label = item["label"]
    sources = [EMSource.parse(str(file)) for file in (label if isinstance(label, (list, tuple)) else [label])]
    if "sections" in item:
        held = [f"{s.path.resolve()}::{s.dataset}" for s in sources]
        return [(*held, str(section)) for section in range(*item["sections"])]
    return [(*(f"{s.path.resolve()}::{s.dataset}@{s.start}" for s in sources), str(item.get("section", "")))]


def _absolute(path: Any) -> str | None:
    return None if path is None else str(Path(str(path)).absolute())


def _plain(name: str, value: Any) -> Any:
    if name == "dataset_dir":
        return None if value is None else str(Path(str(value)).resolve())
    return json.loads(json.dumps(value, default=str))
