# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_boundary.report.slice_contours import ViewedGrid, contour_path, instance_slices, slice_contours, viewed_grid
from tests.report.case_folders import ball

STORED = ViewedGrid(None, (1.0, 1.0, 1.0), "voxel")
FLAT = ViewedGrid(None, (1.0, 1.0), "voxel")


def points(path: str) -> Any:
    return np.array(re.findall(r"[-\d.]+", path), float).reshape(-1, 2)


def test_a_contour_lies_between_the_pixels() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:8, 3:9] = True
    found = points(contour_path(mask, (2.0, 1.0)))
    np.testing.assert_allclose(found.min(axis=0), [3, 4], atol=1)
    np.testing.assert_allclose(found.max(axis=0), [9, 16], atol=1)
    assert contour_path(np.zeros((3, 3), bool), (1.0, 1.0)) == ""
    assert contour_path(np.ones((3, 3), bool), (1.0, 1.0)).endswith("Z")  # closed at the frame
    ring = mask.copy()
    ring[4:6, 5:7] = False
    assert contour_path(ring, (1.0, 1.0)).count("M") == 2


def test_medical_images_are_turned() -> None:
    """A voxel at the left (L), front and top: shown at the right of a row that runs to R, and at the top."""
    affine = np.diag([-2.0, 1.0, 3.0, 1.0])  # L, A, S
    grid = viewed_grid(affine, (2.0, 1.0, 3.0), "mm")
    mask = np.zeros((4, 5, 6), bool)
    mask[0, 4, 5] = True  # x is at its rightmost
    views = slice_contours({"1": (mask, mask)}, grid)
    assert [view["name"] for view in views] == ["sagittal", "coronal", "axial"]
    axial = views[2]
    assert (axial["width"], axial["height"]) == (8, 5)
    place = next(points(cut["truth"]["1"]).mean(axis=0) for cut in axial["slices"] if cut["truth"])
    np.testing.assert_allclose(place, [7, 0.5], atol=0.3)  # right, and front is up


def test_axes_in_another_order_keep_their_spacing() -> None:
    affine = np.array([[0, 0, 3.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])  # A, S, R
    assert viewed_grid(affine, (1.0, 2.0, 3.0), "mm").spacing == (3.0, 1.0, 2.0)
    assert viewed_grid(affine, (1.0, 2.0, 3.0), "nm").turn is None


def test_slices_are_spread_and_the_worst_is_named() -> None:
    true, pred = ball((20, 20, 40), (10, 10, 20), 8) > 0, ball((20, 20, 40), (10, 10, 20), 8) > 0
    pred[:, :, 25] = False
    views = slice_contours({"1": (pred, true)}, STORED, most=40)
    assert [view["name"] for view in views] == ["section", "xz", "yz"]
    across = views[2]
    assert across["slices"][across["worst"]]["k"] == 25
    assert across["slices"][across["worst"]]["wrong"] == true[:, :, 25].sum()
    assert "1" not in across["slices"][across["worst"]]["prediction"]
    assert len(slice_contours({"1": (pred, true)}, STORED, most=5)[0]["slices"]) == 5


def test_two_dimensions_and_empty_masks() -> None:
    empty = np.zeros((4, 6), bool)
    (view,) = slice_contours({"1": (empty, empty)}, ViewedGrid(None, (1.0, 2.0), "mm"))
    assert (view["name"], view["width"], view["height"], len(view["slices"])) == ("image", 12, 4, 1)


def pixels(address: str) -> Any:
    kind, _, data = address.partition(";base64,")
    assert kind in ("data:image/png", "data:image/jpeg")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_what_is_no_number_leaves_the_rest_of_an_image_as_it_is() -> None:
    """A NaN outside the head made all of it black."""
    mask = np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    image = np.zeros((8, 8))
    image[:, 4:] = 1000.0
    spoilt = image.copy()
    spoilt[0, 0] = np.nan
    images = (image, spoilt, np.full((8, 8), np.nan))
    for views in (
        [slice_contours({"1": (mask, mask)}, FLAT, behind) for behind in images],
        [instance_slices(mask, mask, FLAT, behind) for behind in images],
    ):
        whole, with_nan, nothing = (view["slices"][0].get("image") for (view,) in views)
        assert whole == with_nan
        assert nothing is None


def test_the_image_is_behind() -> None:
    mask = np.ones((8, 8), bool)
    image = np.zeros((8, 8))
    image[:, 4:] = 1000.0
    (view,) = slice_contours({"1": (mask, mask)}, ViewedGrid(None, (1.0, 1.0), "voxel"), image)
    shown = pixels(view["slices"][0]["image"])
    assert shown[:, 0].max() < 20
    assert shown[:, -1].min() > 235


def test_splits_and_merges() -> None:
    true = np.array([[1, 1, 1, 1, 1, 2, 2, 2]]).repeat(3, axis=0)
    pred = np.array([[7, 7, 7, 8, 8, 8, 8, 8]]).repeat(3, axis=0)
    (view,) = instance_slices(pred, true, ViewedGrid(None, (1.0, 1.0), "voxel"))
    cut = view["slices"][0]
    # object 1 lies mostly in 7: two columns of it do not; 8 lies mostly in 2: the same two do not
    assert cut["wrong"] == 3 * (2 + 2)
    assert pixels(cut["overlay"]).shape == (3, 8, 4)
    same = instance_slices(true, true, ViewedGrid(None, (1.0, 1.0), "voxel"))[0]["slices"][0]
    assert same["wrong"] == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_overlays_of_a_volume(axis: int) -> None:
    ids = np.zeros((4, 5, 6), np.int32)
    ids[1:3, 1:3, 1:3] = 3
    view = instance_slices(ids * 0, ids, STORED)[axis]
    assert len(view["slices"]) == (4, 5, 6)[axis]
