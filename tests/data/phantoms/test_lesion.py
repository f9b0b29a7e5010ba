# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.data import LesionPhantom, LesionScan, make_lesion_phantom


@pytest.fixture(scope="module")
def scans() -> list[LesionScan]:
    return [LesionPhantom(other_pathology=seed == 0).draw(seed) for seed in range(8)]


def test_same_seed_gives_the_same_voxels_and_another_seed_others() -> None:
    images, label = make_lesion_phantom((32, 40, 8), seed=5)
    again, label_again = make_lesion_phantom((32, 40, 8), seed=5)
    other, _ = make_lesion_phantom((32, 40, 8), seed=6)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(label, label_again)
    assert images.shape == (2, 32, 40, 8)
    assert (images.dtype, label.dtype) == (np.float32, np.uint8)
    assert (images != other).mean() > 0.1


def test_skull_stripped(scans: list[LesionScan]) -> None:
    for scan in scans:
        np.testing.assert_array_equal(scan.flair == 0, scan.t1 == 0)
        assert 0.2 < (scan.flair > 0).mean() < 0.6
        assert (scan.flair[[0, -1]] == 0).all()
        assert (scan.flair[:, [0, -1]] == 0).all()
        assert (scan.flair[scan.label > 0] > 0).all()


def test_lesions_are_few_small_and_of_many_sizes(scans: list[LesionScan]) -> None:
    share = np.array([(scan.label == 1).mean() for scan in scans])
    assert 350 < 1 / share.mean() < 700
    assert share.std() > 0.1 * share.mean(), "patients differ in load"
    sizes = []
    for scan in scans:
        lesions, count = ndimage.label(scan.label == 1, np.ones((3, 3, 3)))
        assert count >= 3
        sizes += list(np.bincount(lesions.ravel())[1:])
        holding = (scan.label == 1).any(axis=(0, 1))
        assert 3 <= holding.sum() <= 20
        assert not holding[[0, -1]].any(), "some slices are empty"
    assert min(sizes) <= 3
    assert max(sizes) >= 10 * np.median(sizes) / 3


def test_lesions_are_bright_on_flair_and_dark_on_t1(scans: list[LesionScan]) -> None:
    for scan in scans:
        lesion = scan.label == 1
        around = ndimage.binary_dilation(lesion, iterations=3) & ~ndimage.binary_dilation(scan.label > 0)
        assert scan.flair[lesion].mean() > 1.2 * np.median(scan.flair[around])
        assert scan.t1[lesion].mean() < 0.9 * np.median(scan.t1[around])


def test_no_threshold_finds_the_lesions(scans: list[LesionScan]) -> None:
    """What is bright and no lesion makes the phantom a task: the best threshold's Dice is far from 1."""
    best = []
    for scan in scans:
        lesion = scan.label == 1
        dices = []
        for threshold in np.quantile(scan.flair, np.linspace(0.97, 0.9999, 60)):
            bright = scan.flair > threshold
            dices.append(2 * (bright & lesion).sum() / (bright.sum() + lesion.sum()))
        best.append(max(dices))
    assert 0.3 < np.mean(best) < 0.9


def test_other_pathology_is_label_2(scans: list[LesionScan]) -> None:
    assert (scans[0].label == 2).sum() > 20
    assert not any((scan.label == 2).any() for scan in scans[1:])


def test_imbalance_and_spacing_by_argument() -> None:
    dense = LesionPhantom(shape=(48, 48, 16), imbalance=100.0).draw(0).label.mean()
    sparse = LesionPhantom(shape=(48, 48, 16), imbalance=800.0).draw(0).label.mean()
    assert dense > 4 * sparse > 0
    assert LesionPhantom().mm == pytest.approx((2.775, 2.775, 5.625))
    assert LesionPhantom(shape=(32, 32, 8), spacing=(1.0, 1.0, 3.0)).draw(0).label.any()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"shape": (64, 64)}, r"`shape` needs \(x, y, z\) with x, y >= 16 and z >= 4, got \(64, 64\)"),
        ({"shape": (8, 64, 24)}, r"`shape` needs .* got \(8, 64, 24\)"),
        ({"spacing": (1.0, 1.0)}, r"`spacing` needs 3 entries \(mm per axis\), got 2"),
        ({"imbalance": 0.0}, "`imbalance` needs a finite number > 0, got 0.0"),
        ({"mimics": 1.5}, "`mimics` needs an integer >= 0, got 1.5"),
        ({"noise": -0.1}, "`noise` needs a finite number >= 0, got -0.1"),
    ],
)
def test_bad_recipes(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LesionPhantom(**recipe)


def test_other_modalities_show_the_same_patient() -> None:
    phantom = LesionPhantom(shape=(32, 32, 12))
    images, label = phantom.draw_modalities(("dwi", "adc"), seed=4)
    scan = phantom.draw(4)
    np.testing.assert_array_equal(label, scan.label)
    lesion, brain = label == 1, scan.flair > 0
    assert list(images) == ["dwi", "adc"]
    assert images["dwi"][lesion].mean() > np.percentile(images["dwi"][brain], 90)
    assert images["adc"][lesion].mean() < np.percentile(images["adc"][brain], 30)
    with pytest.raises(ValueError, match=r"`modalities` needs one of 'flair', 't1', .*, got 'pet'"):
        phantom.draw_modalities(("pet",))
