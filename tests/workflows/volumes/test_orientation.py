# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from monai_boundary.workflows.volumes.orientation import NativeOrientationd, native_turn


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1.0, -1.0), repeat=3)))
def test_all_48_orientations_come_back(axes: tuple[int, ...], signs: tuple[float, ...]) -> None:
    """MONAI's Orientation turns the voxels; this brings them back, a second channel and `image` with them."""
    native = np.eye(4)
    native[:3, :3] = np.eye(3)[:, list(axes)] @ np.diag(signs) @ np.diag([0.9, 1.1, 4.0])
    native[:3, 3] = 7, -20, 3
    values = torch.arange(2 * 2 * 3 * 4.0).reshape(2, 2, 3, 4)
    turned = Orientation("RAS", labels=None)(MetaTensor(values, affine=torch.from_numpy(native)))
    pred = torch.as_tensor(turned).as_subclass(torch.Tensor)
    out = NativeOrientationd("pred")({"image": turned[:1], "pred": pred, "native_affine": native})
    torch.testing.assert_close(out["pred"].as_tensor(), values, rtol=0, atol=0)
    torch.testing.assert_close(out["image"].as_tensor(), values[:1], rtol=0, atol=0)
    for image in (out["pred"], out["image"]):
        np.testing.assert_allclose(image.affine, native)
        np.testing.assert_allclose(image.meta["original_affine"], native)
        assert tuple(image.meta["spatial_shape"]) == (2, 3, 4)


def test_the_turn_is_nibabel_s() -> None:
    """Of a file whose first axis goes to the left and whose last two are exchanged."""
    native = np.array([[-1.0, 0, 0, 0], [0, 0, 2, 0], [0, 2, 0, 0], [0, 0, 0, 1]])
    ras = np.diag([1.0, 2, 2, 1])
    np.testing.assert_array_equal(native_turn(ras, native), [[0, -1], [2, 1], [1, 1]])
    io = nibabel.orientations.io_orientation
    np.testing.assert_array_equal(native_turn(ras, native), nibabel.orientations.ornt_transform(io(ras), io(native)))


def test_another_grid_is_an_error() -> None:
    image = MetaTensor(torch.zeros(1, 2, 2, 2), affine=torch.diag(torch.tensor([2.0, 1, 1, 1])))
    with pytest.raises(ValueError, match="`image` needs the grid of `native_affine`"):
        NativeOrientationd("pred")({"image": image, "pred": image, "native_affine": np.eye(4)})
