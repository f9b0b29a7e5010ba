# SPDX-License-Identifier: Apache-2.0
"""Numbers of given ranks among many that come in pieces: counted 16 bits at a time, so that they need no room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from monai_boundary._typing import AnyArray

_BITS = 16


class RankedValue(NamedTuple):
    """A number of a wanted rank: how many of all are smaller, and how many are equal."""

    value: float
    smaller: int
    equal: int


def values_of_ranks(pieces: Callable[[], Iterable[Tensor]], ranks: Sequence[int]) -> list[RankedValue]:
    """Return the number of each rank.

    Args:
        pieces: starts a new pass over all numbers, in flat float32 or float64 tensors on the host; two passes are made
            for float32, four for float64. -0 counts as smaller than 0, and NaN as larger than all.
        ranks: from 0, smallest first.

    Example:
        >>> import torch
        >>> numbers = torch.tensor([0.5, -2.0, 7.0, 0.5])
        >>> [tuple(found) for found in values_of_ranks(lambda: numbers.split(3), (0, 2, 3))]
        [(-2.0, 0, 1), (0.5, 1, 2), (7.0, 3, 1)]
    """
    found = [0] * len(ranks)  # the bits of each number that are known, from the front
    below, equal = [0] * len(ranks), [0] * len(ranks)
    known, width, dtype = 0, _BITS, np.dtype(np.float32)
    while known < width:
        counts = [np.zeros(2**_BITS, dtype=np.int64) for _ in ranks]
        for piece in pieces():
            numbers = piece.numpy()
            dtype, width = numbers.dtype, 8 * numbers.dtype.itemsize
            _count(_ordered_bits(numbers), width, known, found, counts)
        for number, (rank, each) in enumerate(zip(ranks, counts, strict=True)):
            upto = np.cumsum(each)
            digit = int(np.searchsorted(upto, rank - below[number], side="right"))
            equal[number] = int(each[digit])
            below[number] += int(upto[digit]) - equal[number]
            found[number] = (found[number] << _BITS) | digit
        known += _BITS
    values = [_number(bits, dtype) for bits in found]
    return [RankedValue(*one) for one in zip(values, below, equal, strict=True)]


def _count(bits: AnyArray, width: int, known: int, found: Sequence[int], counts: Sequence[AnyArray]) -> None:
    """Count the next 16 bits of the numbers whose first ``known`` bits are those found."""
    shift = width - known - _BITS
    done: dict[int, AnyArray] = {}
    for prefix, into in zip(found, counts, strict=True):
        if prefix not in done:
            chosen = bits if known == 0 else bits[bits >> (shift + _BITS) == prefix]
            digits = (chosen >> shift).astype(np.uint16)  # what is in front of them falls off
            done[prefix] = np.bincount(digits, minlength=2**_BITS)
        into += done[prefix]


def _ordered_bits(numbers: AnyArray) -> AnyArray:
    """Unsigned whole numbers in the order of the numbers."""
    signed = np.dtype(f"i{numbers.dtype.itemsize}")
    bits = numbers.view(signed)
    flip = bits >> (8 * signed.itemsize - 1)  # all bits of a negative number, none of others
    flip |= np.iinfo(signed).min
    flip ^= bits
    ordered: AnyArray = flip.view(np.dtype(f"u{signed.itemsize}"))
    return ordered


def _number(bits: int, dtype: np.dtype[np.floating]) -> float:
    """The number whose ordered bits these are."""
    width = 8 * dtype.itemsize
    plain = bits ^ (1 << (width - 1)) if bits >> (width - 1) else bits ^ ((1 << width) - 1)
    return float(np.array(plain, dtype=f"u{dtype.itemsize}").view(dtype))
