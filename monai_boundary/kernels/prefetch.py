# SPDX-License-Identifier: Apache-2.0
"""A hint to the processor that an entry of an array will soon be read: LLVM's ``prefetch`` for numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from monai_boundary._typing import AnyArray


def prefetch(array: AnyArray, index: int) -> None:
    """Ask for the cache line of ``array[index]``; compiled only, plain Python does nothing.

    A hint is never an error: ``index`` may lie outside the array, and nothing is read or written.

    Args:
        array: one-dimensional, contiguous.
        index: position of the entry, not negative if it is meant.

    Example:
        >>> import numpy as np
        >>> prefetch(np.zeros(3), 7)
    """


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _prefetch(typing_context: Any, array: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte_pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte_pointer)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, integer, integer, integer])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte_pointer,), kind)
        to_read, keep, data_cache = (ir.Constant(integer, value) for value in (0, 3, 1))
        builder.call(function, [address, to_read, keep, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@overload(prefetch)  # type: ignore[untyped-decorator, unused-ignore]
def _compiled(array: AnyArray, index: int) -> Callable[[AnyArray, int], None]:
    def hint(array: AnyArray, index: int) -> None:
        _prefetch(array, index)  # type: ignore[call-arg, unused-ignore]

    return hint
