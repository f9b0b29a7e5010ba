# SPDX-License-Identifier: Apache-2.0
"""Functions that torch.compile leaves as they are, at no cost to who compiles nothing."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

_P = ParamSpec("_P")
_R = TypeVar("_R")


def uncompiled(function: Callable[_P, _R], reason: str | None = None) -> Callable[_P, _R]:
    """Return a function that torch.compile calls and does not trace, as of ``torch.compiler.disable``.

    That decorator imports the compiler where it is used, which costs as much as all losses together; here it is
    asked only when a program has imported the compiler itself, as a call of ``torch.compile`` does.

    Args:
        function: to call.
        reason: what ``fullgraph=True`` says when it comes here.

    Example:
        >>> uncompiled(max)(1, 2)
        2
    """
    of_the_compiler: list[Callable[_P, _R]] = []

    @functools.wraps(function)
    def plain(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        # For the tracer the first half is false: for the second it would wrap every module that there is.
        if not torch.compiler.is_dynamo_compiling() and "torch._dynamo" not in sys.modules:
            return function(*args, **kwargs)
        if not of_the_compiler:
            of_the_compiler.append(torch.compiler.disable(function, reason=reason))
        return of_the_compiler[0](*args, **kwargs)

    vars(plain).update(_torchdynamo_disable=True, _torchdynamo_disable_msg=reason)  # what the tracer looks for
    return plain
