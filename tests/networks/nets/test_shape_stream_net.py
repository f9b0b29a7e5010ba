# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.engines import SupervisedTrainer
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import DynUNet, SegResNet
from torch import nn

from monai_boundary.networks import BackboneParts, ShapeStreamNet
from monai_boundary.networks.nets.skip_decoder import SkipDecoder
from tests.networks.nets.test_backbones import BACKBONES, dynunet


def small(**arguments):
    return ShapeStreamNet(SegResNet(2, 8, 4, 3, blocks_down=(1, 1, 1), blocks_up=(1, 1)), **arguments)


def two_heads(output, batch):
    """A loss with a term for each head."""
    segmentation, edge = output
    return F.cross_entropy(segmentation, batch[:, 0].long()) + F.binary_cross_entropy_with_logits(edge, batch)


@pytest.mark.parametrize("name", BACKBONES)
def test_at_first_a_backbone_gives_what_it_gave(name):
    backbone = BACKBONES[name]().eval()
    image = torch.randn(1, 4, 32, 16)
    before = backbone(image)
    net = ShapeStreamNet(backbone).eval()
    assert torch.equal(net(image), before)
    segmentation, edge = net.train()(image)
    assert segmentation.shape == (1, 3, 32, 16)
    assert edge.shape == (1, 1, 32, 16)


def test_the_edge_head_teaches_the_encoder():
    net = small()
    net(torch.randn(1, 4, 16, 16))[1].sum().backward()
    for level in net.levels:
        assert all(p.grad.any() for p in level.parameters())
    assert all(p.grad is None for p in net.decoder.parameters())


def test_the_stream_reaches_the_segmentation():
    net = small(residual=False)
    net(torch.randn(1, 4, 16, 16))[0].square().sum().backward()
    assert all(p.grad.any() for p in net.shape_stream.parameters())
    assert all(p.grad is None for p in net.edge_head.parameters())


def test_eval_gives_one_tensor_and_both_heads_on_request():
    net = small(edge_channels=2).eval()
    image = torch.randn(2, 4, 16, 8)
    segmentation, edge = net.forward_heads(image)
    assert torch.equal(net(image), segmentation)
    assert edge.shape == (2, 2, 16, 8)
    assert isinstance(net.train()(image), tuple)


def test_coarser_heads_of_a_backbone():
    net = ShapeStreamNet(dynunet(deep_supervision=True, deep_supr_num=2))
    shapes = [tuple(head.shape[1:]) for head in net(torch.randn(1, 4, 16, 32))]
    assert shapes == [(3, 16, 32), (1, 16, 32), (3, 8, 16), (3, 4, 8)]
    assert net.eval()(torch.randn(1, 4, 16, 32)).shape == (1, 3, 16, 32)


def test_the_edge_has_the_size_of_the_segmentation():
    # This DynUNet's output is smaller than its input: the first stride is 2.
    backbone = DynUNet(2, 1, 2, [3] * 3, [2, 2, 2], [2, 2], filters=(8, 16, 24))
    segmentation, edge = ShapeStreamNet(backbone)(torch.randn(1, 1, 32, 32))
    assert segmentation.shape[2:] == edge.shape[2:] == (16, 16)


@pytest.mark.parametrize(("stream", "sizes"), [("fine", [(16, 24)] * 2), ("descending", [(8, 12), (4, 6)])])
def test_attention_maps(stream, sizes):
    net = small(stream=stream).eval()
    image = torch.randn(1, 4, 16, 24)
    maps = net.attention_maps(image, resize=False)
    assert [tuple(alpha.shape) for alpha in maps] == [(1, 1, *size) for size in sizes]
    assert all(0 < alpha.min() <= alpha.max() < 1 for alpha in maps)
    for alpha, whole in zip(maps, net.attention_maps(image), strict=True):
        torch.testing.assert_close(whole, F.interpolate(alpha, (16, 24), mode="bilinear"))


def test_parts_of_ones_own():
    class Up(nn.Module):
        def forward(self, deeper, skip):
            return F.interpolate(deeper, skip.shape[2:]) + skip

    levels = [nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 8, 3, stride=(3, 1), padding=1)]
    parts = BackboneParts(levels, SkipDecoder([Up()], nn.Conv2d(8, 2, 1)), 2, (8, 8), ((1, 1), (3, 1)))
    net = ShapeStreamNet(parts, stream_channels=8)
    assert [tuple(head.shape) for head in net(torch.randn(1, 2, 9, 5))] == [(1, 2, 9, 5), (1, 1, 9, 5)]


def test_weights_are_shared_and_saved(tmp_path):
    backbone = SegResNet(2, 8, 4, 3)
    net = ShapeStreamNet(backbone)
    with torch.no_grad():
        backbone.convInit.conv.weight.zero_()
    assert not net.levels[0][0].conv.weight.any()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other = ShapeStreamNet(SegResNet(2, 8, 4, 3))
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    image = torch.randn(1, 4, 16, 16)
    assert torch.equal(other.eval()(image), net.eval()(image))
    names = list(net.state_dict())
    assert len(names) == len({value.data_ptr() for value in net.state_dict().values()})  # each weight once


def test_a_trainer_of_monai_takes_the_tuple():
    net = small()
    label = torch.zeros(2, 1, 16, 16)
    label[..., 4:12, 4:12] = 1
    batch = {"image": MetaTensor(torch.randn(2, 4, 16, 16)), "label": MetaTensor(label)}
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=2,
        train_data_loader=[batch],
        network=net,
        optimizer=torch.optim.Adam(net.parameters(), 1e-2),
        loss_function=two_heads,
    )
    trainer.run()
    items = trainer.state.output
    assert [tuple(head.shape) for head in items[1]["pred"]] == [(3, 16, 16), (1, 16, 16)]
    assert all(torch.isfinite(p).all() for p in net.parameters())


@pytest.mark.parametrize("edge_too", [False, True])
def test_sliding_window_over_one_head_or_both(edge_too):
    net = small().eval()
    inferer = SlidingWindowInferer(roi_size=(16, 16), sw_batch_size=2)
    result = inferer(torch.randn(1, 4, 24, 40), net.forward_heads if edge_too else net)
    heads = list(result) if edge_too else [result]
    assert [tuple(head.shape) for head in heads] == [(1, 3, 24, 40), (1, 1, 24, 40)][: len(heads)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"edge_channels": 0}, ValueError, r"`edge_channels` needs a finite number > 0, got 0\."),
        ({"stream": "wide"}, ValueError, "`stream` needs one of 'fine', 'descending', got 'wide'"),
        ({"dilation_rates": (0,)}, ValueError, "`dilation_rates` needs one or more integers > 0"),
        ({"stream_channels": 10}, ValueError, "`norm` needs to fit 10 channels"),
        ({"backbone": nn.Identity()}, TypeError, "`backbone` needs to be BackboneParts or one of SegResNet"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ShapeStreamNet(**{"backbone": SegResNet(2, 8), **arguments})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 16, 16), r"`x` needs 4 channels \(`in_channels`\), got 3\."),
        ((1, 4, 16, 18), r"the least size is \[4, 8\], got \[16, 18\]\."),
        ((1, 4, 16, 16, 16), "2 spatial axes, got 5 axes in all"),
    ],
)
@pytest.mark.parametrize("ask", ["__call__", "forward_heads", "attention_maps"])
def test_bad_images(shape, message, ask):
    with pytest.raises(ValueError, match=message):
        getattr(small(), ask)(torch.zeros(shape))
