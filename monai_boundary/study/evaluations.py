# SPDX-License-Identifier: Apache-2.0
"""How the networks of a study are scored after their trainings: once, or in several ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

DEFAULT = "evaluation"  # its name, and that of the folder in a run's that a bundle's evaluation writes to
CONFIG = "evaluate.yaml"


class StudyEvaluation(NamedTuple):
    """One evaluation of every run: its name, which is that of its folder in the run's; its file; its own overrides."""

    name: str
    config: Path
    overrides: Mapping[str, Any]

    def settings(self) -> Any:
        """Return what two studies in the same folder need to have in common."""
        return {"config": self.config.name, **self.overrides} if self.overrides else self.config.name

    def options(self, run: Mapping[str, Any], known: Mapping[str, Any], place: Path) -> dict[str, Any]:
        """Return what the evaluation gets on top of its file.

        Args:
            run: overrides of the run's training: those that the evaluation knows are its too.
            known: entries of the evaluation's file.
            place: the run's folder.
        """
        shared = {name: value for name, value in run.items() if option_root(name) in known}
        folder = {} if self.name == DEFAULT else {"evaluation_dir": str(place / self.name)}
        return {**shared, **self.overrides, **folder}


def read_evaluations(entry: Any, find: Callable[[str], Path]) -> tuple[StudyEvaluation, ...]:
    """Return the evaluations of a study's entry ``evaluate``.

    Args:
        entry: nothing; the name of a file; or name -> overrides, in which ``config`` is the file (``evaluate.yaml``).
        find: finds a file by its name.

    Raises:
        ValueError: if a name cannot be a folder's.
        TypeError: if the entry, or the overrides of one, have another form.
    """
    if not entry:
        return ()
    if isinstance(entry, str):
        return (StudyEvaluation(DEFAULT, find(entry), {}),)
    if not isinstance(entry, Mapping):
        raise TypeError(f"`evaluate` needs a file or a dictionary, name -> overrides, got {entry!r}.")
    found = []
    for name, own in entry.items():
        if not str(name).isidentifier() or name == "config":  # which is the entry of a single one
            raise ValueError(f"`evaluate` needs names of letters, digits and _ other than config, got {name!r}.")
        if own is not None and not isinstance(own, Mapping):
            raise TypeError(f"`evaluate::{name}` needs a dictionary, got {type(own).__name__}: {own!r}.")
        options = dict(own or {})
        found.append(StudyEvaluation(str(name), find(str(options.pop("config", CONFIG))), options))
    return tuple(found)


def evaluation_settings(evaluations: Sequence[StudyEvaluation]) -> Any:
    """Return the settings of a study's evaluations as plain data."""
    if [each.name for each in evaluations] == [DEFAULT]:
        return evaluations[0].settings()
    return {each.name: each.settings() for each in evaluations} or None


def evaluations_by_name(settings: Any) -> dict[str, Any]:
    """Return the settings of each evaluation by its name.

    Args:
        settings: of :func:`evaluation_settings`; nothing, one evaluation's own, or those of several by their names.
    """
    if not settings:
        return {}
    alone = isinstance(settings, str) or isinstance(settings.get("config"), str)
    return {DEFAULT: settings} if alone else dict(settings)


def joined_settings(before: Any, now: Any) -> Any:
    """Return the settings of what was evaluated before and of what is now, in the form of each."""
    both = {**evaluations_by_name(before), **evaluations_by_name(now)}
    return both[DEFAULT] if list(both) == [DEFAULT] else both or None


def evaluation_entry(evaluations: Sequence[StudyEvaluation]) -> Any:
    """Return what `read_evaluations` makes the evaluations of again."""
    return {each.name: {"config": str(each.config), **each.overrides} for each in evaluations} or None


def option_root(name: str) -> str:
    """Return the entry of a configuration that an override is of: ``network_def`` of ``network_def::channels``."""
    return name.lstrip("+").split("::")[0].split("#")[0]
