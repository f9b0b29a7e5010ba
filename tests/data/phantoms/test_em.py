# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.data.phantoms.em import EMPhantom, make_em_phantom


def nearest_other_cell(instances: np.ndarray) -> int:
    """The fewest zero voxels between two cells along a row or a column, by walking every line of every section."""
    fewest = 10**6
    for section in instances:
        for line in [*section, *section.T]:
            at = np.flatnonzero(line)
            changes = line[at][1:] != line[at][:-1]
            if changes.any():
                fewest = min(fewest, int((np.diff(at)[changes] - 1).min()))
    return fewest


def test_same_seed_gives_the_same_voxels_and_another_seed_others():
    first, truth = make_em_phantom((2, 48, 64), seed=5)
    again, truth_again = make_em_phantom((2, 48, 64), seed=5)
    other, _ = make_em_phantom((2, 48, 64), seed=6)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(truth, truth_again)
    assert (first != other).mean() > 0.5


def test_a_generator_is_advanced():
    rng = np.random.default_rng(0)
    first, _ = EMPhantom(shape=(32, 32)).draw(rng)
    second, _ = EMPhantom(shape=(32, 32)).draw(rng)
    assert (first != second).any()


@pytest.mark.parametrize("shape", [(40, 56), (3, 40, 56)])
def test_shapes_and_types(shape):
    image, instances = make_em_phantom(shape, seed=0)
    assert image.shape == instances.shape == shape
    assert image.dtype == np.uint8
    assert instances.dtype == np.int32
    assert sorted(np.unique(instances)) == list(range(instances.max() + 1)), "ids without a gap, and membrane"
    assert instances.max() >= 3


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_membrane_has_the_asked_width(width):
    _, instances = make_em_phantom((3, 96, 96), seed=1, membrane_width=width)
    assert nearest_other_cell(instances) == width


def test_small_pieces_are_membrane():
    _, instances = make_em_phantom((4, 128, 128), seed=2)
    for section in instances:
        pieces, count = ndimage.label(section > 0)
        assert np.bincount(pieces.ravel())[1:].min() >= 12
        # Pieces are separated, so each holds one cell.
        for k in range(1, count + 1):
            assert len(np.unique(section[pieces == k])) == 1


@pytest.mark.parametrize(("separate", "touching"), [(True, False), (False, True)])
def test_sections_are_separated_when_asked(separate, touching):
    _, instances = make_em_phantom((6, 96, 96), seed=0, separate_sections=separate)
    above, below = instances[:-1], instances[1:]
    assert bool(((above != below) & (above > 0) & (below > 0)).any()) is touching


def test_separation_follows_the_spacing():
    kwargs = {"shape": (6, 64, 64), "seed": 0, "drift": 0.5}
    _, cubes = make_em_phantom(spacing=(10, 10, 10), **kwargs)
    assert not ((cubes[:-1] != cubes[1:]) & (cubes[:-1] > 0) & (cubes[1:] > 0)).any()
    _, plates = make_em_phantom(spacing=(50, 4, 4), **kwargs)
    assert ((plates[:-1] != plates[1:]) & (plates[:-1] > 0) & (plates[1:] > 0)).any()


def test_a_cell_keeps_its_id_over_the_sections():
    _, instances = make_em_phantom((8, 128, 128), seed=0)
    same = (
        instances[:-1][(instances[:-1] > 0) & (instances[1:] > 0)]
        == instances[1:][(instances[:-1] > 0) & (instances[1:] > 0)]
    )
    assert same.mean() > 0.9
    moved = (instances[0] != instances[-1]).mean()
    assert moved > 0.1, "and the profiles drift"


def test_no_drift_and_no_swelling_keep_every_section_alike_but_for_the_warp():
    _, still = make_em_phantom((6, 96, 96), seed=0, drift=0.0)
    _, moving = make_em_phantom((6, 96, 96), seed=0, drift=0.6)
    assert (still[0] != still[-1]).mean() < (moving[0] != moving[-1]).mean()


def test_membranes_are_dark_but_not_by_grey_alone():
    image, instances = make_em_phantom((4, 192, 192), seed=0)
    wall = image[instances == 0].astype(float)
    inside = image[instances > 0].astype(float)
    assert wall.mean() < inside.mean() - 15
    # No threshold does it: a fair share of the wall is brighter than the darkest tenth of the cells.
    assert (wall > np.percentile(inside, 10)).mean() > 0.3


def test_gaps_weaken_the_wall():
    quiet = {
        "noise": 0.0,
        "texture": 0.0,
        "vesicles": 0.0,
        "mitochondria": 0.0,
        "section_jitter": 0.0,
        "contrast_spread": 0.0,
    }
    plain, truth = make_em_phantom((3, 128, 128), seed=4, gaps_per_section=0.0, **quiet)
    holed, same_truth = make_em_phantom((3, 128, 128), seed=4, gaps_per_section=60.0, **quiet)
    np.testing.assert_array_equal(truth, same_truth)
    wall = truth == 0
    assert holed[wall].mean() > plain[wall].mean() + 5


def test_mitochondria_are_dark_and_not_in_the_truth():
    quiet = {"noise": 0.0, "texture": 0.0, "vesicles": 0.0, "section_jitter": 0.0, "cell_diameter_nm": 400.0}
    plain, truth = make_em_phantom((2, 128, 128), seed=4, mitochondria=0.0, **quiet)
    with_them, same_truth = make_em_phantom((2, 128, 128), seed=4, mitochondria=30.0, **quiet)
    np.testing.assert_array_equal(truth, same_truth)
    assert with_them[truth > 0].mean() < plain[truth > 0].mean() - 1


def test_one_cell_fills_a_small_section():
    image, instances = make_em_phantom((16, 16), seed=0, cell_diameter_nm=5000.0)
    assert set(np.unique(instances)) == {1}
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"shape": (8, 8)}, r"`shape` needs \(z, y, x\) or \(y, x\) with y, x >= 16 and z >= 1, got \(8, 8\)"),
        ({"shape": (1, 1, 32, 32)}, "`shape` needs"),
        ({"spacing": (4.0, 4.0)}, r"`spacing` needs 3 entries \(nm per axis\), got 2"),
        ({"spacing": (50.0, 4.0, 5.0)}, "`spacing` needs equal entries for y and x"),
        ({"membrane_width": 0}, "`membrane_width` needs an integer >= 1 .*got 0"),
        ({"membrane_width": 2.5}, "`membrane_width` needs an integer >= 1 .*got 2.5"),
        ({"membrane_contrast": 1.5}, r"`membrane_contrast` needs a number in 0..1, got 1.5"),
        ({"noise": -1.0}, "`noise` needs a finite number >= 0, got -1.0"),
        ({"cell_diameter_nm": 0.0}, "`cell_diameter_nm` needs a finite number > 0"),
    ],
)
def test_bad_recipes(recipe, words):
    with pytest.raises(ValueError, match=words):
        EMPhantom(**recipe)
