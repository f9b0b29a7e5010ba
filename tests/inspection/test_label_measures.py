# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label as connected

from monai_boundary.inspection.label_measures import class_measures, touching_classes


def _box(shape: tuple[int, ...], *sides: slice) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[sides] = True
    return mask


@pytest.mark.parametrize(
    ("sides", "thin", "radius"),
    [
        ((slice(2, 5), slice(2, 5), slice(2, 5)), 0, 1.5),  # a cube of 3 voxels, 1 mm
        ((slice(2, 4), slice(1, 9), slice(1, 9)), 1, 1.0),  # a plate of 2 voxels
        ((slice(2, 3), slice(1, 9), slice(1, 9)), 1, 0.5),
        ((slice(2, 7), slice(1, 9), slice(1, 9)), 0, 2.5),
    ],
)
def test_thickness_and_radius_of_boxes(sides: tuple[slice, ...], thin: int, radius: float) -> None:
    mask = _box((10, 10, 10), *sides)
    found = class_measures(mask, (1.0, 1.0, 1.0))
    assert (found["components"], found["thin_components"]) == (1, thin)
    assert found["thin_voxels"] == (int(mask.sum()) if thin else 0)
    assert found["inscribed_radius_mm"] == pytest.approx(radius)


def test_radius_in_mm_is_bounded_by_the_image_too() -> None:
    whole = np.ones((4, 6, 8), dtype=bool)
    assert class_measures(whole, (2.0, 1.0, 1.0))["inscribed_radius_mm"] == pytest.approx(3.0)  # half of 6
    thick = _box((9, 9, 9), slice(0, 9), slice(0, 9), slice(3, 6))
    assert class_measures(thick, (1.0, 1.0, 5.0))["inscribed_radius_mm"] == pytest.approx(4.5)  # half of 9, not 7.5


def test_a_disk_in_a_slice() -> None:
    rows, columns = np.mgrid[:41, :41] - 20
    disk = rows**2 + columns**2 <= 15**2
    for mask, spacing in ((disk, (0.5, 0.5)), (disk[..., None], (0.5, 0.5, 3.0))):
        found = class_measures(mask, spacing)
        assert found["inscribed_radius_mm"] == pytest.approx(7.5, abs=0.4)
        assert found["thin_components"] == 0


def test_large_components_are_right_to_half_a_voxel() -> None:
    coordinates = np.mgrid[:83, :83, :83] - 41
    ball = (coordinates**2).sum(axis=0) <= 40**2
    assert ball[1:-1, 1:-1, 1:-1].size > 250_000
    assert class_measures(ball, (0.5, 0.5, 0.5))["inscribed_radius_mm"] == pytest.approx(20, abs=0.5)


def test_components_share_faces_and_are_counted_as_by_skimage(rng: np.random.Generator) -> None:
    mask = ndimage.gaussian_filter(rng.normal(size=(14, 13, 12)), 0.8) > 0.5
    found = class_measures(mask, (0.5, 2.0, 3.0))
    names = connected(mask, connectivity=1)
    sizes = sorted(np.bincount(names.ravel())[1:].tolist(), reverse=True)
    assert (found["components"], found["component_voxels"]) == (len(sizes), sizes)
    assert found["ml"] == pytest.approx(mask.sum() * 3.0 / 1000)
    corner = np.zeros((2, 2, 2), dtype=bool)
    corner[0, 0, 0] = corner[1, 1, 1] = True
    assert class_measures(corner, (1, 1, 1))["components"] == 2


def test_nothing() -> None:
    found = class_measures(np.zeros((3, 3, 3), dtype=bool), (1, 1, 1))
    assert (found["voxels"], found["components"], found["component_voxels"]) == (0, 0, [])
    assert np.isnan(found["inscribed_radius_mm"])


def test_faces_in_common() -> None:
    label = np.zeros((6, 4, 3), dtype=np.int64)
    label[:3], label[3:], label[0, 0, 0] = 1, 7, 9
    found = touching_classes(label, {1: "a", 7: "b"}, (1.0, 2.0, 5.0))
    assert found == [{"classes": ["a", "b"], "faces": 12, "mm2": 120.0}]
    with_nine = touching_classes(label, {1: "a", 7: "b", 9: "c"}, (1.0, 2.0, 5.0))
    assert with_nine[1] == {"classes": ["a", "c"], "faces": 3, "mm2": 10.0 + 5.0 + 2.0}
    label[3] = 0
    assert touching_classes(label, {1: "a", 7: "b"}, (1.0, 2.0, 5.0)) == []
    assert touching_classes(label, {}, (1.0, 2.0, 5.0)) == []
