# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.metrics import compute_voi, truth_border_mask
from tests.oracles.segment_pairs import border_by_distances


def drawn(*rows: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in rows])


def test_both_sides_of_a_boundary_and_no_frame() -> None:
    truth = drawn("111222", "111222")
    np.testing.assert_array_equal(truth_border_mask(truth, 0.0, 4.0), drawn("001100", "001100"))


def test_diagonal_neighbours_are_no_boundary() -> None:
    # the middle voxel touches the 2 at a corner only
    truth = drawn("1112", "1111", "1111")
    np.testing.assert_array_equal(truth_border_mask(truth, 0.0, 1.0), drawn("0011", "0001", "0000"))


def test_nanometres_count_along_each_axis() -> None:
    # one id in the middle; 8 nm reach 2 columns of 4 nm, and no row of 10 nm
    truth = drawn("1111111", "1111111", "1112111", "1111111", "1111111")
    expected = drawn("0000000", "0111110", "1111111", "0111110", "0000000")
    np.testing.assert_array_equal(truth_border_mask(truth, 8.0, (10.0, 4.0)), expected)
    np.testing.assert_array_equal(truth_border_mask(truth.T, 8.0, (4.0, 10.0)), expected.T)


def test_per_section_does_not_see_the_next_section() -> None:
    truth = np.stack([drawn("1122", "1122"), drawn("3333", "3333"), drawn("3333", "3333")])
    spacing = (40.0, 4.0, 4.0)
    flat = truth_border_mask(truth, 4.0, spacing, per_section=True)
    np.testing.assert_array_equal(flat, np.stack([drawn("1111", "1111"), drawn("0000", "0000"), drawn("0000", "0000")]))
    solid = truth_border_mask(truth, 4.0, spacing, per_section=False)
    np.testing.assert_array_equal(
        solid, np.stack([drawn("1111", "1111"), drawn("1111", "1111"), drawn("0000", "0000")])
    )
    # 40 nm reach the third section in 3-D only
    assert not truth_border_mask(truth, 40.0, spacing, per_section=True)[2].any()
    assert truth_border_mask(truth, 40.0, spacing, per_section=False)[2].all()
    assert not truth_border_mask(truth, 39.9, spacing, per_section=False)[2].any()


def test_tolerance_and_spacing_scale_together(rng: np.random.Generator) -> None:
    truth = np.kron(rng.integers(1, 4, (3, 4, 4)), np.ones((1, 3, 3), int))
    for factor in (0.1, 7.0):
        np.testing.assert_array_equal(
            truth_border_mask(truth, 9.0, (30.0, 3.0, 4.5)),
            truth_border_mask(truth, 9.0 * factor, (30.0 * factor, 3.0 * factor, 4.5 * factor)),
        )


@pytest.mark.parametrize("tolerance", [0.0, 5.0, 8.0, 12.0])
def test_equals_the_brute_force(rng: np.random.Generator, tolerance: float) -> None:
    truth = np.kron(rng.integers(0, 3, (2, 2, 2)), np.ones((2, 3, 3), int))
    spacing = (10.0, 4.0, 3.0)
    expected = border_by_distances(truth, tolerance, spacing)
    np.testing.assert_array_equal(truth_border_mask(truth, tolerance, spacing, per_section=False), expected)
    sections = np.stack([border_by_distances(section, tolerance, spacing[1:]) for section in truth])
    np.testing.assert_array_equal(truth_border_mask(truth, tolerance, spacing), sections)


def test_a_single_segment_has_no_border() -> None:
    assert not truth_border_mask(np.ones((4, 5), int), 100.0, 1.0).any()


def test_a_tensor_gives_the_same_mask() -> None:
    truth = drawn("1122", "1122")
    np.testing.assert_array_equal(truth_border_mask(torch.from_numpy(truth), 0.0, 1.0), drawn("0110", "0110"))


def test_an_error_inside_the_tolerance_does_not_count() -> None:
    truth, pred = drawn("11112222"), drawn("11122222")
    assert compute_voi(pred, truth).voi_split > 0
    assert compute_voi(pred, truth, border_tolerance_nm=0).voi_split > 0  # as in CREMI, 0 is off
    assert compute_voi(pred, truth, border_tolerance_nm=1.0, spacing=4.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 2), int), -1.0, 1.0), r"`tolerance_nm` needs a finite number >= 0, got -1\.0"),
        ((np.ones((2, 2), int), 1.0, None), r"`spacing` needs 2 entries \(nm per axis\) for a border tolerance"),
        ((np.ones((2, 2), int), 1.0, (1.0,) * 3), r"`spacing` needs 2 entries \(nm per axis\), got 3"),
        ((np.ones(2, int), 1.0, 1.0), "`y` needs 2 or 3 spatial dimensions, got 1"),
    ],
)
def test_bad_input(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        truth_border_mask(*arguments)
