# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from monai_boundary.networks import BoundaryAwareNet, network_cost
from tests.networks.slices import as_slice, copy_to_volume

TINY = {"in_channels": 1, "out_channels": 2, "channels": (8, 16, 32), "blocks_down": 1}


@pytest.mark.parametrize(("dims", "size"), [(2, (24, 16)), (3, (8, 16, 24))])
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes(dims, size, batch):
    net = BoundaryAwareNet(dims, 2, 3, edge_channels=3)
    image = torch.randn(batch, 2, *size)
    assert [tuple(head.shape) for head in net(image)] == [(batch, 3, *size), (batch, 3, *size)]
    assert net.eval()(image).shape == (batch, 3, *size)


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": (8, 24)},
        {"channels": (8, 16, 24, 32, 40), "blocks_down": (1, 1, 1, 1, 2), "blocks_up": (2, 1, 1, 1)},
        {"strides": (2, 1)},
        {"strides": ((3, 1), (1, 2))},
        {"stream": "descending", "stream_channels": 8},
        {"dilation_rates": (1, 3, 9, 27)},
        {"norm": "instance", "act": "prelu"},
        {"norm": "batch", "dropout": 0.3},
        {"norm": ""},
        {"act": ("leakyrelu", {"inplace": True, "negative_slope": 0.01})},
        {"dropout": ("alphadropout", {"p": 0.2}), "deep_supervision": 1},
    ],
)
def test_every_weight_gets_a_gradient(arguments):
    net = BoundaryAwareNet(2, **{**TINY, **arguments})
    heads = net(torch.randn(2, 1, 48, 48))
    sum((head * torch.randn_like(head)).sum() for head in heads).backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not without
    assert len([p for p in net.parameters() if p.grad.any()]) >= len(list(net.parameters())) - 1


def test_anisotropic_strides():
    net = BoundaryAwareNet(3, 1, 1, strides=((2, 2, 1), (2, 2, 1), 2))
    assert net.strides == [8, 8, 2]
    assert net(torch.randn(1, 1, 8, 16, 6))[0].shape == (1, 1, 8, 16, 6)


def test_deep_supervision():
    net = BoundaryAwareNet(2, 1, 2, deep_supervision=2)
    sizes = [tuple(head.shape[1:]) for head in net(torch.randn(1, 1, 16, 32))]
    assert sizes == [(2, 16, 32), (1, 16, 32), (2, 8, 16), (2, 4, 8)]
    assert net.eval()(torch.randn(1, 1, 16, 32)).shape == (1, 2, 16, 32)


def test_layers_of_the_paper():
    net = BoundaryAwareNet(2, 1, 1)
    blocks = [len(level) - 1 for level in net.levels]
    assert blocks == [2, 2, 2, 2]
    assert len(net.attention_maps(torch.randn(1, 1, 16, 16))) == 3
    assert [branch.rate for branch in list(net.pyramid.branches)[1:]] == [1, 2, 4]


@pytest.mark.parametrize(
    ("dims", "modalities", "parameters"), [(2, 1, 1_144_981), (2, 4, 1_145_413), (3, 1, 3_357_109), (3, 4, 3_358_405)]
)
def test_parameters(dims, modalities, parameters):
    net = BoundaryAwareNet(dims, modalities, 1)
    assert sum(p.numel() for p in net.parameters()) == parameters


def test_eval_computes_no_layer_that_only_training_uses():
    net = BoundaryAwareNet(2, 1, 2, deep_supervision=1)
    used = {}
    for name, module in net.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, i, o, name=name: used.__setitem__(name, used.get(name, 0) + 1))
    image = torch.randn(1, 1, 16, 16)
    net.eval()(image)
    in_eval, used = set(used), {}
    net.forward_heads(image)
    extra = set(used) - in_eval
    assert {name.split(".")[0] for name in extra} == {"edge_head", "decoder"}
    assert {name for name in extra if name.startswith("decoder")} == {name for name in extra if ".side_head." in name}
    assert set(used.values()) == {1}


def test_eval_costs_what_its_layers_cost():
    net = BoundaryAwareNet(2, 1, 2)
    image = (1, 1, 32, 32)
    training = network_cost(net, image).flops
    edge_head = 2 * 16 * 32 * 32  # a multiplication and an addition per channel and voxel
    assert network_cost(net.eval(), image).flops == training - edge_head


@pytest.mark.parametrize("norm", [("GROUP", {"num_groups": 4}), "instance", "batch"])
def test_a_slice_is_a_volume_of_one_slice(norm):
    flat = BoundaryAwareNet(2, **TINY, norm=norm, deep_supervision=1).double()
    deep = BoundaryAwareNet(3, **TINY, norm=norm, deep_supervision=1, strides=((2, 2, 1), (2, 2, 1))).double()
    copy_to_volume(flat, deep)
    image = torch.randn(2, 1, 24, 16, dtype=torch.float64)
    for mode in (True, False):
        ours, theirs = deep.train(mode)(as_slice(image)), flat.train(mode)(image)
        for volume, plane in zip(*((y if mode else (y,)) for y in (ours, theirs)), strict=True):
            torch.testing.assert_close(volume[..., 0], plane)


