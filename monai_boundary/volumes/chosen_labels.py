# SPDX-License-Identifier: Apache-2.0
"""Which voxels of a block have one of some labels."""

from __future__ import annotations

import numpy as np

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.ops.label_values import mask_of_ids

_FEW, _TABLE = 8, 2**26  # labels that are compared one by one; the largest one of a table


def labels_inside(labels: AnyArray, values: tuple[int, ...]) -> BoolArray:
    """Return where a label is one of some, or any but 0 where none is named; by a table, where they are many.

    Args:
        labels: numbers, (z, y, x).
        values: labels.

    Example:
        >>> labels_inside(np.array([[[0, 1, 2, 3]]], np.uint8), (1, 3)).tolist()
        [[[False, True, False, True]]]
    """
    if not values:
        return np.asarray(labels != 0)
    largest = max(values)
    if len(values) <= _FEW or labels.dtype.kind != "u" or not 0 <= min(values) <= largest < _TABLE:
        return mask_of_ids(labels, values)
    table = np.zeros(largest + 2, dtype=np.bool_)
    table[list(values)] = True
    beyond = min(largest + 1, int(np.iinfo(labels.dtype).max))
    inside = np.empty(labels.shape, dtype=np.bool_)
    for section, found in zip(labels, inside, strict=True):  # or the indices would need as much as the block, twice
        table.take(np.minimum(section, beyond).astype(np.intp), out=found, mode="clip")
    return inside
