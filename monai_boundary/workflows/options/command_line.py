# SPDX-License-Identifier: Apache-2.0
"""What the command line of ``python -m monai.bundle run`` says, read when a configuration imports ``options``.

MONAI hands the words of its command line to the configuration as they are: ``--resume false`` is the text "false",
which is true; ``--epoch 3`` is a new entry that nothing reads. A bundle's configuration has the line

    $from monai_boundary.workflows.options.command_line import options

which MONAI evaluates for each run before anything else. That import looks for the run that asked for it, gives every
option of its command line the type of its default, and refuses names that no line of the configuration has. It needs
no ``initialize``, and nothing of MONAI is changed for other bundles.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from monai.bundle import ConfigParser, ConfigWorkflow, update_kwargs
from monai.utils import ensure_tuple

from monai_boundary.workflows.options.names import check_option_names
from monai_boundary.workflows.options.values import OptionKind, option_kind, option_value
from monai_boundary.workflows.runs.errors import end_with_one_line

_OWN = frozenset(inspect.signature(ConfigWorkflow.__init__).parameters) - {"override"}
_COMMAND = "monai.bundle"
# entries that MONAI adds with --tracking mlflow
_TRACKED = ("tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0")


class _Run(NamedTuple):
    parser: ConfigParser
    first: str  # the id that is being resolved
    given: dict[str, Any]
    files: tuple[str, ...]


def __getattr__(name: str) -> dict[str, Any]:
    if name == "options":
        return _read(sys._getframe(1))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def read_options(
    given: Mapping[str, Any],
    files: tuple[str, ...],
    functions: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the given options with the types of their defaults.

    Args:
        given: id -> value, as a command line's reader left them.
        files: of the configuration, in layers.
        functions: modules that the configuration imports, by name.
        typed: id -> the text as it was typed, where it is known.

    Raises:
        ValueError: if a name is not known, or a value is not of its option's kind.
    """
    options = ConfigParser.load_config_files(list(files))
    tracked = _TRACKED if given.get("tracking") else []
    chosen = {name: value for name, value in given.items() if name not in _OWN and not name.startswith(("+", "_meta_"))}
    where = " and ".join(Path(name).name for name in files)
    check_option_names(chosen, options, {*tracked, *_OWN, "debug"} - {"self"}, where)
    parser = ConfigParser(options, globals=False)
    read = {}
    for name, value in chosen.items():
        option = name.replace("#", "::")
        default, kind = parser.get(option), OptionKind("argument")
        if option in parser:
            kind = option_kind(option, options, functions)
        elif option == "debug":
            kind = OptionKind("flag")
        read[option] = option_value(name, value, kind, default, (typed or {}).get(name))
    return read


def _read(frame: FrameType) -> dict[str, Any]:
    run = _running(frame)
    if run is None:
        return {}
    resolver = run.parser.ref_resolver
    vars(resolver).pop("find_refs_in_config", None)
    words, modules = _typed() if _is_command() else {}, run.parser.globals
    try:
        if _is_command():
            end_with_one_line(debug=str(run.given.get("debug", "false")).lower() in ("true", "1", "yes"))
        options = read_options(run.given, run.files, modules, words)
    except Exception as error:
        # an import's error is swallowed by MONAI, so the resolver's next step raises it
        vars(resolver)["find_refs_in_config"] = _raising(error)
        return {}
    changed = {name for name, value in options.items() if not _same(run.parser.get(name), value)}
    for name in changed:
        run.parser[name] = options[name]
    if changed:
        run.parser.parse(reset=True)
        if run.first in changed:  # its old value is in the hands of the caller
            _replace_once(run.parser, run.first)
    return options


def _running(frame: FrameType | None) -> _Run | None:
    """Find the run that is importing: its parser, and what ``run`` or ``create_workflow`` of MONAI was called with."""
    parser, first, calls = None, "", {}
    for place in _outwards(frame):
        owner, name = place.f_locals.get("self"), place.f_code.co_name
        if parser is None and isinstance(owner, ConfigParser):
            parser = owner
        if name == "_resolve_one_item":
            first = str(place.f_locals.get("id", first))
        if place.f_globals.get("__name__") == "monai.bundle.scripts":
            calls[name] = place.f_locals
    if parser is None or not calls.keys() & {"run", "create_workflow"}:
        return None
    dropped: dict[str, Any] = {}
    if "create_workflow" in calls:
        given = {**calls["create_workflow"]["_args"], "config_file": calls["create_workflow"]["config_file"]}
    else:  # without anything to initialize, the first that is asked for is what runs
        call = calls["run"]
        named = {key: call[key] for key in ("config_file", "tracking")}
        given = update_kwargs(args=deepcopy(call["args_file"]), **named, **call["override"])
    if "run" in calls and _is_command():  # in Python None is "not given"
        dropped = {key: value for key, value in calls["run"]["override"].items() if value is None}
    files = given.pop("config_file", None)
    if files is None:
        return None
    names = files.split(",") if isinstance(files, str) and not Path(files).is_file() else ensure_tuple(files)
    return _Run(parser, first, {**given, **dropped}, tuple(str(name) for name in names))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_command() -> bool:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.removesuffix(".__main__") == _COMMAND


def _typed() -> dict[str, str]:
    """Return the words of this process's options as they were typed: a number has lost its leading zeros."""
    words: dict[str, str] = {}
    for word, after in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
        if word.startswith("--"):
            name, has_value, value = word[2:].partition("=")
            words[name.replace("-", "_")] = value if has_value else "True" if after.startswith("--") else after
    return words


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def _raising(error: Exception) -> Any:
    def find_refs_in_config(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return find_refs_in_config


def _replace_once(parser: ConfigParser, first: str) -> None:
    resolver = parser.ref_resolver

    def update_config_with_refs(config: Any, id: str, refs: Any = None) -> Any:
        if id == first:
            del vars(resolver)["update_config_with_refs"]
            config = parser[first]
        return type(resolver).update_config_with_refs(config, id, refs)

    vars(resolver)["update_config_with_refs"] = update_config_with_refs
