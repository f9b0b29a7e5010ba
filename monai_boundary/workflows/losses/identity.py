# SPDX-License-Identifier: Apache-2.0
"""What tells a loss or a network from another: everything that it holds, in plain values."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

PLAIN = (str, int, float, bool, type(None))
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


def loss_title(loss: str | Callable[..., Any]) -> Any:
    """Return what tells a loss from another, as plain values, for the settings of a training that may be resumed.

    Args:
        loss: a name, or a loss.

    Returns:
        The name; or a line for each module of the loss with its values, private ones and those in mappings too, and a
        digest of everything, such as the code of a function.

    Example:
        >>> loss_title("dice"), loss_title(nn.MSELoss())[0]
        ('dice', "MSELoss(reduction='mean')")
    """
    if isinstance(loss, str):
        return loss
    parts = list(loss.modules()) if isinstance(loss, nn.Module) else [loss]
    return [*(_line(part) for part in parts), f"#{_digest(_described(loss, True, ()))}"]


def network_title(network: nn.Module) -> str:
    """Return what tells a network from another: its class, how many weights it has, and a digest of how it is made.

    Args:
        network: its weights do not matter.

    Example:
        >>> network_title(nn.Conv2d(1, 2, 3)).startswith("Conv2d, 20 weights, #")
        True
    """
    count = sum(weight.numel() for weight in network.parameters())
    return f"{type(network).__name__}, {count} weights, #{_digest(_described(network, False, ()))}"


def _line(part: Any) -> str:
    name = getattr(part, "__qualname__", type(part).__name__)
    values = {key: value for key, value in _own(part).items() if _is_plain(value)}
    return f"{name}({', '.join(f'{key}={values[key]!r}' for key in sorted(values))})"


def _own(part: Any) -> dict[str, Any]:
    """Return the attributes of an object, of a module without those that every module has."""
    hidden = {*_OF_EVERY_MODULE, "training", "terms"} if isinstance(part, nn.Module) else set()  # terms: of a call
    slots = [name for kind in type(part).__mro__ for name in _names(vars(kind).get("__slots__", ()))]
    found = {name: getattr(part, name) for name in slots if hasattr(part, name)} | dict(getattr(part, "__dict__", {}))
    return {key: value for key, value in found.items() if key not in hidden}


def _names(slots: Any) -> tuple[str, ...]:
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, PLAIN) and _is_plain(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return isinstance(value, PLAIN)


def _described(value: Any, weights: bool, above: tuple[int, ...]) -> Any:
    """Return plain values from which everything that decides what the object computes can be told."""
    if isinstance(value, PLAIN):
        return value if not isinstance(value, float) else repr(value)
    if id(value) in above:
        return "itself"
    describe = functools.partial(_described, weights=weights, above=(*above, id(value)))
    if isinstance(value, (Tensor, np.ndarray)):
        return _of_array(value, weights)
    if isinstance(value, Mapping):
        return [[describe(key), describe(item)] for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(json.dumps(describe(item)) for item in value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(describe(item) for item in value)]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if inspect.isroutine(value) or isinstance(value, types.CodeType):
        return _of_code(value, describe)
    if isinstance(value, functools.partial):
        return ["partial", describe(value.func), describe(value.args), describe(value.keywords)]
    made = [describe(type(value)), describe(_own(value))]
    if isinstance(value, nn.Module):
        held = (value._parameters, value._buffers, value._modules)
        made += [describe(part) for part in held]
    return made if len(made) > 1 and (made[1] or isinstance(value, nn.Module)) else [*made, _text(value)]


def _of_array(value: Any, weights: bool) -> Any:
    array = value.detach().cpu() if isinstance(value, Tensor) else value
    made = [str(array.dtype), list(array.shape)]
    if not weights:
        return made
    content = array.double().numpy() if isinstance(array, Tensor) else array
    return [*made, hashlib.sha256(np.ascontiguousarray(content).tobytes()).hexdigest()]


def _of_code(value: Any, describe: Callable[[Any], Any]) -> Any:
    """Return a function's name, and what it does: two lambdas have one name."""
    if isinstance(value, types.MethodType):
        return [describe(value.__self__), value.__name__]
    code = value if isinstance(value, types.CodeType) else getattr(value, "__code__", None)
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    if code is None:
        return name
    made = [name, code.co_code.hex(), list(code.co_names), [describe(constant) for constant in code.co_consts]]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        made += [describe(cells), describe(value.__defaults__), describe(value.__kwdefaults__)]
        made += [describe(_globals_of(value))]
    return made


def _globals_of(function: types.FunctionType) -> dict[str, Any]:
    """Return the plain values outside a function that it names; of a configuration's lambda those of its references."""
    outside = function.__globals__
    references = outside.get("__local_refs", {}) if "__local_refs" in function.__code__.co_names else {}
    named = {name: outside[name] for name in function.__code__.co_names if name in outside}
    named |= {
        f"@{name}": references[name]
        for name in function.__code__.co_consts
        if isinstance(name, str) and name in references
    }
    return {name: value for name, value in named.items() if _is_plain(value)}


def _text(value: Any) -> str:
    text = repr(value)
    return text if " at 0x" not in text else type(value).__name__


def _digest(described: Any) -> str:
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
