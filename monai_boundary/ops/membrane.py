# SPDX-License-Identifier: Apache-2.0
"""Membrane labels: drawn between instances, and cleaned of the conventions that files come in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, FloatArray
from monai_boundary._validation import (
    check_choice,
    check_positive,
    check_section_axis,
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.ops.contour import region_boundaries
from monai_boundary.ops.label_values import check_label
from monai_boundary.ops.regions import region_cells

_logger = logging.getLogger(__name__)
_EXTREME = 0.1  # a value within this share of the range from either end belongs to a phase; the rest is grey
_PIECES = 10  # a membrane of more pieces, and of four times as many as the cells, is none
_ROUNDING = 1e-6  # relative slack of distances against the thickness


def instances_to_membrane(
    instances: npt.ArrayLike,
    thickness: float = 1.0,
    spacing: Sequence[float] | float | None = None,
    *,
    unlabelled: str = "membrane",
    section_axis: int | None = None,
) -> BoolArray:
    """The membrane between instances: walls of a given thickness wherever two different ids touch through a face.

    A wall lies with half its thickness on either side of the faces; where the voxels do not allow that (an odd number),
    the side of the greater id is the thicker one. It is never thinner than one voxel, so what is left of two instances
    never touches: ``label_regions(instances * ~membrane)`` cannot join them. Where several walls meet the result is
    their union.

    Args:
        instances: integer ids, 0 is membrane or unlabelled, 2-D or 3-D.
        thickness: full thickness of a wall, in the unit of ``spacing`` (voxels by default).
        spacing: voxel size along each axis. 10 nm walls in 4x4x50 nm: ``thickness=10, spacing=(50, 4, 4)``.
        unlabelled: what voxels of id 0 are. ``"membrane"``: they are membrane, as they are, and walls are added only
            where instances touch. ``"nearest"``: they are given to the nearest instance first, so that every wall is
            redrawn with the thickness asked for.
        section_axis: draw the walls of every section across this axis on their own; faces between sections are ignored.

    Returns:
        boolean array of the same shape. All True when there is no instance; all False for one instance everywhere.

    Raises:
        ValueError: if the instances are not integral ids >= 0, or an argument is out of range.

    Example:
        >>> import numpy as np
        >>> instances_to_membrane(np.array([[1, 1, 1, 2, 2, 2]])).astype(int)
        array([[0, 0, 0, 1, 0, 0]])
        >>> instances_to_membrane(np.array([[1, 1, 1, 2, 2, 2]]), thickness=2).astype(int)
        array([[0, 0, 1, 1, 0, 0]])
        >>> instances_to_membrane(np.array([[1, 1, 0, 0, 0, 2]])).astype(int)
        array([[0, 0, 1, 1, 1, 0]])
        >>> int(instances_to_membrane(np.array([[1, 1, 0, 0, 0, 2]]), unlabelled="nearest").sum())
        1
    """
    values = check_label("instances", instances)
    check_spatial_dims("instances", values.ndim)
    check_positive("thickness", thickness)
    check_choice("unlabelled", unlabelled, ("membrane", "nearest"))
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    axis = check_section_axis(section_axis, values.ndim)
    if not (values > 0).any():
        return np.ones(values.shape, dtype=np.bool_)
    if axis is not None:
        flat = sizes[:axis] + sizes[axis + 1 :]
        sections = np.moveaxis(values, axis, 0)
        drawn = [instances_to_membrane(section, thickness, flat, unlabelled=unlabelled) for section in sections]
        return np.stack(drawn, axis=axis)
    if unlabelled == "nearest":
        values = _fill(values, sizes)
    out: BoolArray = values == 0
    for size in set(sizes):
        axes = [a for a, other in enumerate(sizes) if other == size]
        out |= _walls(values, axes, (thickness - size) / 2, sizes)
    return out


def _fill(instances: AnyArray, spacing: tuple[float, ...]) -> AnyArray:
    """Give the voxels of id 0 to the nearest instance, whatever the size of the ids."""
    ids, inverse = np.unique(instances, return_inverse=True)
    compact = inverse.reshape(instances.shape) + int(ids[0] > 0)
    names: AnyArray = ids[ids > 0]
    return names[region_cells(compact, spacing) - 1]


def _walls(values: AnyArray, axes: Sequence[int], reach: float, spacing: tuple[float, ...]) -> BoolArray:
    """Walls on the faces across some axes: all that lies up to ``reach`` from them, and at least the greater side."""
    greater = region_boundaries(values, "greater", ignore_zero=True, axes=axes)
    slack = _ROUNDING * max(spacing)
    if reach <= slack or not greater.any():
        return greater
    both = region_boundaries(values, "both", ignore_zero=True, axes=axes)
    if reach < min(spacing) - slack:
        return both
    # a voxel whose centre is exactly at the wall's surface is taken on the side of the greater id alone
    inner: BoolArray = ndimage.distance_transform_edt(~both, sampling=spacing) < reach - slack
    outer: BoolArray = ndimage.distance_transform_edt(~greater, sampling=spacing) <= reach + slack
    return inner | outer


def clean_membrane_label(
    label: npt.ArrayLike,
    polarity: str = "auto",
    threshold: float | None = None,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
) -> FloatArray:
    """A membrane target (float32, membrane = 1) from a membrane label as files hold it.

    Understood are {0, 1}, {0, 255}, any other two values, booleans, and antialiased grey (thresholded half way between
    its two phases' values). The file says which phase is the membrane (ISBI 2012: 0, CREMI masks: 255), or ``"auto"``
    decides: the membrane is the phase that is both smaller (fewer voxels) and thinner (smaller mean distance to the
    other phase), unless it lies in many separate pieces, as cells do. If these disagree, nothing is guessed. What was
    decided is logged at level INFO.

    Args:
        label: 2-D or 3-D, numeric or boolean.
        polarity: which phase has the greater value: ``"membrane"``, ``"cell"``, or ``"auto"``.
        threshold: values above it are the greater phase; by default half way between the two values of a label of two
            values, else half of the full scale (1, 255 or 65535, the least that holds the maximum).
        spacing: voxel size along each axis, for the thinness; 1 by default.
        section_axis: read the values of every section across this axis on their own, for stacks of files of different
            conventions ({0, 1} beside {0, 255}); the polarity is decided once, for the whole stack.

    Returns:
        float32 array of the same shape, 0 or 1. With a given ``polarity``, a label of one phase is all 0 or all 1.

    Raises:
        ValueError: if the label holds NaN, infinity or negative values; if it has more than two phases (instance ids);
            if it is constant and cannot be told to be a phase, or ``polarity="auto"`` cannot decide.
        TypeError: if the label is not numeric.

    Example:
        >>> import numpy as np
        >>> isbi = np.full((3, 7), 255, dtype=np.uint8)
        >>> isbi[:, 3] = 10
        >>> clean_membrane_label(isbi, "cell")
        array([[0., 0., 0., 1., 0., 0., 0.],
               [0., 0., 0., 1., 0., 0., 0.],
               [0., 0., 0., 1., 0., 0., 0.]], dtype=float32)
        >>> bool((clean_membrane_label(isbi) == clean_membrane_label(isbi, "cell")).all())
        True
    """
    check_choice("polarity", polarity, ("membrane", "cell", "auto"))
    values = np.asarray(label)
    check_spatial_dims("label", values.ndim)
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    axis = check_section_axis(section_axis, values.ndim)
    if axis is None:
        greater = _greater_phase(values, threshold)
    else:
        sections = np.moveaxis(values, axis, 0)
        greater = np.stack([_greater_phase(section, threshold) for section in sections], axis=axis)
    if polarity == "auto":
        polarity = _decide_polarity(greater, sizes)
    return (greater if polarity == "membrane" else ~greater).astype(np.float32)


def _greater_phase(values: AnyArray, threshold: float | None) -> BoolArray:
    """Where a label of two phases holds the phase of the greater value."""
    if values.dtype.kind not in "buif":
        raise TypeError(f"`label` needs a boolean, integer or floating array, got dtype {values.dtype}.")
    if values.dtype.kind == "b":
        return values.astype(np.bool_)
    if values.size == 0:
        raise ValueError(f"`label` needs voxels, got shape {values.shape}.")
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("`label` needs finite values, got NaN or infinity.")
    if low < 0:
        raise ValueError(f"`label` needs values >= 0, got {low:g}.")
    if threshold is not None:
        return np.asarray(values > threshold)
    scale = next((s for s in (1.0, 255.0, 65535.0) if high <= s), high)
    if low == high and low not in (0.0, scale):
        raise ValueError(f"`label` needs two phases, got {low:g} everywhere: pass `threshold`.")
    if low != high and not ((values == low) | (values == high)).all():
        _check_grey(values, scale)
        return np.asarray(values > scale / 2)
    return np.asarray(values > (low + high) / 2) if low != high else np.full(values.shape, low == scale)


def _check_grey(values: AnyArray, scale: float) -> None:
    """Refuse what is not a grey label of two phases: instance ids, or a stack of sections of different scales."""
    if values.ndim == 3 and scale > 1:
        largest = [values.max(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
        if any((section == 1).any() for section in largest):
            raise ValueError(
                f"`label` needs one scale, got sections of 0 and 1 beside values up to {scale:g}: pass `section_axis`."
            )
    margin = _EXTREME * scale
    share = float(((values <= margin) | (values >= scale - margin)).mean())
    if share < 0.5:
        raise ValueError(
            f"`label` needs two phases near 0 and {scale:g}, got {share:.0%} of its voxels there: instance ids go "
            "through `instances_to_membrane`, a grey map needs `threshold`."
        )


class PhaseEvidence(NamedTuple):
    """Which phase the greater value of a membrane label is, and why.

    Attributes:
        phase: ``"membrane"``, ``"cell"``, or ``None`` where size and thinness disagree.
        share: share of the voxels with the greater value.
        depth: mean distance of those to the other phase, in the unit of the spacing.
        other_depth: likewise of the voxels with the smaller value.
        pieces: connected pieces of the phase of the greater value, and of the other.
    """

    phase: str | None
    share: float
    depth: float
    other_depth: float
    pieces: tuple[int, int]

    @property
    def words(self) -> str:
        """The evidence as part of a sentence."""
        return (
            f"the greater phase has {self.share:.1%} of the voxels and mean depth {self.depth:.3g} against "
            f"{self.other_depth:.3g}, in {self.pieces[0]} pieces against {self.pieces[1]}"
        )


def membrane_polarity(
    label: npt.ArrayLike, threshold: float | None = None, spacing: Sequence[float] | float | None = None
) -> PhaseEvidence | None:
    """Tell whether the greater value of a membrane label is the membrane: the phase that is smaller and thinner.

    Args:
        label: 2-D or 3-D, numeric or boolean.
        threshold: values above it are the greater phase.
        spacing: voxel size along each axis; 1 by default.

    Returns:
        The evidence; ``None`` for a label of one phase.

    Raises:
        ValueError: as :func:`clean_membrane_label`, but for a label that is not clear.

    Example:
        >>> import numpy as np
        >>> membrane_polarity(np.array([[255, 255, 0, 255, 255, 255]])).phase
        'cell'
    """
    values = np.asarray(label)
    check_spatial_dims("label", values.ndim)
    greater = _greater_phase(values, threshold)
    if greater.all() or not greater.any():
        return None
    return _phase_evidence(greater, check_spacing(spacing, values.ndim, unit="voxel size"))


def _phase_evidence(greater: BoolArray, spacing: tuple[float, ...]) -> PhaseEvidence:
    share = float(greater.mean())
    depth, other = (
        float(ndimage.distance_transform_edt(phase, sampling=spacing)[phase].mean()) for phase in (greater, ~greater)
    )
    pieces = (int(ndimage.label(greater)[1]), int(ndimage.label(~greater)[1]))
    membrane, cell = share < 0.5 and depth < other, share > 0.5 and depth > other
    if membrane or cell:  # cells lie apart, a membrane hangs together: many thin pieces are thin cells
        inner, outer = pieces if membrane else pieces[::-1]
        if inner > _PIECES and inner > 4 * outer:
            membrane = cell = False
    return PhaseEvidence("membrane" if membrane else "cell" if cell else None, share, depth, other, pieces)


def _decide_polarity(greater: BoolArray, spacing: tuple[float, ...]) -> str:
    """The phase that is smaller and thinner is the membrane."""
    if greater.all() or not greater.any():
        raise ValueError('`polarity="auto"` needs both membrane and cell in `label`, got one phase: say which it is.')
    found = _phase_evidence(greater, spacing)
    if found.phase is None:
        raise ValueError(
            f'`polarity="auto"` needs one phase both smaller and thinner, and in few pieces, but {found.words}: pass '
            "`polarity`."
        )
    _logger.info('`polarity="auto"`: the greater value is %s, as %s.', found.phase, found.words)
    return found.phase
