# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.networks import ShapeStream
from tests.networks.slices import as_slice, copy_to_volume

CHANNELS = (3, 4, 5, 6)
STRIDES = ((1, 1), (2, 2), (4, 4), (8, 8))


def features(size=(16, 24), dtype=torch.float32):
    return [
        torch.randn(1, c, size[0] // s[0], size[1] // s[1], dtype=dtype) for c, s in zip(CHANNELS, STRIDES, strict=True)
    ]


def test_four_levels_make_three_gates_and_two_residual_blocks():
    stream = ShapeStream(2, CHANNELS, STRIDES, channels=8)
    shape, maps = stream(features())
    assert shape.shape == (1, 8, 16, 24)
    assert [tuple(alpha.shape) for alpha in maps] == [(1, 1, 16, 24)] * 3
    assert sum(m.kernel_size == (3, 3) for m in stream.modules() if isinstance(m, nn.Conv2d)) == 2


def test_a_descending_stream_goes_down_with_the_encoder():
    stream = ShapeStream(2, CHANNELS, STRIDES, channels=8, stream="descending")
    shape, maps = stream(features())
    assert shape.shape == (1, 8, 2, 3)
    assert [tuple(alpha.shape[2:]) for alpha in maps] == [(8, 12), (4, 6), (2, 3)]
    assert stream.to_deepest(shape) is shape


def test_the_output_can_be_brought_to_the_deepest_level():
    stream = ShapeStream(2, CHANNELS, STRIDES, channels=8)
    assert stream.to_deepest(torch.ones(1, 8, 16, 24)).shape == (1, 8, 2, 3)


def test_each_level_has_its_say():
    stream = ShapeStream(2, CHANNELS, STRIDES, channels=8)
    given = [level.requires_grad_() for level in features()]
    shape, _ = stream(given)
    (shape * torch.randn_like(shape)).sum().backward()
    assert all(level.grad.abs().max() > 0 for level in given)


@pytest.mark.parametrize("stream", ["fine", "descending"])
def test_the_gradient_is_the_same_when_activations_are_computed_again(stream):
    keep, again = (ShapeStream(2, CHANNELS, STRIDES, 8, stream, recompute=r).double() for r in (False, True))
    again.load_state_dict(keep.state_dict())
    assert again.recompute
    given = features(dtype=torch.float64)
    for net in (keep, again):
        shape, maps = net(given)
        (shape.square().sum() + maps[1].sum()).backward()
    for ours, theirs in zip(again.parameters(), keep.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_what_is_computed_again_is_not_kept():
    def kept(recompute):
        stream = ShapeStream(2, CHANNELS, STRIDES, 8, recompute=recompute)
        sizes = {}

        def note(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        given = [level.requires_grad_() for level in features((64, 64))]
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            stream(given)
        return sum(sizes.values())

    assert kept(True) < 0.6 * kept(False)


def test_batch_statistics_count_a_batch_once():
    stream = ShapeStream(2, CHANNELS, STRIDES, 8, norm="batch")
    assert not stream.recompute
    stream(features())[0].sum().backward()
    counts = {int(m.num_batches_tracked) for m in stream.modules() if isinstance(m, nn.BatchNorm2d)}
    assert counts == {1}


@pytest.mark.parametrize("stream", ["fine", "descending"])
def test_a_slice_is_a_volume_of_one_slice(stream):
    flat = ShapeStream(2, CHANNELS, STRIDES, 8, stream)
    deep = ShapeStream(3, CHANNELS, [(*s, 1) for s in STRIDES], 8, stream)
    copy_to_volume(flat, deep)
    given = features()
    shape, maps = flat(given)
    deep_shape, deep_maps = deep([as_slice(level) for level in given])
    torch.testing.assert_close(deep_shape[..., 0], shape, atol=1e-5, rtol=1e-4)
    for ours, theirs in zip(deep_maps, maps, strict=True):
        torch.testing.assert_close(ours[..., 0], theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, "`spatial_dims` needs 2 or 3"),
        ({"level_channels": (4,)}, r"`level_channels` needs two or more levels, got \(4,\)\."),
        ({"level_strides": STRIDES[:2]}, r"`level_strides` needs 4 levels, got 2\."),
        (
            {"level_strides": ((1, 1), (2, 2), (3, 2), (6, 4))},
            r"`level_strides` needs each to divide the next, got \(2, 2\) and \(3, 2\)\.",
        ),
        ({"channels": 0}, r"`channels` needs a finite number > 0, got 0\."),
        ({"channels": 12}, r"`norm` needs to fit 12 channels"),
        ({"stream": "coarse"}, r"`stream` needs one of 'fine', 'descending', got 'coarse'\."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShapeStream(**{"spatial_dims": 2, "level_channels": CHANNELS, "level_strides": STRIDES, **arguments})
