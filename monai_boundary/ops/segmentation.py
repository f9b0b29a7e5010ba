# SPDX-License-Identifier: Apache-2.0
"""From a membrane probability to instances. Numpy, one image at a time, 2-D or 3-D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray, IntArray
from monai_boundary._validation import (
    check_choice,
    check_positive,
    check_section_axis,
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.ops.barrier import quantise_probability
from monai_boundary.ops.floods import flood_markers
from monai_boundary.ops.region_ids import check_min_size, relabel_regions, remove_small_regions
from monai_boundary.ops.regions import label_regions, region_cells

SEGMENTATION_METHODS = ("components", "watershed", "barrier_cut")
DEFAULT_DEPTH = 3.0  # voxels: wider than the holes of a few voxels that networks leave, narrower than most cells
OVERSHOOT = 1e-4  # averaging of windows may leave [0, 1] by rounding


def membrane_to_instances(
    probability: npt.ArrayLike,
    method: str = "components",
    *,
    threshold: float = 0.5,
    seed_distance: float | None = None,
    min_size: int = 0,
    fill: bool = False,
    spacing: Sequence[float] | float | None = None,
    section_axis: int | None = None,
) -> IntArray:
    """Instances that a membrane probability closes.

    The *cell phase* is where the probability is below the threshold.

    - ``"components"``: its face-connected components. One open voxel in a wall merges two instances.
    - ``"watershed"``: every voxel goes to the marker from which the way to it climbs least high; a hole narrower than
      the markers splits.
    - ``"barrier_cut"``: every voxel goes to the marker whose front reaches it first by minimum barrier distance, from
      one voxel of each marker. The fronts stay in the cell phase, as those of the watershed do: a front that climbs the
      membrane would run along it at no further cost, and take the rims of cells far away. With ``fill`` both methods
      give every voxel, and fronts go everywhere.

    Both flood the probability in 256 steps. Of equally good markers a voxel goes to the one whose front is there in the
    fewest steps since it last had to pay, then to that of the smaller largest grey, then of the smaller id: the result
    depends on no order of visits, so that blocks of a volume give the same.

    Markers are the components of the cell phase at least ``seed_distance`` away from the membrane phase (Euclidean, the
    image frame is no membrane); a component of the cell phase without such a voxel is a marker itself.

    Args:
        probability: of the *membrane*, in [0, 1], 2-D or 3-D.
        method: ``"components"``, ``"watershed"`` or ``"barrier_cut"``.
        threshold: probabilities at or above it are membrane; in (0, 1].
        seed_distance: depth of a marker's voxels, in the unit of ``spacing``; 3 times the smallest spacing by default.
        min_size: instances of fewer voxels are removed; see `remove_small_regions`.
        fill: False leaves membrane voxels 0. True gives every voxel to an instance (for components: the nearest).
        spacing: voxel size along each axis, any unit; 1 by default.
        section_axis: segment every section across this axis on its own; ids stay unique over the stack.

    Returns:
        int32 ids 1..K in raster order of their first voxel (with ``section_axis``: section after section), 0 is
        membrane. All 0 where all is membrane, one id where none is.

    Raises:
        ValueError: if the probability holds NaN or values outside [0, 1] (logits: apply a sigmoid first), is not 2-D
            or 3-D, or an argument is out of range.
        TypeError: if the probability is not floating, for example uint8 grey levels or labels.

    Example:
        >>> import numpy as np
        >>> u = np.full((5, 9), 0.1)
        >>> u[:, 4] = [0.9, 0.9, 0.4, 0.9, 0.9]
        >>> int(membrane_to_instances(u).max())
        1
        >>> int(membrane_to_instances(u, "watershed", seed_distance=2).max())
        2
        >>> membrane_to_instances(u, "barrier_cut", seed_distance=2, fill=True)[0]
        array([1, 1, 1, 1, 1, 2, 2, 2, 2], dtype=int32)
    """
    values = _check_probability(probability)
    check_choice("method", method, SEGMENTATION_METHODS)
    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` needs a probability in (0, 1], got {threshold}.")
    # in the map's own type, as on threshold curves: 0.7 in float32 is below 0.7, yet a voxel at it is membrane
    threshold = float(np.asarray(probability).dtype.type(threshold))
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    depth = DEFAULT_DEPTH * min(sizes) if seed_distance is None else seed_distance
    check_positive("seed_distance", depth, zero=True)
    check_min_size(min_size)
    axis = check_section_axis(section_axis, values.ndim)
    if axis is None:
        return _segment(values, method, threshold, depth, min_size, fill, sizes)
    flat = sizes[:axis] + sizes[axis + 1 :]
    out = np.zeros_like(np.moveaxis(values, axis, 0), dtype=np.int32)
    last = 0
    for section, target in zip(np.moveaxis(values, axis, 0), out, strict=True):
        target[...] = _segment(section, method, threshold, depth, min_size, fill, flat)
        target[target > 0] += last
        last = max(last, int(target.max(initial=0)))
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


def _segment(
    values: DoubleArray,
    method: str,
    threshold: float,
    depth: float,
    min_size: int,
    fill: bool,
    spacing: tuple[float, ...],
) -> IntArray:
    cell = values < threshold
    if method == "components":
        found = label_regions(cell)
        found = region_cells(found, spacing) if fill else found
    else:
        markers = _markers(cell, depth, spacing)
        found = flood_markers(quantise_probability(values), markers, method, None if fill else cell, spacing)
    return relabel_regions(remove_small_regions(found, min_size, fill=fill, spacing=spacing))


def _markers(cell: BoolArray, depth: float, spacing: tuple[float, ...]) -> IntArray:
    """Components of the cell phase's core; a component without core is its own marker."""
    components = label_regions(cell)
    if cell.all() or not cell.any():
        return components
    core = cell & (ndimage.distance_transform_edt(cell, sampling=spacing) >= depth)
    cored = np.zeros(int(components.max()) + 1, dtype=np.bool_)
    cored[components[core]] = True
    return label_regions(core | (cell & ~cored[components]))


def _check_probability(probability: npt.ArrayLike) -> DoubleArray:
    values: AnyArray = np.asarray(probability)
    check_spatial_dims("probability", values.ndim)
    if values.dtype.kind != "f":
        raise TypeError(f"`probability` needs a floating array in [0, 1], got dtype {values.dtype}.")
    if not np.isfinite(values).all():
        raise ValueError("`probability` needs finite values, got NaN or infinity.")
    if values.size and (values.min() < -OVERSHOOT or values.max() > 1 + OVERSHOOT):
        raise ValueError(
            f"`probability` needs values in [0, 1], got {values.min():g} to {values.max():g}: "
            "apply a sigmoid to logits first."
        )
    return np.clip(values, 0, 1).astype(np.float64)
