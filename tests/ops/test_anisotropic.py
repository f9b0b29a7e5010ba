# SPDX-License-Identifier: Apache-2.0
"""Rays against the recorded kernels, dense convolution and arrays drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from monai_boundary.ops import anisotropic_kernels, anisotropic_potential, ray_directions, ray_sum
from monai_boundary.ops.anisotropic import check_window, ray_sum_adjoint

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.mark.parametrize("splitter", "ABC")
@pytest.mark.parametrize("w", [3, 5, 7])
def test_the_recorded_kernels(splitter: str, w: int) -> None:
    recorded = np.load(GOLDEN / "epl_kernels.npz")[f"{splitter}{w}"]
    np.testing.assert_array_equal(anisotropic_kernels(w, splitter), recorded)


@pytest.mark.parametrize("padding", ["replicate", "zero"])
def test_the_recorded_fields(padding: str) -> None:
    recorded = np.load(GOLDEN / "epl_A7_mu10.npz")
    probability = torch.softmax(torch.from_numpy(recorded["logits"]), 1)
    fields = anisotropic_potential(probability, 7, "A", padding)
    np.testing.assert_allclose(fields.numpy(), recorded[f"pot_pred_{padding}"], rtol=1e-6, atol=1e-6)
    truth = anisotropic_potential(torch.from_numpy(recorded["onehot"]).bool(), 7, "A", padding)
    assert truth.dtype == torch.uint8
    np.testing.assert_array_equal(truth.numpy(), recorded[f"pot_gt_{padding}"])


def test_drawn() -> None:
    mask = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]])[None, None]
    left, down = anisotropic_potential(mask, 3, padding="zero")[0, :2, 0]
    assert left.tolist() == [[0, 0, 0, 0, 0], [0, 0, 1, 2, 1], [0, 0, 1, 1, 0], [1, 1, 0, 0, 0]]
    assert down.tolist() == [[0, 0, 1, 1, 0], [0, 0, 2, 1, 0], [1, 0, 1, 0, 0], [1, 0, 0, 0, 0]]
    replicated = anisotropic_potential(mask, 3)[0, :2, 0]
    assert replicated[0, 3].tolist() == [2, 1, 0, 0, 0]
    assert replicated[1, 3].tolist() == [2, 0, 0, 0, 0]
    up_right = anisotropic_potential(mask, 3, "B")[0, 2, 0]
    assert up_right.tolist() == [[0, 0, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 2, 0, 0], [1, 1, 0, 0, 0]]


@pytest.mark.parametrize("splitter", "ABC")
@pytest.mark.parametrize("padding", ["replicate", "zero"])
@pytest.mark.parametrize("shape", [(9, 8), (6, 5, 7)], ids=["2-D", "3-D"])
def test_is_the_dense_convolution_and_its_gradient(splitter: str, padding: str, shape: tuple[int, ...]) -> None:
    w, ndim = 5, len(shape)
    field = torch.rand(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    kernels = torch.from_numpy(anisotropic_kernels(w, splitter, ndim))[:, None]
    pad = [w // 2] * 2 * ndim
    padded = F.pad(field.flatten(0, 1)[:, None], pad, "replicate" if padding == "replicate" else "constant")
    dense = (F.conv2d if ndim == 2 else F.conv3d)(padded, kernels).unflatten(0, (2, 3)).transpose(1, 2)
    ours = anisotropic_potential(field, w, splitter, padding)
    torch.testing.assert_close(ours, dense)
    upstream = torch.rand_like(dense)
    (wanted,) = torch.autograd.grad(dense, field, upstream)
    (gradient,) = torch.autograd.grad(ours, field, upstream)
    torch.testing.assert_close(gradient, wanted)
    each = zip(upstream.unbind(1), ray_directions(splitter, ndim), strict=True)
    adjoint = sum(ray_sum_adjoint(g, direction, w // 2, padding) for g, direction in each)
    torch.testing.assert_close(adjoint, wanted)


def test_a_slice_of_a_volume_keeps_its_own_directions() -> None:
    picture = torch.rand(1, 2, 7, 9)
    volume = anisotropic_potential(picture[:, :, None].expand(-1, -1, 3, -1, -1), 3, "A")
    torch.testing.assert_close(volume[:, :4, :, 1], anisotropic_potential(picture, 3, "A"))
    torch.testing.assert_close(volume[:, 4, :, 1], 2 * picture)


def test_a_flip_exchanges_left_and_right() -> None:
    picture = torch.rand(1, 1, 8, 8)
    left, down, up, right = anisotropic_potential(picture, 5)[0]
    flipped = anisotropic_potential(picture.flip(-1), 5)[0].flip(-1)
    torch.testing.assert_close(flipped, torch.stack([right, down, up, left]))
    turned = ray_sum(picture.transpose(-1, -2), (1, 0), 2).transpose(-1, -2)
    torch.testing.assert_close(turned[0], right)


@pytest.mark.parametrize("w", [0, 1, 4, -3, 511, 3.0, True])
def test_w_is_odd_and_at_least_3(w: int) -> None:
    with pytest.raises(ValueError, match=r"`w` needs an odd whole number of voxels from 3 to 509, got"):
        check_window(w)


def test_bad_input() -> None:
    field = torch.rand(1, 1, 6, 8)
    with pytest.raises(ValueError, match=r"`w` needs at most the smallest side of the image \(6, 8\), 6, got 7"):
        anisotropic_potential(field, 7)
    with pytest.raises(ValueError, match="`splitter` needs one of 'A', 'B', 'C', got 'D'"):
        anisotropic_potential(field, 3, "D")
    with pytest.raises(ValueError, match="`padding` needs one of 'replicate', 'zero', got 'reflect'"):
        anisotropic_potential(field, 3, padding="reflect")
    with pytest.raises(ValueError, match="`probability` needs 2 or 3 spatial dimensions, got 1"):
        anisotropic_potential(field[0], 3)
    with pytest.raises(ValueError, match="`ndim` needs 2 or 3 spatial dimensions, got 4"):
        ray_directions("A", 4)
