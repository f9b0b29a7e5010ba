# SPDX-License-Identifier: Apache-2.0
"""Surfaces and their distances, drawn by hand and against DeepMind's surface-distance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from monai_boundary.metrics import measure_surfaces
from monai_boundary.metrics import surface_pair as module
from tests.metrics.surface_cases import each_seed, random_masks


@pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning")  # the oracle's own
@each_seed()
def test_distances_and_areas_are_those_of_surface_distance(seed: int) -> None:
    oracle = pytest.importorskip("surface_distance", reason="needs surface-distance, of the extra `test`")
    predicted, true, spacing = random_masks(seed)
    theirs = oracle.compute_surface_distances(true, predicted, spacing)
    ours = measure_surfaces(predicted, true, spacing)
    for mine, name in ((ours.predicted_surface, "pred_to_gt"), (ours.true_surface, "gt_to_pred")):
        assert mine is not None
        np.testing.assert_allclose(mine.distance_mm, theirs[f"distances_{name}"], atol=1e-9)
        area = theirs["surfel_areas_pred" if name == "pred_to_gt" else "surfel_areas_gt"]
        assert mine.total == pytest.approx(area.sum())
        assert (mine.distance_mm @ mine.area) == pytest.approx(theirs[f"distances_{name}"] @ area)


def test_drawn_square() -> None:
    """A square of 2 x 2 pixels: four corners cut off, and four sides one pixel long."""
    mask = np.zeros((4, 4))
    mask[1:3, 1:3] = 1
    pair = measure_surfaces(mask, mask, spacing=(2.0, 1.0))
    assert pair.true_surface is not None
    sides, corners = 2 * 2.0 + 2 * 1.0, 4 * math.hypot(1.0, 0.5)
    assert pair.true_surface.total == pytest.approx(sides + corners)
    assert pair.true_surface.distance_mm.tolist() == [0.0] * 8


def test_drawn_voxel() -> None:
    """One voxel is an octahedron: eight triangles over half the voxel's edges."""
    mask = np.zeros((3, 3, 3))
    mask[1, 1, 1] = 1
    pair = measure_surfaces(mask, mask, spacing=(1.0, 1.0, 1.0))
    assert pair.true_surface is not None
    assert pair.true_surface.total == pytest.approx(8 * math.sqrt(3) / 4 * 0.5)


def test_a_cell_and_its_complement_have_one_surface() -> None:
    normals = module._cell_normals()
    for code in range(256):
        if code.bit_count() < 4:
            np.testing.assert_array_equal(normals[code], normals[255 - code])


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 7)])
@pytest.mark.parametrize(("asked", "reach"), [(0, 8), (10**9, 8), (10**9, 1), (3, 1)])
def test_numbers_do_not_depend_on_crop_or_method(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], asked: int, reach: int
) -> None:
    spacing = (0.7, 1.0, 3.5)[: len(shape)]
    predicted, true = rng.random((2, *shape)) < 0.3
    there = measure_surfaces(predicted, true, spacing)
    monkeypatch.setattr(module, "_ASKED", asked)  # a tree of points, a transform up to some voxels, and both
    monkeypatch.setattr(module, "_REACH", reach)
    wide = [np.pad(mask, 5) for mask in (predicted, true)]
    padded = measure_surfaces(*wide, spacing)
    for mine, other in (
        (there.predicted_surface, padded.predicted_surface),
        (there.true_surface, padded.true_surface),
    ):
        assert mine is not None
        assert other is not None
        np.testing.assert_allclose(mine.distance_mm, other.distance_mm)
        assert mine.total == pytest.approx(other.total)


def test_percentile_is_of_the_area() -> None:
    surface = module.SurfaceDistances(np.array([0.0, 1.0, 5.0]), np.array([0.5, 0.3, 0.2]))
    assert [surface.percentile(q) for q in (0, 50, 51, 80, 81, 95, 100)] == [0, 0, 1, 1, 5, 5, 5]
    assert (surface.within(0.9), surface.within(1.0), surface.within(9.0)) == pytest.approx((0.5, 0.8, 1.0))


def test_nineteen_of_twenty_equal_elements_are_95_percent_of_the_area() -> None:
    """In whatever order they are added up: 0.95 is no number of the processor."""
    for area in (0.1, 0.3, 1.7113, 1.0):
        surface = module.SurfaceDistances(np.arange(20.0), np.full(20, area))
        assert [surface.percentile(q) for q in (95, 95.001, 100)] == [18, 19, 19]


def test_three_steps_of_a_tenth_are_within_three_tenths() -> None:
    surface = module.SurfaceDistances(np.array([0.1 + 0.2]), np.array([1.0]))
    assert surface.within(0.3) == 1.0


@pytest.mark.parametrize(
    ("predicted", "true", "missed", "alarm"), [(0, 0, False, False), (0, 1, True, False), (1, 0, False, True)]
)
def test_empty_masks_are_not_measured(predicted: int, true: int, missed: bool, alarm: bool) -> None:
    pair = measure_surfaces(np.full((3, 3), predicted), np.full((3, 3), true), spacing=1.0)
    assert (pair.predicted_surface, pair.true_surface, pair.missed, pair.false_alarm) == (None, None, missed, alarm)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y_pred": np.full((3, 3), 0.5)}, ValueError, r"`y_pred` needs whole numbers, got 0.5 .9 of 9"),
        ({"y": np.full((3, 3), 2)}, ValueError, r"`y` needs a mask of 0 and 1, got 2"),
        ({"y": np.ones((3, 4))}, ValueError, r"`y_pred` needs the shape of `y`, \(3, 4\), got \(3, 3\)"),
        ({"y_pred": np.ones(3), "y": np.ones(3)}, ValueError, "`y` needs 2 or 3 spatial dimensions, got 1"),
        ({"spacing": None}, ValueError, r"`spacing` needs 2 entries \(mm per axis\) for scores in mm, got None"),
        ({"spacing": (1.0, 1.0, 1.0)}, ValueError, r"`spacing` needs 2 entries"),
        ({"y": np.full((3, 3), "a")}, TypeError, "`y` needs a boolean, integer or floating array"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        measure_surfaces(**{"y_pred": np.ones((3, 3)), "y": np.ones((3, 3)), "spacing": 1.0, **arguments})
