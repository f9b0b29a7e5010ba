# SPDX-License-Identifier: Apache-2.0
"""Which slices of a volume show a region."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice
from monai_boundary.ops.label_values import check_label


def slices_around(mask: npt.ArrayLike, count: int, axis: int = 2, step: int | None = None) -> list[int]:
    """Return the indices of ``count`` slices across an axis that lie around a region, in ascending order.

    With ``step``, they are that far apart and centred on the region's centre of mass (and moved into the image where
    they would leave it). Without, they are spread evenly over the slices that hold the region; where these are fewer
    than ``count``, neighbouring slices are taken beside them. Without any region they lie around the image's middle
    slice, or are spread over the image.

    Args:
        mask: 0 and not 0, 3-D.
        count: number of slices.
        axis: across which.
        step: slices from one to the next.

    Raises:
        ValueError: if the mask is not 3-D, or the image has too few slices.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((2, 2, 30), dtype=bool)
        >>> mask[..., 10:20] = True
        >>> slices_around(mask, 3), slices_around(mask, 3, step=4)
        ([11, 15, 18], [11, 15, 19])
    """
    inside: AnyArray = check_label("mask", mask) > 0
    if inside.ndim != 3:
        raise ValueError(f"`mask` needs 3 spatial dimensions, got {inside.ndim}.")
    check_choice("axis", axis, range(-3, 3))
    for name, value in (("count", count), ("step", step)):
        if value is not None and (int(value) != value or value < 1):
            raise ValueError(f"`{name}` needs an integer >= 1, got {value!r}.")
    depth = inside.shape[axis]
    if count * (step or 1) - (step or 1) >= depth:
        apart = f", {step} apart" if step else ""
        raise ValueError(f"`count` needs at most the image's slices, {depth}, got {count}{apart}.")
    area = inside.sum(axis=tuple(a for a in range(3) if a != axis % 3))
    if not area.any():
        area = np.ones(depth)
    held = np.flatnonzero(area)
    first, last = int(held[0]), int(held[-1])
    if step is None and last - first + 1 >= count:
        return [first + int((k + 0.5) * (last - first + 1) / count) for k in range(count)]
    pace = step or 1
    centre = (area * np.arange(depth)).sum() / area.sum() if step else (first + last) / 2
    start = int(np.floor(centre - (count - 1) * pace / 2 + 0.5))
    start = min(max(start, 0), depth - 1 - (count - 1) * pace)
    return [start + k * pace for k in range(count)]
