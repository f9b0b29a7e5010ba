# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.networks import ShapeGate
from tests.networks.slices import as_slice, copy_to_volume


def equation(gate, shape, main):
    """Eq. 1 and 2 as they stand: resize m, concatenate, convolve, multiply."""
    resized = F.interpolate(main, shape.shape[2:], mode="trilinear" if shape.ndim == 5 else "bilinear")
    weight = torch.cat([gate.from_shape.weight, gate.from_main.weight], dim=1)
    convolve = F.conv3d if shape.ndim == 5 else F.conv2d
    alpha = torch.sigmoid(convolve(torch.cat([shape, resized], dim=1), weight, gate.from_shape.bias))
    return shape * alpha, alpha


@given(
    dims=st.sampled_from([2, 3]),
    ratio=st.sampled_from([1, 2, 3]),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_equals_the_equation_with_a_concatenation(dims, ratio, channels):
    gate = ShapeGate(dims, *channels).double()
    shape = torch.randn(2, channels[0], *[4 * ratio, 2 * ratio, 3 * ratio][:dims], dtype=torch.float64)
    main = torch.randn(2, channels[1], *[4, 2, 3][:dims], dtype=torch.float64)
    for ours, theirs in zip(gate(shape, main), equation(gate, shape, main), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_by_hand():
    gate = ShapeGate(2, 1, 1)
    with torch.no_grad():
        gate.from_shape.weight.fill_(1.0)
        gate.from_shape.bias.fill_(-1.0)
        gate.from_main.weight.fill_(2.0)
    shape, main = torch.tensor([[1.0, 1.0, 3.0]])[None, None], torch.tensor([[0.0, 50.0, -50.0]])[None, None]
    gated, alpha = gate(shape, main)
    torch.testing.assert_close(alpha.flatten(), torch.tensor([0.5, 1.0, 0.0]))
    torch.testing.assert_close(gated.flatten(), torch.tensor([0.5, 1.0, 0.0]))


def test_one_map_for_all_channels_between_0_and_1():
    gated, alpha = ShapeGate(3, 5, 2)(torch.randn(2, 5, 4, 4, 2), 9 * torch.randn(2, 2, 2, 2, 1))
    assert gated.shape == (2, 5, 4, 4, 2)
    assert alpha.shape == (2, 1, 4, 4, 2)
    assert 0 <= alpha.min() < 0.1
    assert 0.9 < alpha.max() <= 1


@pytest.mark.parametrize("coarse", [(3, 4), (6, 2)])
def test_gradient_to_both_streams(coarse):
    gate = ShapeGate(2, 2, 3).double()
    shape = torch.randn(1, 2, 6, 4, dtype=torch.float64, requires_grad=True)
    main = torch.randn(1, 3, *coarse, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gate, (shape, main))
    assert torch.autograd.gradgradcheck(gate, (shape, main))


def test_gradient_in_3d():
    gate = ShapeGate(3, 1, 2).double()
    shape = torch.randn(1, 1, 2, 4, 2, dtype=torch.float64, requires_grad=True)
    main = torch.randn(1, 2, 1, 2, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gate, (shape, main))


def test_a_slice_is_a_volume_of_one_slice():
    flat, deep = ShapeGate(2, 3, 4), ShapeGate(3, 3, 4)
    copy_to_volume(flat, deep)
    shape, main = torch.randn(1, 3, 8, 6), torch.randn(1, 4, 4, 3)
    for ours, theirs in zip(deep(as_slice(shape), as_slice(main)), flat(shape, main), strict=True):
        torch.testing.assert_close(ours[..., 0], theirs)


def test_in_bfloat16_a_strong_signal_stays_finite():
    gate = ShapeGate(2, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        gated, alpha = gate(torch.full((1, 2, 4, 4), 1e4), torch.full((1, 2, 2, 2), -1e4))
    assert gated.isfinite().all()
    assert alpha.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 1, 1), r"`spatial_dims` needs 2 or 3 spatial dimensions, got 4\."),
        ((2, 0, 1), r"`shape_channels` needs a finite number > 0, got 0\."),
        ((2, 1, -2), r"`main_channels` needs a finite number > 0, got -2\."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShapeGate(*arguments)
