# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics import compute_hausdorff_distance

from monai_boundary.metrics import compute_hausdorff_mm
from monai_boundary.metrics.hausdorff_mm import hausdorff_of_masks
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks
from tests.oracles.surfaces import voxel_hausdorff

SPACING = (0.7, 1.0, 3.5)


def blobs(rng: np.random.Generator, shape: tuple[int, ...] = (14, 12, 7)) -> np.ndarray:
    return rng.random(shape) > 0.9


def by_monai(pred: np.ndarray, truth: np.ndarray, percentile: float, spacing: tuple[float, ...]) -> float:
    one = [torch.from_numpy(m.astype(np.float32))[None, None] for m in (pred, truth)]
    found = compute_hausdorff_distance(*one, include_background=True, percentile=percentile, spacing=list(spacing))
    return float(found)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy")
@pytest.mark.parametrize("percentile", [50.0, 95.0, 100.0])
def test_equals_monai(rng: np.random.Generator, percentile: float) -> None:
    pred, truth = np.zeros((2, 16, 14, 8), dtype=bool)
    pred[3:9, 2:8, 1:6], truth[5:13, 4:11, 2:7] = True, True  # with an inside, so that borders matter
    pred |= blobs(rng, pred.shape)
    found = compute_hausdorff_mm(pred, truth, spacing=SPACING, percentile=percentile)
    assert found == pytest.approx(by_monai(pred, truth, percentile, SPACING), rel=1e-5)
    flat = compute_hausdorff_mm(pred[:, :, 3], truth[:, :, 3], spacing=SPACING[:2], percentile=percentile)
    assert flat == pytest.approx(by_monai(pred[:, :, 3], truth[:, :, 3], percentile, SPACING[:2]), rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy")
@each_seed(ALL)
def test_equal_to_brute_force_and_monai(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    percentile = (100.0, 95.0, 80.0)[seed % 3]
    found = compute_hausdorff_mm(pred, true, spacing=spacing, percentile=percentile)
    assert found == pytest.approx(voxel_hausdorff(pred, true, spacing, percentile), nan_ok=True)
    if pred.any() and true.any():
        assert found == pytest.approx(by_monai(pred, true, percentile, spacing), rel=1e-5)


def test_drawn_millimetres_per_axis() -> None:
    pred, truth = np.zeros((2, 5, 6, 7))
    pred[1, 1, 1] = 1
    for shifted, expected in (((3, 1, 1), 1.4), ((1, 3, 1), 2.0), ((1, 1, 3), 7.0)):
        truth[:] = 0
        truth[shifted] = 1
        assert compute_hausdorff_mm(pred, truth, spacing=SPACING) == pytest.approx(expected)


def test_drawn_percentile() -> None:
    truth = np.zeros((1, 60))
    truth[0, :21] = 1
    pred = truth.copy()
    pred[0, 40] = 1  # one of 22 predicted border voxels, 20 mm off
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, percentile=100) == 20
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, percentile=95) == 0
    # between the 21st and the 22nd smallest of 22: at 0.98 * 21 = 20.58
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, percentile=98) == pytest.approx(0.58 * 20)


