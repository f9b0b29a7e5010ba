# SPDX-License-Identifier: Apache-2.0
"""Checks, and the wording of errors, used in more than one room: each message names argument, need and what came."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        wanted = ", ".join(repr(c) for c in choices)
        raise ValueError(f"`{name}` needs one of {wanted}, got {value!r}.")


def check_spatial_dims(name: str, ndim: int) -> None:
    """Raise ``ValueError`` unless ``ndim`` (spatial dimensions) is 2 or 3."""
    if ndim not in (2, 3):
        raise ValueError(f"`{name}` needs 2 or 3 spatial dimensions, got {ndim}.")


def check_same_shape(name: str, shape: Sequence[int], other_name: str, other_shape: Sequence[int]) -> None:
    """Raise ``ValueError`` unless both shapes are equal."""
    if tuple(shape) != tuple(other_shape):
        raise ValueError(f"`{name}` needs the shape of `{other_name}`, {tuple(other_shape)}, got {tuple(shape)}.")


def check_image_batch(name: str, shape: Sequence[int]) -> None:
    """Raise ``ValueError`` unless ``shape`` is (B, C, H, W[, D]) with at least one entry along every axis."""
    check_spatial_dims(name, len(shape) - 2)
    if 0 in tuple(shape):
        raise ValueError(f"`{name}` needs at least one item, channel and voxel, got shape {tuple(shape)}.")


def check_positive(name: str, value: float, *, zero: bool = False) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and positive (or zero, when ``zero``)."""
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"`{name}` needs a finite number {'>=' if zero else '>'} 0, got {value!r}.")


def check_spacing(
    spacing: Sequence[float] | float | None, ndim: int, name: str = "spacing", unit: str = "mm"
) -> tuple[float, ...]:
    """Return ``spacing`` as ``ndim`` positive floats; ``None`` is 1 along every axis, one number is repeated.

    Raises:
        ValueError: if it is a text, the length is not ``ndim`` or an entry is not finite and positive.
    """
    if spacing is None:
        return (1.0,) * ndim
    if isinstance(spacing, str):
        raise ValueError(f"`{name}` needs numbers ({unit} per axis), got {spacing!r}.")
    if isinstance(spacing, (int, float)):
        values: tuple[float, ...] = (float(spacing),) * ndim
    else:
        values = tuple(float(s) for s in spacing)
    if len(values) != ndim:
        raise ValueError(f"`{name}` needs {ndim} entries ({unit} per axis), got {len(values)}: {values}.")
    if not all(math.isfinite(s) and s > 0 for s in values):
        raise ValueError(f"`{name}` needs finite entries > 0 ({unit} per axis), got {values}.")
    return values


def check_section_axis(axis: int | None, ndim: int) -> int | None:
    """Return ``axis`` as a non-negative axis of a volume, or ``None``; sections need a 3-D image."""
    if axis is None:
        return None
    if ndim != 3 or not -3 <= axis < 3:
        raise ValueError(f"`section_axis` needs an axis of a 3-D image, got {axis} for {ndim} spatial dimensions.")
    return axis % 3
