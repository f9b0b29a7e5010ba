# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary.ops import label_regions, region_cells, region_seeds
from monai_boundary.transforms import RegionTargets, ReseedRegions
from tests.transforms.images import SPACING, assert_same_geometry, em_tensor

# one lying and one standing block, joined: where the seed lies depends on the spacing
BLOCKS = np.zeros((1, 13, 9), dtype=np.float32)
BLOCKS[0, 1:4, 1:8] = BLOCKS[0, 5:12, 1:4] = BLOCKS[0, 4, 2] = 1


@pytest.fixture
def membrane(rng: np.random.Generator) -> np.ndarray:
    return (rng.random((4, 12, 14)) < 0.45).astype(np.float32)


@pytest.mark.parametrize("section_axis", [None, 0])
def test_maps_are_those_of_the_ops(membrane: np.ndarray, section_axis: int | None) -> None:
    source = em_tensor(membrane)
    maps = RegionTargets(section_axis=section_axis)(source)
    regions = label_regions(membrane == 0, section_axis=section_axis)
    expected = (
        regions,
        region_seeds(regions, SPACING, section_axis=section_axis),
        region_cells(regions, SPACING, section_axis=section_axis),
    )
    for found, wanted in zip(maps, expected, strict=True):
        assert found is not None
        assert found.dtype == torch.int32
        assert_same_geometry(found, source)
        np.testing.assert_array_equal(found[0].numpy(), wanted)


def test_spacing_comes_from_the_affine_unless_given() -> None:
    def seed(array: Any, **arguments: Any) -> list[int]:
        return RegionTargets(source="instances", **arguments)(array)[1][0].nonzero()[0].tolist()

    label = BLOCKS[0]
    assert seed(label[None]) == [2, 2]
    assert seed(em_tensor(label, (3.0, 1.0))) == [2, 4]
    assert seed(em_tensor(label, (1.0, 3.0))) == [7, 2]
    assert seed(em_tensor(label, (3.0, 1.0)), spacing=(1, 3)) == [7, 2]
    assert seed(em_tensor(label, (3.0, 1.0)).as_tensor(), spacing=(3, 1)) == [2, 4]


def test_instances_that_touch_are_regions_of_their_own() -> None:
    ids = np.array([[[4, 4, 9, 9, 0, 4]]])
    assert RegionTargets("instances")(ids)[0].tolist() == [[[1, 1, 2, 2, 0, 3]]]


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5)])
def test_defined_without_region_and_without_membrane(shape: tuple[int, ...]) -> None:
    for found in RegionTargets()(np.ones((1, *shape))):
        assert found is not None
        assert not found.any()
    regions, seeds, cells = RegionTargets()(np.zeros((1, *shape)))
    assert (regions == 1).all()
    assert seeds.nonzero().tolist() == [[0, *(n // 2 for n in shape)]]
    torch.testing.assert_close(cells, regions)


def test_cells_can_be_left_out() -> None:
    regions, seeds, cells = RegionTargets(cells=False)(BLOCKS)
    assert cells is None
    assert ReseedRegions(cells=False)(regions, seeds)[2] is None


def test_a_crop_of_an_anisotropic_image_is_seeded_by_its_spacing() -> None:
    regions = em_tensor(BLOCKS[0].astype(np.int32), (3.0, 1.0))
    without_seed = torch.zeros_like(regions)
    new, seeds, cells = ReseedRegions()(regions, without_seed)
    assert seeds[0].nonzero().tolist() == [[2, 4]]
    assert ReseedRegions(spacing=(1, 3))(regions)[1][0].nonzero().tolist() == [[7, 2]]
    assert (cells == 1).all()
    for found in (new, seeds, cells):
        assert_same_geometry(found, regions)
        assert found.dtype == torch.int32


def test_section_axis_of_reseeding() -> None:
    regions, seeds, _ = RegionTargets(section_axis=0)(np.zeros((1, 3, 4, 4)))
    new, new_seeds, _ = ReseedRegions(section_axis=0)(regions[:, 1:], seeds[:, 1:])
    assert new[0, :, 0, 0].tolist() == [1, 2]
    assert (new_seeds > 0).sum() == 2
    assert ReseedRegions()(regions[:, 1:], seeds[:, 1:])[0].max() == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RegionTargets("cells"), "`source` needs one of 'membrane', 'instances', got 'cells'."),
        (lambda: RegionTargets()(np.array([[[0, 255]]])), "`label` needs a mask of 0 and 1, got 255"),
        (lambda: RegionTargets()(np.array([[[0, 0.25]]])), "`label` needs whole numbers, got 0.25"),
        (lambda: RegionTargets()(np.array([[[0, np.nan]]])), "`label` needs finite values, got NaN"),
        (
            lambda: RegionTargets()(np.zeros((2, 3, 3))),
            "`label` needs one channel, (1, H, W) or (1, D, H, W), got shape",
        ),
        (lambda: RegionTargets("instances")(np.array([[[0, 0.25]]])), "`label` needs whole numbers, got 0.25"),
        (lambda: RegionTargets(section_axis=0)(np.zeros((1, 3, 3))), "`section_axis` needs an axis of a 3-D image"),
        (lambda: ReseedRegions()(np.array([[[0, 0.25]]])), "`regions` needs whole numbers, got 0.25"),
        (
            lambda: ReseedRegions()(np.ones((1, 2, 2)), np.array([[[0.5, 0], [0, 0]]])),
            "`seeds` needs whole numbers, got 0.5",
        ),
        (lambda: ReseedRegions()(np.ones((1, 2, 2)), np.ones((1, 2, 3))), "`seeds` needs the shape of `regions`"),
        (
            lambda: ReseedRegions()(np.array([[[0, 1]]]), np.array([[[1, 0]]])),
            "`seeds` needs the id of the region under",
        ),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_they_pickle_and_repeat(membrane: np.ndarray) -> None:
    transform = RegionTargets(section_axis=0)
    again = pickle.loads(pickle.dumps(transform))
    for one, two in zip(transform(membrane[None]), again(membrane[None]), strict=True):
        torch.testing.assert_close(one, two)