def as_the_challenge(pred: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Borders by eroding each section with SimpleITK, and all distances by brute force."""
    points = []
    for mask in (pred, truth):
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8).T)  # array (x, y, z) to an image of (x, y, z)
        border = SimpleITK.Subtract(image, SimpleITK.BinaryErode(image, (1, 1, 0)))
        points.append(np.argwhere(SimpleITK.GetArrayFromImage(border).T) * np.array(spacing))
    apart = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    return float(max(np.percentile(apart.min(axis=1), 95), np.percentile(apart.min(axis=0), 95)))


def test_borders_in_sections_equal_the_challenges() -> None:
    pred, truth = np.zeros((2, 20, 18, 6), dtype=bool)
    pred[2:9, 3:12, 1:4], truth[4:14, 5:13, 2:5] = True, True
    truth[6:9, 7:10, 3] = False
    pred[15, 15, 2] = True
    found = compute_hausdorff_mm(pred, truth, spacing=SPACING, section_axis=2)
    assert found == pytest.approx(as_the_challenge(pred, truth, SPACING))
    assert found != pytest.approx(compute_hausdorff_mm(pred, truth, spacing=SPACING))
    turned = compute_hausdorff_mm(
        pred.transpose(2, 0, 1), truth.transpose(2, 0, 1), spacing=(3.5, 0.7, 1.0), section_axis=0
    )
    assert turned == pytest.approx(found)


def test_drawn_frame_is_no_border_in_sections() -> None:
    """Where a prediction runs out of the image, WMH 2017 takes voxels beside background, not those on the frame."""
    truth, pred = np.zeros((2, 1, 9, 1))
    truth[0, 4, 0] = 1
    pred[0, 4:, 0] = 1  # a row: its one border voxel is the first, where the truth is; the last is on the frame
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, section_axis=2, percentile=100) == 0
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, percentile=100) == 4  # in 3-D the frame is a border
    pred[0, 8, 0] = 0
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, section_axis=2, percentile=100) == 3


def test_drawn_mask_that_fills_its_section_has_the_frame_as_border() -> None:
    truth, pred = np.zeros((2, 5, 5, 2))
    truth[2, 2, 0] = 1
    pred[:, :, 0] = 1
    found = compute_hausdorff_mm(pred, truth, spacing=1.0, section_axis=2, percentile=100)
    assert found == pytest.approx(math.sqrt(8))


@each_seed()
def test_borders_at_the_frame_equal_the_challenges(seed: int) -> None:
    draw = np.random.default_rng(seed)
    pred, truth = draw.random((2, 6, 7, 3)) > 0.3  # dense, and on every side of the frame
    found = compute_hausdorff_mm(pred, truth, spacing=SPACING, section_axis=2)
    assert found == pytest.approx(as_the_challenge(pred, truth, SPACING))


def test_one_empty_has_its_price_and_both_are_undefined() -> None:
    some, nothing = np.zeros((2, 3, 4, 5), dtype=bool)
    some[1, 1, 1] = True
    diagonal = math.sqrt(2.1**2 + 4.0**2 + 17.5**2)
    for pred, truth in ((some, nothing), (nothing, some)):
        assert compute_hausdorff_mm(pred, truth, spacing=SPACING) == pytest.approx(diagonal)
        assert compute_hausdorff_mm(pred, truth, spacing=SPACING, missed_mm=374.0) == 374.0
    assert math.isnan(compute_hausdorff_mm(nothing, nothing, spacing=SPACING))


MASKS = hnp.arrays(np.bool_, (4, 5, 3), elements=st.booleans())


@settings(max_examples=40)
@given(MASKS, MASKS)
def test_laws(pred: np.ndarray, truth: np.ndarray) -> None:
    there = compute_hausdorff_mm(pred, truth, spacing=SPACING)
    np.testing.assert_equal(compute_hausdorff_mm(truth, pred, spacing=SPACING), there)
    np.testing.assert_allclose(compute_hausdorff_mm(pred[::-1, :, ::-1], truth[::-1, :, ::-1], spacing=SPACING), there)
    np.testing.assert_allclose(compute_hausdorff_mm(pred.T, truth.T, spacing=SPACING[::-1]), there)
    twice = compute_hausdorff_mm(pred, truth, spacing=tuple(2 * s for s in SPACING))
    np.testing.assert_allclose(twice, 2 * there)
    if truth.any():
        assert compute_hausdorff_mm(truth, truth, spacing=SPACING) == 0
    if pred.any() and truth.any():  # a miss costs more than any distance inside the image
        assert there < compute_hausdorff_mm(np.zeros_like(truth), truth, spacing=SPACING)


def test_ignored_voxels_do_not_count() -> None:
    truth = np.array([[1, 0, 0, 2, 2, 0]])
    pred = np.array([[1, 0, 0, 1, 1, 0]])
    assert compute_hausdorff_mm(pred, truth, spacing=1.0, ignore_labels=(2,)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing": (1.0, 1.0)}, r"`spacing` needs 3 entries \(mm per axis\), got 2"),
        ({"percentile": 101}, r"`percentile` needs a number in 0..100, got 101"),
        ({"missed_mm": 0.0}, r"`missed_mm` needs a finite number > 0, got 0.0"),
        ({"missed_mm": math.inf}, r"`missed_mm` needs a finite number > 0, got inf"),
        ({"missed_mm": "nan"}, r"`missed_mm` needs one of 'diagonal', got 'nan'"),
        ({"section_axis": 3}, r"`section_axis` needs an axis of a 3-D image, got 3"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    mask = np.ones((2, 2, 2))
    with pytest.raises(ValueError, match=message):
        compute_hausdorff_mm(mask, mask, **{"spacing": 1.0, **options})


def test_no_spacing_is_no_millimetre() -> None:
    mask = np.ones((2, 2), dtype=bool)
    with pytest.raises(ValueError, match=r"`spacing` needs 2 entries \(mm per axis\) for a distance in mm, got None"):
        hausdorff_of_masks(mask, mask, None)
