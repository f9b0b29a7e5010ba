# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_boundary.kernels.flood import Fronts
from monai_boundary.volumes.face_fronts import NONE, face_places, greater, packed_fronts, told_fronts, unpacked_fronts

# (largest, smallest, steps, label) in the order that they come in; the last is none
ORDERED = [(9, 9, 0, 1), (9, 9, 3, 1), (9, 8, 0, 1), (10, 9, 0, 1), (10, 9, 0, 2), (255, 0, 2**31 - 1, 2), (0, 0, 0, 0)]


def packed() -> np.ndarray:
    largest, smallest, steps, labels = np.array(ORDERED).T
    fronts = Fronts(
        largest.astype(np.uint8), smallest.astype(np.uint8), steps.astype(np.int32), labels.astype(np.int32)
    )
    return packed_fronts(fronts, np.array([0, 7, 2**40]))


def test_numbers_are_ordered_as_fronts_are() -> None:
    fronts = packed()
    for k in range(len(ORDERED)):
        later = greater(fronts, np.repeat(fronts[:, k : k + 1], len(ORDERED), axis=1))
        assert later.tolist() == [j > k for j in range(len(ORDERED))]


def test_what_is_packed_is_found_again() -> None:
    found = unpacked_fronts(packed()[:, :-1], np.array([7, 9, 2**40], np.uint64))
    for k, (largest, smallest, steps, label) in enumerate(ORDERED[:-1]):
        one = [int(part[k]) for part in found]
        assert one == [largest, smallest, steps, {1: 1, 2: 3}[label]]


def test_what_is_told() -> None:
    none = packed()[:, -1:]
    first, second = packed()[:, :1], packed()[:, 1:2]
    for found, told, added, withdrawn in [
        (first, none, first, none),
        (first, second, first, second),
        (second, first, first, none),
        (none, first, first, none),
    ]:
        assert told_fronts(found, told, False).tolist() == added.tolist()
        assert told_fronts(found, told, True).tolist() == withdrawn.tolist()
    assert none[0, 0] == NONE


def test_faces_in_raster_order() -> None:
    places = face_places((2, 3, 4))
    assert places["high0"].tolist() == list(range(12, 24))
    assert places["low1"].tolist() == [0, 1, 2, 3, 12, 13, 14, 15]
    assert places["high2"].tolist() == [3, 7, 11, 15, 19, 23]
