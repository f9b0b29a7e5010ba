# SPDX-License-Identifier: Apache-2.0
"""What a value on the command line means: read by the kind of the option's default in the configuration."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
NULL = ("null", "~", "none")
# endings of the names of options whose text is kept as it was typed: a folder may be called 20240501, or no
PATHS = ("_dir", "_path", "_file", "_checkpoint", "_net", "_cache", "_root", "_dataset", "_name", "_uri")
_REFERENCE = re.compile(r"@(\w+(?:(?:::|#)\w+)*)")


class OptionKind(NamedTuple):
    """What an option takes: flag, whole, number, text, path, list (of ``item``), mapping, any.

    Or ``argument``: a new one, of a component that the configuration leaves at its own default. The item of a path,
    a text or a flag is null where it may be null. ``words`` are taken in place of a value.
    """

    name: str
    item: str = "any"
    words: tuple[str, ...] = ()


ANY = OptionKind("any")
# of options that are null by default, where no default says what they take
KINDS_OF_NULL: Mapping[str, OptionKind] = MappingProxyType(
    {
        "alpha": OptionKind("number"),
        "map_axis": OptionKind("whole"),
        "contour": OptionKind("text", "null"),
        "contour_width": OptionKind("whole"),
        "et_label": OptionKind("whole"),
        "edge_losses": OptionKind("flag", "null"),
        "label_map": OptionKind("text", "null"),
        "patient_pattern": OptionKind("text", "null"),
        "border_tolerance_nm": OptionKind("number"),
        "threshold": OptionKind("number"),
        "min_size": OptionKind("whole"),
        "spacing": OptionKind("list", "number", ("median",)),
        "method": OptionKind("text", "null"),
        "reference": OptionKind("text", "null"),
        "known_task": OptionKind("text", "null"),
        "scores": OptionKind("list", "text"),
        "channels": OptionKind("mapping"),
        "labels": OptionKind("mapping"),
        "ignore_label": OptionKind("whole"),
        "ct_window": OptionKind("list", "number"),
        "percentiles": OptionKind("list", "number"),
        "flips": OptionKind("list", "whole"),
        "slice_axis": OptionKind("whole"),
        "store": OptionKind("path", "null"),
        "mask": OptionKind("path", "null"),
        "block": OptionKind("list", "whole"),
    }
)
_RETURNED = {"str": "text", "float": "number", "int": "whole", "bool": "flag", "list": "list", "dict": "mapping"}
_BUILT_IN = {"hasattr": "flag", "isinstance": "flag", "bool": "flag", "len": "whole", "int": "whole", "str": "text"}


def option_kind(option: str, options: Mapping[str, Any], functions: Mapping[str, Any] | None = None) -> OptionKind:
    """Return what an option takes, from its default; of an expression from what it can give.

    Args:
        option: its id, ``"resume"`` or ``"train::dataloader::num_workers"``.
        options: the configuration as it is in its files.
        functions: modules by the names that the expressions use; what their functions return is then known.

    Example:
        >>> options = {"resume": True, "lr": "$0.1 if @resume else 0.2", "data_dir": None, "sizes": [8, 16]}
        >>> [option_kind(name, options).name for name in options]
        ['flag', 'number', 'path', 'list']
    """
    kind = _kind(_default(option, options), options, functions or {}, {option})
    last = option.rpartition("::")[2]
    if kind.name == "any" and last in KINDS_OF_NULL:
        return KINDS_OF_NULL[last]
    if kind.name in ("any", "text") and last.endswith(PATHS):
        return OptionKind("path", "null" if kind.name == "any" else "text")
    return kind


def option_value(option: str, value: Any, kind: OptionKind, default: Any = None, typed: str | None = None) -> Any:
    """Return what a value says, of the kind that the option takes.

    A text that begins with ``$``, ``@`` or ``%`` is an expression of the configuration, and stays.

    Args:
        option: its id, for the message.
        value: what the command line's reader left: a number, a list, a text such as ``"false"``.
        kind: of :func:`option_kind`.
        default: the option's, where it is a mapping.
        typed: the text as it was typed, where it is known; a path is taken from it.

    Raises:
        ValueError: if the value is not of that kind.

    Example:
        >>> option_value("resume", "no", OptionKind("flag")), option_value("output_dir", 20240501, OptionKind("path"))
        (False, '20240501')
    """
    if isinstance(value, str) and value[:1] in ("$", "@", "%") and value[1:]:
        return value
    if isinstance(value, str) and value in kind.words:
        return value
    return _READERS[kind.name](option, value, kind, default, str(value) if typed is None else typed)


def _default(option: str, options: Mapping[str, Any]) -> Any:
    node: Any = options
    for part in option.split("::"):
        try:
            node = node[part] if isinstance(node, Mapping) else node[int(part)]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return node


def _kind(value: Any, options: Mapping[str, Any], functions: Mapping[str, Any], seen: set[str]) -> OptionKind:
    if isinstance(value, str):
        if value.startswith("@"):
            return _referred(value[1:].replace("#", "::"), options, functions, seen)
        if value.startswith("$"):
            return _of_expression(value[1:], options, functions, seen)
        return ANY if value.startswith("%") else OptionKind("text")
    if isinstance(value, (list, tuple)):
        items = {_kind(item, options, functions, seen).name for item in value}
        return OptionKind("list", _common(items))
    if isinstance(value, Mapping):
        return ANY if "_target_" in value else OptionKind("mapping")
    names = {bool: "flag", int: "whole", float: "number"}
    return OptionKind(names.get(type(value), "any"))


def _common(kinds: set[str]) -> str:
    if kinds and kinds <= {"whole", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "any"


def _referred(option: str, options: Mapping[str, Any], functions: Mapping[str, Any], seen: set[str]) -> OptionKind:
    if option in seen:
        return ANY
    return _kind(_default(option, options), options, functions, {*seen, option})


def _of_expression(text: str, options: Mapping[str, Any], functions: Mapping[str, Any], seen: set[str]) -> OptionKind:
    try:
        tree = ast.parse(_REFERENCE.sub(r"_referred_('\1')", text).strip(), mode="eval")
    except SyntaxError:  # an import
        return ANY

    def kind(node: ast.AST) -> OptionKind:
        if isinstance(node, ast.IfExp):
            return _first_known(kind(node.body), kind(node.orelse))
        if isinstance(node, ast.BoolOp):
            return _first_known(*(kind(value) for value in reversed(node.values)))
        if isinstance(node, ast.BinOp):
            return _of_sum(kind(node.left), kind(node.right), isinstance(node.op, ast.Div))
        if isinstance(node, (ast.List, ast.Tuple)):
            return OptionKind("list", _common({kind(item).name for item in node.elts}))
        if isinstance(node, ast.Call):
            return called(node)
        if isinstance(node, ast.Constant):
            return (
                _kind(node.value, options, functions, seen) if not isinstance(node.value, str) else OptionKind("text")
            )
        simple = {ast.Compare: "flag", ast.Not: "flag", ast.JoinedStr: "text", ast.Dict: "mapping"}
        return OptionKind(simple.get(type(node.op if isinstance(node, ast.UnaryOp) else node), "any"))

    def called(node: ast.Call) -> OptionKind:
        if isinstance(node.func, ast.Name):
            if node.func.id == "_referred_":
                return _referred(ast.literal_eval(node.args[0]).replace("#", "::"), options, functions, seen)
            return (
                kind(node.args[0]) if node.func.id in ("min", "max") else OptionKind(_BUILT_IN.get(node.func.id, "any"))
            )
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "get" and len(node.args) == 2:  # a mapping's, with a default
                return kind(node.args[1])
            return _returned(node.func, functions)
        return ANY

    return kind(tree.body)


def _first_known(*kinds: OptionKind) -> OptionKind:
    return next((kind for kind in kinds if kind.name != "any"), ANY)


def _of_sum(left: OptionKind, right: OptionKind, divided: bool) -> OptionKind:
    for name in ("text", "list"):
        if name in (left.name, right.name):
            return left if left.name == name else right
    if left.name == right.name == "whole" and not divided:
        return left
    return OptionKind("number") if "number" in (left.name, right.name) or divided else ANY


def _returned(function: ast.Attribute, functions: Mapping[str, Any]) -> OptionKind:
    module = functions.get(function.value.id) if isinstance(function.value, ast.Name) else None
    known = vars(module).get(function.attr) if hasattr(module, "__dict__") else None
    said = str(getattr(known, "__annotations__", {}).get("return", ""))
    return OptionKind(_RETURNED.get(said.partition("[")[0], "any"))


def _refused(option: str, needed: str, value: Any) -> ValueError:
    return ValueError(f"`--{option}` needs {needed}, got {value!r}.")


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.lower() in NULL)


def _flag(option: str, value: Any, kind: OptionKind, _default: Any, _typed: str) -> Any:
    if kind.item == "null" and _is_null(value):
        return None
    word = str(value).lower()
    if isinstance(value, (bool, int, str)) and word in (*TRUE, *FALSE):
        return word in TRUE
    raise _refused(option, "true or false", value)


def _number(option: str, value: Any, kind: OptionKind, _default: Any, _typed: str) -> Any:
    if _is_null(value):
        return None
    if isinstance(value, (list, tuple)):  # one for each axis
        return [_number(option, item, kind, None, "") for item in value]
    needed = "a whole number" if kind.name == "whole" else "a number"
    try:
        number = float(value) if isinstance(value, str) else value
        whole = isinstance(number, int) or float(number).is_integer()
    except (TypeError, ValueError, OverflowError):
        raise _refused(option, needed, value) from None
    if isinstance(value, bool) or (kind.name == "whole" and not whole):
        raise _refused(option, needed, value)
    return int(number) if kind.name == "whole" else number


def _text(option: str, value: Any, kind: OptionKind, _default: Any, typed: str) -> Any:
    if kind.item == "null" and _is_null(value):
        return None
    if value is True and typed.lower() in TRUE:
        raise _refused(option, "a text", value)  # the option's name alone
    return typed if value is None or isinstance(value, bool) else value


def _path(option: str, value: Any, kind: OptionKind, _default: Any, typed: str) -> Any:
    if kind.item == "null" and _is_null(value):
        return None
    if isinstance(value, (Mapping, list, tuple)):
        return value
    if value is True and typed == "True":
        raise _refused(option, "a path or a name", value)
    return value if isinstance(value, str) else typed


def _list(option: str, value: Any, kind: OptionKind, _default: Any, _typed: str) -> Any:
    if _is_null(value):
        return None
    if isinstance(value, str) and kind.item in ("text", "any") and value[:1] not in ("[", "("):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise _refused(option, "a list" + (", such as [64, 64]" if kind.item == "number" else ""), value)
    if kind.item == "text" and not all(isinstance(item, str) for item in value):
        raise _refused(option, "a list of names", value)
    reader: Callable[..., Any] = _number if kind.item == "number" else _within
    return [reader(option, item, OptionKind(kind.item), None, "") for item in value]


def _mapping(option: str, value: Any, _kind: OptionKind, default: Any, _typed: str) -> Any:
    if _is_null(value):
        return None
    if not isinstance(value, Mapping):
        raise _refused(option, "a mapping, such as \"{'w': 9}\"", value)
    known = default if isinstance(default, Mapping) else {}
    return {
        key: option_value(f"{option}::{key}", item, option_kind(key, known), known[key])
        if known.get(key) is not None
        else _within(option, item, ANY, None, "")
        for key, item in value.items()
    }


def _within(option: str, value: Any, kind: OptionKind, _default: Any, _typed: str) -> Any:
    """Inside a list or a mapping 'none', 'no' and 'off' may be names, such as ``reduction: none``."""
    if isinstance(value, Mapping):
        return _mapping(option, value, kind, None, "")
    if isinstance(value, (list, tuple)):
        return [_within(option, item, kind, None, "") for item in value]
    words = {"true": True, "false": False, "null": None, "~": None}
    return words.get(value.lower(), value) if isinstance(value, str) and kind.name != "text" else value


def _any(option: str, value: Any, _kind: OptionKind, default: Any, _typed: str) -> Any:
    """Of a default that says nothing: null, or an expression of something that is not known."""
    if _is_null(value):
        return None
    if isinstance(value, (list, tuple, Mapping)):
        return _within(option, value, ANY, None, "")
    words = {**dict.fromkeys(TRUE[:3], True), **dict.fromkeys(FALSE[:3], False)}
    said = words.get(value.lower(), value) if isinstance(value, str) else value
    if isinstance(said, bool) and default is None:
        raise _refused(option, "a value, or null", value)
    return said


_READERS: dict[str, Callable[[str, Any, OptionKind, Any, str], Any]] = {
    "flag": _flag,
    "whole": _number,
    "number": _number,
    "text": _text,
    "path": _path,
    "list": _list,
    "mapping": _mapping,
    "any": _any,
    "argument": _within,
}
