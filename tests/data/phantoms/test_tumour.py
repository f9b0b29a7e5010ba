# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.data import TumourPhantom, make_tumour_phantom
from monai_boundary.ops import tumour_regions

SMALL = (40, 40, 24)


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_nested_and_of_the_sizes_of_tumours(seed: int) -> None:
    scan = TumourPhantom(shape=SMALL).draw(seed)
    whole, core, enhancing = tumour_regions(scan.label, et_label=4)
    assert 0 < enhancing.sum() < core.sum() < whole.sum()
    brain = (scan.t1 > 0).sum()
    assert 0.005 < whole.sum() / brain < 0.35
    outside = scan.t1c == 0
    assert not (whole & outside).any(), "no tumour outside the head"
    parts, number = ndimage.label(core)
    assert np.bincount(parts.ravel())[1:].max() / core.sum() > 0.9, "one core, but for crumbs"
    assert number >= 1


def test_the_rim_is_around_the_necrosis() -> None:
    scan = TumourPhantom(shape=(64, 64, 48)).draw(0)
    depth = ndimage.distance_transform_edt(np.isin(scan.label, (1, 4)))
    assert depth[scan.label == 1].mean() > 1.5 * depth[scan.label == 4].mean()


def test_what_each_modality_shows() -> None:
    """Only T1c shows the rim; FLAIR and T2 show the oedema; on T2 the ventricles are as bright as it."""
    scan = TumourPhantom(shape=(64, 64, 48), noise=0.0, bias=0.0, mimics=0).draw(1)
    white = ndimage.binary_erosion((scan.label == 0) & (scan.t1 > np.quantile(scan.t1[scan.t1 > 0], 0.8)))

    def ratio(image: np.ndarray, part: int) -> float:
        return float(np.median(image[scan.label == part]) / np.median(image[white]))

    assert ratio(scan.t1c, 4) > 1.15
    assert ratio(scan.t1c, 1) < ratio(scan.t1c, 2) < 0.85
    assert max(ratio(scan.t1, part) for part in (1, 2, 4)) < 0.85
    assert min(ratio(image, 2) for image in (scan.t2, scan.flair)) > 1.5


def test_low_grade_has_no_rim() -> None:
    label = TumourPhantom(shape=SMALL, low_grade=True).draw(0).label
    assert sorted(np.unique(label)) == [0, 1, 2]


def test_a_blurred_border_is_wider_and_where_it_was() -> None:
    """A step blurred by a Gaussian of 1.5 voxels has a steepest slope of 1 / (1.5 sqrt(2 pi)) = 0.27 of its height."""
    sharp, blurred = (
        TumourPhantom(shape=(64, 64, 48), noise=0, bias=0, blur=0, mimics=0, border_blur=b).draw(1) for b in (0, 1.5)
    )
    np.testing.assert_array_equal(sharp.label, blurred.label)
    whole = sharp.label > 0
    distance = ndimage.distance_transform_edt(~whole) - ndimage.distance_transform_edt(whole)
    slopes = []
    for scan in (sharp, blurred):
        means = [scan.flair[(np.rint(distance) == k) & (scan.t1 > 0)].mean() for k in (-4, -2, -1, 1, 2, 4)]
        slopes.append((means[2] - means[3]) / (means[0] - means[5]))
    assert slopes[0] > 0.5
    assert 0.15 < slopes[1] < 0.4


def test_recipe(rng: np.random.Generator) -> None:
    sizes = [
        (TumourPhantom(shape=SMALL, tumour_diameter_mm=d, tumour_spread=0).draw(2).label > 0).sum() for d in (25, 50)
    ]
    assert sizes[1] > 3 * sizes[0]
    plain, spotted = (TumourPhantom(shape=SMALL, mimics=n, noise=0, bias=0).draw(2) for n in (0, 40))
    assert spotted.t1c.max() > 0
    assert (spotted.t1c / spotted.t1c.mean() - plain.t1c / plain.t1c.mean()).max() > 0.5
    thick = TumourPhantom(shape=(48, 48, 12))
    assert thick.mm[2] > 2.5 * thick.mm[0]
    assert (thick.draw(0).label == 4).any()
    assert TumourPhantom(shape=SMALL, spacing=(1, 1, 5)).mm == (1, 1, 5)
    assert (TumourPhantom(shape=SMALL, spacing=(1, 1, 5)).draw(rng).label > 0).any()


def test_the_same_seed_makes_the_same_voxels() -> None:
    first, again, other = (TumourPhantom(shape=SMALL).draw(seed) for seed in (5, 5, 6))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.label != other.label).any()
    images, label = make_tumour_phantom(SMALL, 5)
    np.testing.assert_array_equal(images, np.stack(first[:4]))
    np.testing.assert_array_equal(label, first.label)
    assert (images.dtype, label.dtype) == (np.float32, np.uint8)


def test_noise_and_bias_are_there() -> None:
    clean, noisy = (TumourPhantom(shape=SMALL, noise=n, bias=0).draw(0).flair for n in (0.0, 0.2))
    inside = clean > 0
    assert ndimage.laplace(noisy)[inside].std() > 2 * ndimage.laplace(clean)[inside].std()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"shape": (8, 16, 16)}, r"`shape` needs \(x, y, z\)"),
        ({"mimics": -1}, "`mimics` needs an integer >= 0, got -1"),
        ({"tumour_diameter_mm": 0}, "`tumour_diameter_mm` needs a finite number > 0"),
        ({"noise": -0.1}, "`noise` needs a finite number >= 0"),
    ],
)
def test_bad_recipes(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TumourPhantom(**recipe)
