# SPDX-License-Identifier: Apache-2.0
"""The fronts of a flood at the faces of a block: what a block finds there, and what of it it tells its neighbours."""

from __future__ import annotations

import numpy as np

from monai_boundary._typing import AnyArray, BoolArray, LongArray
from monai_boundary.kernels.flood import Fronts

NONE = np.uint64(2**63)
"""What stands for no front at all: it is greater than every front."""


def packed_fronts(fronts: Fronts, names: AnyArray) -> AnyArray:
    """Return fronts as pairs of numbers whose order is theirs, uint64 (2, n): what they cost and whose they are.

    Args:
        fronts: n of them; those of label 0 are none.
        names: id of each label 0..K in the volume.

    Example:
        >>> two = Fronts(*(np.array(part) for part in ([7, 0], [5, 0], [3, 0], [1, 0])))
        >>> [hex(part) for part in packed_fronts(two, np.array([0, 44])).T.ravel()]
        ['0x20000000307', '0x2c', '0x8000000000000000', '0x0']
    """
    largest, smallest, steps = (part.astype(np.uint64) for part in fronts[:3])
    cost = ((largest - smallest) << np.uint64(40)) | (steps << np.uint64(8)) | largest
    there = fronts.labels > 0
    return np.stack([np.where(there, cost, NONE), names[fronts.labels].astype(np.uint64)])


def unpacked_fronts(packed: AnyArray, ids: AnyArray) -> Fronts:
    """Return what was packed; none of it may be no front.

    Args:
        packed: of :func:`packed_fronts`.
        ids: ascending, all that are in it; the labels are their places, from 1.
    """
    cost, names = packed
    largest = (cost & np.uint64(255)).astype(np.uint8)
    steps = ((cost >> np.uint64(8)) & np.uint64(2**32 - 1)).astype(np.int32)
    smallest = (largest - (cost >> np.uint64(40)).astype(np.uint8)).astype(np.uint8)
    return Fronts(largest, smallest, steps, (np.searchsorted(ids, names) + 1).astype(np.int32))


def greater(fronts: AnyArray, others: AnyArray) -> BoolArray:
    """Return where a front comes after another one, or is none where there is one; both of :func:`packed_fronts`."""
    later: BoolArray = (fronts[0] > others[0]) | ((fronts[0] == others[0]) & (fronts[1] > others[1]))
    return later


def told_fronts(found: AnyArray, told: AnyArray, withdraws: bool) -> AnyArray:
    """Return what a block tells of the fronts that it has found, after what it told before.

    Either what comes earlier than it was told, or, where it ``withdraws``, that there is none where it comes later. So
    no front is told that rests on itself: what has lost its ground is gone from all blocks before anything takes its
    place.

    Args:
        found: of :func:`packed_fronts`.
        told: before this, of the same shape.
        withdraws: tell only what no longer holds.

    Example:
        >>> found, told = np.array([[1, 5, 3], [9, 9, 9]], np.uint64), np.array([[2, 4, 3], [9, 9, 9]], np.uint64)
        >>> told_fronts(found, told, False)[0].tolist()
        [1, 4, 3]
        >>> told_fronts(found, told, True)[0].tolist() == [2, 2**63, 3]
        True
    """
    if not withdraws:
        return np.where(greater(told, found), found, told)
    none = np.array([[NONE], [0]], dtype=np.uint64)
    return np.where(greater(found, told), none, told)


def face_places(shape: tuple[int, ...]) -> dict[str, LongArray]:
    """Return the places of the voxels of each face of a block, in raster order of it: ``low0``, ``high0``, ``low1`` ...

    Args:
        shape: of the block.

    Example:
        >>> {name: places.tolist() for name, places in face_places((1, 2, 2)).items() if name[-1] != "0"}
        {'low1': [0, 1], 'high1': [2, 3], 'low2': [0, 2], 'high2': [1, 3]}
    """
    places = np.arange(int(np.prod(shape))).reshape(shape)
    ends = {"low": 0, "high": -1}
    return {f"{end}{axis}": np.take(places, at, axis).ravel() for axis in range(len(shape)) for end, at in ends.items()}
