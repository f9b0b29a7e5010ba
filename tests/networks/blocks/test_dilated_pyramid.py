# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_boundary.networks import DilatedPyramid
from monai_boundary.networks.blocks.dilated_pyramid import DilatedConv
from tests.networks.slices import as_slice, copy_to_volume


def ones(conv):
    torch.nn.init.ones_(conv.conv.weight)
    return conv


def impulse(*size):
    """Return an image of powers of two: a sum of some of its voxels says which."""
    count = torch.tensor(size).prod()
    return (2.0 ** torch.arange(count)).reshape(1, 1, *size)


@pytest.mark.parametrize(
    ("rate", "seen_from_the_first"),
    [(1, [0, 1]), (2, [0, 2]), (3, [0, 3]), (4, [0, 4]), (5, [0, 4]), (99, [0, 4])],
)
def test_a_rate_reaches_no_further_than_the_image(rate, seen_from_the_first):
    result = ones(DilatedConv(2, 1, 1, rate))(impulse(5, 1))
    assert result[0, 0, 0, 0] == sum(2**voxel for voxel in seen_from_the_first)


def test_each_axis_has_its_own_limit():
    result = ones(DilatedConv(3, 1, 1, 3))(impulse(5, 2, 1))
    # Voxels are numbered row by row: 3 rows on (6, 7), and 1 column on (1, 7), for there are only 2 columns.
    assert result[0, 0, 0, 0, 0] == 2**0 + 2**1 + 2**6 + 2**7


@pytest.mark.parametrize(("dims", "size"), [(2, (9, 8)), (3, (6, 7, 5))])
def test_within_the_image_it_is_a_dilated_convolution(dims, size):
    conv = DilatedConv(dims, 3, 4, 2)
    x = torch.randn(2, 3, *size)
    reference = F.conv2d if dims == 2 else F.conv3d
    torch.testing.assert_close(conv(x), reference(x, conv.conv.weight, padding=2, dilation=2))


def test_the_pyramid_joins_its_branches():
    pyramid = DilatedPyramid(2, 3, 8, dilation_rates=(1, 2), branch_channels=2, norm="")
    narrow, *wide = pyramid.branches
    x = torch.randn(1, 3, 6, 7)
    seen = [F.conv2d(x, narrow.weight)]
    seen += [F.conv2d(x, wide[k].conv.weight, padding=k + 1, dilation=k + 1) for k in (0, 1)]
    last = pyramid.join[-1]
    expected = F.conv2d(F.relu(torch.cat(seen, dim=1)), last.weight, last.bias)
    torch.testing.assert_close(pyramid(x), expected)


def test_a_pyramid_that_starts_at_zero():
    pyramid = DilatedPyramid(2, 8, 32, zero=True)
    x = torch.randn(1, 8, 4, 4)
    assert not pyramid(x).any()
    pyramid(x).sum().backward()
    assert pyramid.join[-1].weight.grad.any()  # and can leave it


@pytest.mark.parametrize(("dims", "size"), [(2, (3, 4)), (3, (2, 3, 1))])
def test_gradient(dims, size):
    pyramid = DilatedPyramid(dims, 2, 2, branch_channels=1, dilation_rates=(1, 2, 4), norm="", act="elu").double()
    x = torch.randn(1, 2, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pyramid, (x,))


@pytest.mark.parametrize("rates", [(1, 2, 4), (3,)])
def test_a_slice_is_a_volume_of_one_slice(rates):
    flat, deep = (DilatedPyramid(dims, 4, 8, rates, branch_channels=4, norm="instance") for dims in (2, 3))
    copy_to_volume(flat, deep)
    x = torch.randn(2, 4, 6, 5)
    torch.testing.assert_close(deep(as_slice(x))[..., 0], flat(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, "`spatial_dims` needs 2 or 3"),
        ({"in_channels": 0}, r"`in_channels` needs a finite number > 0, got 0\."),
        ({"out_channels": -1}, r"`out_channels` needs a finite number > 0, got -1\."),
        ({"dilation_rates": ()}, r"`dilation_rates` needs one or more integers > 0, got \(\)\."),
        ({"dilation_rates": (1, 0)}, r"`dilation_rates` needs one or more integers > 0, got \(1, 0\)\."),
        ({"dilation_rates": (1.5,)}, r"got \(1.5,\)\."),
        ({"branch_channels": 0}, r"`branch_channels` needs a finite number > 0, got 0\."),
        ({"branch_channels": 3}, r"`norm` needs to fit 12 channels"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DilatedPyramid(**{"spatial_dims": 2, "in_channels": 8, "out_channels": 32, **arguments})