def disc(size=32):
    """Return an image, its label and its edge."""
    grid = torch.arange(size) - size / 2 + 0.5
    label = (torch.hypot(grid[:, None], grid[None]) < size / 4).float()[None, None]
    edge = F.max_pool2d(label, 3, 1, 1) + F.max_pool2d(-label, 3, 1, 1)
    return label + 0.5 * torch.randn(label.shape, generator=torch.Generator().manual_seed(1)), label, edge


def fit(dtype, steps=40):
    """Return the loss before and after training, in a number format."""
    torch.manual_seed(3)
    net = BoundaryAwareNet(2, 1, 1, channels=(8, 16, 32), blocks_down=1)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    image, label, edge = disc()
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            segmentation, contour = net(image)
        value = F.binary_cross_entropy_with_logits(segmentation.float(), label)
        value = value + F.binary_cross_entropy_with_logits(contour.float(), edge)
        value.backward()
        assert all(p.grad.isfinite().all() for p in net.parameters())
        optimizer.step()
        values.append(float(value.detach()))
    return values[0], values[-1]


def test_bfloat16_finds_the_same_minimum():
    first, last = fit(torch.bfloat16)
    _, reference = fit(torch.float32)
    assert reference < 0.5 * first
    assert last < 0.5 * first
    assert abs(last - reference) < 0.05


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_bfloat16_does_not_overflow(scale):
    net = BoundaryAwareNet(3, 1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        heads = net(scale * torch.randn(1, 1, 16, 16, 16))
    assert all(head.isfinite().all() for head in heads)
    assert max(head.abs().max() for head in heads) < 1e3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 4}, r"`spatial_dims` needs 2 or 3 spatial dimensions, got 4\."),
        ({"in_channels": 0}, r"`in_channels` needs a finite number > 0, got 0\."),
        ({"out_channels": 0}, r"`out_channels` needs a finite number > 0, got 0\."),
        ({"edge_channels": 0}, r"`edge_channels` needs a finite number > 0, got 0\."),
        ({"channels": (16,)}, r"`channels` needs two or more levels, got \(16,\)\."),
        ({"channels": (16, 30)}, r"`norm` needs to fit 30 channels"),
        ({"blocks_down": 0}, r"`blocks_down` needs 4 numbers >= 1, got 0\."),
        ({"blocks_down": (1, 2, 2)}, r"`blocks_down` needs 4 numbers >= 1, got \(1, 2, 2\)\."),
        ({"blocks_up": (1, 1, 1, 1)}, r"`blocks_up` needs 3 numbers >= 1, got \(1, 1, 1, 1\)\."),
        ({"strides": (2, 2)}, r"`strides` needs 3 steps \(one less than levels\), each 2 long, got \(2, 2\)\."),
        ({"strides": ((2, 2, 1), 2, 2)}, r"each 2 long, got \(\(2, 2, 1\), 2, 2\)\."),
        ({"strides": 4}, r"`strides` needs 1, 2 or 3 along each axis, got 4\."),
        ({"deep_supervision": 3}, r"`deep_supervision` needs 0 to 2 levels, got 3\."),
        ({"deep_supervision": -1}, r"`deep_supervision` needs 0 to 2 levels, got -1\."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoundaryAwareNet(**{"spatial_dims": 2, "in_channels": 1, "out_channels": 1, **arguments})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 16, 16, 16), r"`x` needs 3 channels \(`in_channels`\), got 4\."),
        ((1, 3, 16, 16), "3 spatial axes, got 4 axes in all"),
        (
            (1, 3, 16, 16, 12),
            r"multiples of the strides \[8, 8, 8\].*the least size is \[8, 8, 16\], got \[16, 16, 12\]\.",
        ),
        ((1, 3, 8, 8, 8), r"the least size is \[8, 8, 16\], got \[8, 8, 8\]\."),
    ],
)
def test_bad_images(shape, message):
    with pytest.raises(ValueError, match=message):
        BoundaryAwareNet(3, 3, 1)(torch.zeros(shape))


def test_the_network_is_a_module_that_initialisers_know():
    net = BoundaryAwareNet(2, **TINY)
    net.apply(lambda m: nn.init.constant_(m.weight, 0.01) if isinstance(m, nn.Conv2d) else None)
    convolutions = [p for name, p in net.named_parameters() if p.ndim == 4]
    assert all((p == 0.01).all() for p in convolutions)
