# SPDX-License-Identifier: Apache-2.0
"""Voxel sizes of affines, and grids that differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Spacing

from monai_boundary.ops.grid import affine_spacing, check_same_grid

SPACING = (0.8, 1.5, 3.0)


def _rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _affine(matrix: np.ndarray, offset: tuple[float, ...] = (0.0, 0.0, 0.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = matrix
    affine[:3, 3] = offset
    return affine


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_spacing_of_oblique_and_flipped_affines(angle: float, signs: tuple[int, ...]) -> None:
    affine = _affine(_rotation(angle) @ np.diag(np.multiply(signs, SPACING)), (10, -20, 5))
    assert affine_spacing(affine, 3) == pytest.approx(SPACING)
    assert affine_spacing(torch.from_numpy(affine), 2) == pytest.approx(SPACING[:2])


def test_spacing_of_permuted_axes() -> None:
    affine = _affine(np.diag(SPACING)[:, [2, 0, 1]])
    assert affine_spacing(affine, 3) == pytest.approx((3.0, 0.8, 1.5))


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.diag([1.0, 0.0, 1.0, 1.0]), "independent columns .it is singular"),
        (_affine(np.array([[1.0, 2, 0], [1, 2, 0], [0, 0, 1]])), "independent columns"),
        (np.diag([1.0, np.nan, 1.0, 1.0]), "finite entries"),
        (np.diag([1.0, np.inf, 1.0, 1.0]), "finite entries"),
        (np.eye(3), "square matrix of at least 4 rows, got shape .3, 3."),
        (np.ones((3, 4)), "square matrix"),
    ],
)
def test_bad_affines(affine: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"`affine` needs .*{message}"):
        affine_spacing(affine, 3)


def test_a_tilted_gantry_is_refused_with_the_way_out() -> None:
    """20 degrees: a distance along both axes is off by a fifth. `Spacingd` gives a grid of right angles."""
    tilted = np.diag(SPACING)
    tilted[1, 2] = np.tan(np.radians(20)) * SPACING[2]
    with pytest.raises(ValueError, match=r"axes 1 and 2 at 70.0 degrees .* Resample with MONAI's `Spacingd`"):
        affine_spacing(_affine(tilted), 3)
    assert affine_spacing(_affine(tilted), 2) == pytest.approx(SPACING[:2])
    assert affine_spacing(_affine(tilted), 3, sheared=True)[:2] == pytest.approx(SPACING[:2])
    image = MetaTensor(torch.zeros(1, 6, 5, 4), affine=torch.from_numpy(_affine(tilted)))
    check_same_grid("label", image, "image", image)  # a place in the world needs no right angles
    assert affine_spacing(Spacing((1.0, 2.0, 3.0))(image).affine, 3) == pytest.approx((1.0, 2.0, 3.0))
    nearly = np.diag(SPACING)
    nearly[1, 2] = 1e-3  # as headers round
    assert affine_spacing(_affine(nearly), 3) == pytest.approx(SPACING)


def test_same_grid() -> None:
    affine = _affine(_rotation(0.3) @ np.diag(SPACING), (1, 2, 3))
    image = MetaTensor(torch.zeros(2, 5, 6, 7), affine=torch.from_numpy(affine))
    label = MetaTensor(torch.zeros(1, 5, 6, 7), affine=torch.from_numpy(affine + 1e-4))
    check_same_grid("label", label, "image", image)
    check_same_grid("label", label.as_tensor(), "image", image)  # a plain tensor does not know its place


def test_says_by_how_much() -> None:
    image = MetaTensor(torch.zeros(1, 5, 6, 7), affine=torch.diag(torch.tensor([1.0, 1.0, 2.0, 1.0])))
    wide = MetaTensor(torch.zeros(1, 5, 6, 7), affine=torch.diag(torch.tensor([1.0, 1.5, 2.0, 1.0])))
    with pytest.raises(ValueError, match=r"`label` needs the affine of `image`: .* up to 2.5 mm \(2.5 voxels\) apart"):
        check_same_grid("label", wide, "image", image)
    with pytest.raises(ValueError, match=r"spatial shape of `image`, \(5, 6, 7\), got \(5, 6, 8\)"):
        check_same_grid("label", torch.zeros(1, 5, 6, 8), "image", image)
    check_same_grid("label", wide, "image", image, tolerance=3)


def test_flipped_axes_are_another_grid() -> None:
    image = MetaTensor(torch.zeros(1, 5, 6), affine=torch.eye(3))
    flipped = MetaTensor(torch.zeros(1, 5, 6), affine=torch.tensor([[-1.0, 0, 4], [0, 1, 0], [0, 0, 1]]))
    with pytest.raises(ValueError, match="up to 4 mm"):
        check_same_grid("label", flipped, "image", image)
