# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNet, DynUNet, SegResNet, SegResNetVAE, UNet
from torch import nn

from monai_boundary.networks import BackboneParts, backbone_parts
from monai_boundary.networks.nets.backbones import cumulative_strides


def dynunet(dims=2, **arguments):
    strides = [1, 2, (2,) * dims, 2]
    return DynUNet(
        dims, 4, 3, [3] * 4, strides, strides[1:], filters=(8, 12, 16, 24), norm_name="instance", **arguments
    )


BACKBONES = {
    "segresnet": lambda dims=2: SegResNet(dims, 8, 4, 3, blocks_down=(1, 2, 1), blocks_up=(1, 1)),
    "segresnet_dropout": lambda dims=2: SegResNet(dims, 8, 4, 3, dropout_prob=0.2),
    "segresnet_deconv": lambda dims=2: SegResNet(
        dims, 8, 4, 3, blocks_down=(1, 1, 1), blocks_up=(2, 1), upsample_mode="deconv"
    ),
    "dynunet": dynunet,
    "dynunet_residual": lambda dims=2: dynunet(dims, res_block=True),
    "unet": lambda dims=2: UNet(dims, 4, 3, (8, 16, 24), (2, 2)),
    "unet_residual": lambda dims=2: UNet(dims, 4, 3, (8, 16, 24, 32), (1, 2, 2), num_res_units=2, norm="batch"),
    "unet_two_levels": lambda dims=2: UNet(dims, 4, 3, (8, 16), (2,)),
    "basic_unet": lambda dims=2: BasicUNet(dims, 4, 3, (8, 8, 16, 24, 32, 8)),
}


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("dims", [2, 3])
def test_the_parts_do_what_the_network_does(name, dims):
    net = BACKBONES[name](dims).eval()
    parts = backbone_parts(net)
    image = torch.randn(1, 4, *(32, 16, 16)[:dims])
    features = []
    x = image
    with torch.no_grad():
        for level in parts.levels:
            x = level(x)
            features.append(x)
        assert parts.in_channels == 4
        assert [f.shape[1] for f in features] == list(parts.channels)
        sizes = [
            [n * s for n, s in zip(f.shape[2:], stride, strict=True)]
            for f, stride in zip(features, parts.strides, strict=True)
        ]
        assert sizes == [list(image.shape[2:])] * len(features)
        (logits,) = parts.decoder(features, False)
        assert torch.equal(logits, net(image))


def test_heads_of_deep_supervision():
    net = dynunet(deep_supervision=True, deep_supr_num=2)
    parts = backbone_parts(net)
    image = torch.randn(2, 4, 32, 32)
    features = []
    x = image
    for level in parts.levels:
        x = level(x)
        features.append(x)
    full, half, quarter = parts.decoder(features, True)
    assert [tuple(head.shape[2:]) for head in (full, half, quarter)] == [(32, 32), (16, 16), (8, 8)]
    # MONAI resizes its heads to the full size and stacks them.
    stacked = net(image)
    for number, head in enumerate((full, half, quarter)):
        torch.testing.assert_close(nn.functional.interpolate(head, (32, 32)), stacked[:, number])


def test_the_modules_are_shared():
    net = BACKBONES["segresnet"]()
    parts = backbone_parts(net)
    own = {id(p) for module in (*parts.levels, parts.decoder) for p in module.parameters()}
    assert own == {id(p) for p in net.parameters()}


def test_surplus_strides_of_a_unet_are_not_used():
    with pytest.warns(UserWarning, match="strides will not be used"):
        net = UNet(2, 1, 1, (4, 8), (2, 3))
    assert backbone_parts(net).strides == [(2, 2), (2, 2)]


def test_cumulative_strides_by_hand():
    assert cumulative_strides([1, 2, (2, 1)], 2) == [(1, 1), (2, 2), (4, 2)]


@pytest.mark.parametrize(
    "backbone",
    [
        lambda: SegResNetVAE((16, 16), spatial_dims=2, init_filters=8),
        lambda: nn.Conv2d(1, 1, 3),
        lambda: BackboneParts([], nn.Identity(), 1, [], []),
    ],
)
def test_other_networks_are_refused(backbone):
    net = backbone()
    message = f"needs to be BackboneParts or one of SegResNet, DynUNet, UNet, BasicUNet, got {type(net).__name__}"
    with pytest.raises(TypeError, match=message):
        backbone_parts(net)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"use_conv_final": False}, "`backbone` needs `use_conv_final=True`"),
        ({"blocks_up": (1, 1)}, r"`backbone` needs `blocks_up` of 3 levels, got 2\."),
    ],
)
def test_a_segresnet_that_gives_no_logits_at_full_size(arguments, message):
    with pytest.raises(ValueError, match=message):
        backbone_parts(SegResNet(2, 8, **arguments))
