# SPDX-License-Identifier: Apache-2.0
"""Which options a configuration knows, and the nearest name of one that it does not."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Collection, Mapping
from typing import Any

from monai.bundle.config_item import ComponentLocator
from monai.utils.module import optional_import

# what MONAI's own `run` looks for, whether the configuration has it or not
SECTIONS = ("initialize", "run", "finalize")


def check_option_names(
    given: Mapping[str, Any], options: Mapping[str, Any], also: Collection[str] = (), where: str = "the configuration"
) -> None:
    """Refuse options that no line of a configuration has.

    Known are the configuration's own ids, arguments of its components that it leaves at their defaults
    (``network_def::dropout``), what goes into an empty mapping, and what another given option refers to with ``@``.

    Args:
        given: id -> value.
        options: the configuration, as it is in its files.
        also: further names that are known.
        where: of the configuration, for the message.

    Raises:
        ValueError: with all names that are not known, each with the nearest that is.

    Example:
        >>> check_option_names({"epoch": 3}, {"epochs": 16, "seed": 0}, where="train.yaml")
        Traceback (most recent call last):
        ValueError: `--epoch` is no option of train.yaml; did you mean `--epochs`?
    """
    texts = [text for value in given.values() for text in _texts(value)]
    unknown = []
    for name in given:
        option = name.replace("#", "::")
        if option in also or any(re.search(rf"@{re.escape(option)}\b", text) for text in texts):
            continue
        known = _unknown_among(option, options, also)
        if known is not None:
            unknown.append(_said(name, known, where))
    if unknown:
        raise ValueError(" ".join(unknown))


def _unknown_among(option: str, options: Mapping[str, Any], also: Collection[str]) -> list[str] | None:
    """Return None if the option is known, else the full names that could have been meant."""
    node: Any = {**dict.fromkeys(SECTIONS), **options}
    before = ""
    for part in option.split("::"):
        if isinstance(node, list):
            if not part.lstrip("-").isdigit() or not -len(node) <= int(part) < len(node):
                return [f"{before}{k}" for k in range(len(node))]
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, Mapping):
            arguments = _arguments(node["_target_"]) if "_target_" in node else None if node else []
            if arguments == [] or (arguments and part in arguments):
                return None  # an empty mapping, a callable that takes anything, or an argument by name
            names = [name for name in [*node, *(arguments or ())] if not name.startswith("_")]
            return [f"{before}{name}" for name in names] + ([] if before else list(also))
        else:
            return [before.removesuffix("::")]
        before += f"{part}::"
    return None


def _arguments(target: Any) -> list[str]:
    """Return the names of a component's arguments; none where any name, or nothing, is known of it."""
    component: Any = target
    if isinstance(target, str):
        module, _, name = target.rpartition(".")
        if not module:
            found = ComponentLocator().get_component_module_name(target)
            module, name = (found[0] if isinstance(found, list) else found) or "", target
        component = optional_import(module, name=name)[0] if module else None
    try:
        parameters = inspect.signature(component).parameters.values()
    except (TypeError, ValueError):
        return []
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return []
    return [parameter.name for parameter in parameters]


def _said(name: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(name.replace("#", "::"), known, n=1, cutoff=0.5)
    advice = f"did you mean `--{near[0]}`?" if near else "its page lists them."
    return f"`--{name}` is no option of {where}; {advice}"


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
