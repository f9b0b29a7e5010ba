# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from monai_boundary.workflows.volumes.resample import NativeGridd, ResampleVolumed, resample_ids, resample_linear

AFFINE = torch.tensor([[-1.5, 0, 0, 40], [0, 0, 2.0, 5], [0, 0.75, 0, -3], [0, 0, 0, 1]], dtype=torch.float64)


def test_linear_values_are_scipys() -> None:
    image = torch.rand(2, 6, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shape, steps = (9, 3, 4), (0.625, 1.5, 1.0)
    places = [(np.arange(m) - (m - 1) / 2) * s + (n - 1) / 2 for n, m, s in zip((6, 5, 4), shape, steps, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    expected = [ndimage.map_coordinates(one, grid, order=1, mode="nearest") for one in image.numpy()]
    np.testing.assert_allclose(resample_linear(image, shape, steps), expected, atol=1e-12)


def test_the_same_grid_is_the_same_image() -> None:
    image = torch.rand(1, 3, 4, 5)
    assert torch.equal(resample_linear(image, (3, 4, 5), (1, 1, 1)), image)


def test_places_in_the_world_stay() -> None:
    """A ramp that is the world's x reads the same coordinate on every grid."""
    shape = (12, 8, 6)
    index = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in shape), indexing="ij"))
    world = AFFINE[0, :3] @ index.reshape(3, -1) + AFFINE[0, 3]
    image = MetaTensor(world.reshape(1, *shape), affine=AFFINE)
    out = ResampleVolumed((1.0, 1.0, 2.0))({"image": image})["image"]
    assert out.shape == (1, 18, 6, 6), "the first axis of 1.5 mm, the second of 0.75, the third of 2"
    found = out.affine.numpy()
    np.testing.assert_allclose(np.linalg.norm(found[:3, :3], axis=0), [1.0, 1.0, 2.0])
    inner = out[0, 2:-2, 0, 0].numpy()
    np.testing.assert_allclose(inner, found[0, 0] * np.arange(2, 16) + found[0, 3])


def test_there_and_back() -> None:
    z = torch.linspace(0, np.pi, 9, dtype=torch.float64)
    image = MetaTensor(torch.sin(z).reshape(1, 1, 1, 9).expand(1, 7, 8, 9).clone(), affine=AFFINE)
    data = ResampleVolumed((0.5, 0.5, 0.5))({"image": image})
    assert data["image"].shape == (1, 21, 12, 36)
    back = NativeGridd("image")(data)["image"]
    assert back.shape == image.shape
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-9)
    np.testing.assert_allclose(back, image, atol=0.03)
    plain = {"image": torch.zeros(1, 2, 2, 2)}
    assert NativeGridd("image")(plain)["image"] is plain["image"]


def test_ids_are_kept_and_none_is_invented() -> None:
    label = torch.tensor([[[0, 7, 7, 2]]])
    assert resample_ids(label, (1, 8), (1, 0.5)).tolist() == [[[0, 0, 7, 7, 7, 7, 2, 2]]]
    coarse = resample_ids(torch.tensor([[0, 0, 0, 3, 3, 3]]), (2,), (3.0,))
    assert coarse.tolist() == [[0, 3]]
    with pytest.raises(ValueError, match="`label` needs whole numbers"):
        resample_ids(torch.tensor([[0.5, 1]]), (2,), (1.0,))


def test_thick_slices_are_rounded_off() -> None:
    """Between a disc of 9 voxels and one of 1, the slices half way have neither: nearest neighbours would have both."""
    label = torch.zeros(1, 5, 5, 2)
    label[0, 1:4, 1:4, 0] = label[0, 2, 2, 1] = 1
    areas = resample_ids(label, (5, 5, 8), (1, 1, 0.25))[0].sum((0, 1)).tolist()
    assert areas == [9, 9, 9, 9, 1, 1, 1, 1]


def test_the_label_comes_along_or_stays() -> None:
    label = MetaTensor(torch.ones(1, 4, 4, 4), affine=AFFINE)
    item = {"image": MetaTensor(torch.ones(1, 4, 4, 4), affine=AFFINE), "label": label}
    moved = ResampleVolumed((3.0, 1.5, 4.0))(item)
    assert moved["image"].shape == moved["label"].shape == (1, 2, 2, 2)
    assert torch.equal(moved["image"].affine, moved["label"].affine)
    assert ResampleVolumed((3.0, 1.5, 4.0), label=False)(item)["label"] is label
