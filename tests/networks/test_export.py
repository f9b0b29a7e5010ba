# SPDX-License-Identifier: Apache-2.0
"""Every network scripts, exports and compiles, and gives what it gives in eager mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.networks.nets import SegResNet
from torch.export import Dim

from monai_boundary.networks import BoundaryAwareNet, DCUNet, ShapeStreamNet
from tests.networks.nets.test_backbones import BACKBONES, dynunet
from tests.onnx_file import through_onnx

pytestmark = pytest.mark.slow
SMALL = {
    "channels": (8, 16),
    "blocks_down": 1,
}  # what tracing takes is by the layers: a third level adds none that is new
NETS = {
    "2d": (lambda: BoundaryAwareNet(2, 1, 2, channels=(8, 16, 24), blocks_down=1, deep_supervision=1), (2, 1, 24, 16)),
    "3d": (lambda: BoundaryAwareNet(3, 1, 2, **SMALL), (1, 1, 16, 8, 12)),
    "thick_slices": (lambda: BoundaryAwareNet(3, 1, 2, **SMALL, strides=((2, 2, 1),)), (1, 1, 8, 8, 6)),
    "descending": (lambda: BoundaryAwareNet(2, 1, 2, **SMALL, stream="descending", norm="batch"), (2, 1, 24, 16)),
    "dc_unet": (lambda: DCUNet(2, 1, 2, filters=4, depth=2), (2, 1, 16, 12)),
    "dc_unet_3d": (lambda: DCUNet(3, 1, 2, filters=4, depth=2), (1, 1, 4, 6, 8)),
    **{name: (lambda make=make: ShapeStreamNet(make()), (1, 4, 32, 16)) for name, make in BACKBONES.items()},
    "dynunet_deep": (lambda: ShapeStreamNet(dynunet(deep_supervision=True, deep_supr_num=2)), (1, 4, 16, 32)),
    "segresnet_3d": (
        lambda: ShapeStreamNet(SegResNet(3, 8, 4, 3, blocks_down=(1, 1), blocks_up=(1,))),
        (1, 4, 8, 8, 4),
    ),
}


def eager(name):
    """Return a network with random weights everywhere, its image and what it gives."""
    make, shape = NETS[name]
    torch.manual_seed(0)
    net = make().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():  # what starts at zero would hide a mistake
                parameter.normal_(std=0.1)
        image = torch.randn(shape)
        return net, image, net(image)


@pytest.mark.parametrize("name", NETS)
def test_torchscript(name, tmp_path):
    net, image, expected = eager(name)
    torch.jit.save(torch.jit.script(net), tmp_path / "net.ts")
    scripted = torch.jit.load(tmp_path / "net.ts")
    torch.testing.assert_close(scripted(image), expected)
    if hasattr(net, "forward_heads"):
        for ask in ("forward_heads", "attention_maps"):
            for ours, theirs in zip(getattr(scripted, ask)(image), getattr(net, ask)(image), strict=True):
                torch.testing.assert_close(ours, theirs)
        assert isinstance(scripted.train()(image), torch.Tensor)


def test_torchscript_refuses_a_bad_size():
    with pytest.raises(Exception, match="the least size is"):
        torch.jit.script(eager("2d")[0])(torch.zeros(1, 1, 10, 16))


ALSO_ONNX = ("thick_slices", "dc_unet", "dynunet")


@pytest.mark.parametrize("name", NETS)
def test_torch_export(name, tmp_path):
    net, image, expected = eager(name)
    program = torch.export.export(net, (image,))
    torch.testing.assert_close(program.module()(image), expected)
    if name in ALSO_ONNX:
        run = through_onnx(program, tmp_path / "net.onnx")
        np.testing.assert_allclose(run(image), expected.numpy(), atol=1e-4)


def test_export_of_any_size(tmp_path):
    """Batch and size vary, in steps of the strides; the pyramid's largest rate needs 5 voxels."""
    net, _, _ = eager("descending")
    dynamic = {"x": {0: Dim("batch"), 2: 2 * Dim("h", min=5), 3: 2 * Dim("w", min=5)}}
    program = torch.export.export(net, (torch.randn(2, 1, 24, 32),), dynamic_shapes=dynamic)
    other = torch.randn(3, 1, 40, 20)
    expected = net(other)
    torch.testing.assert_close(program.module()(other), expected)
    run = through_onnx(program, tmp_path / "net.onnx")
    np.testing.assert_allclose(run(other), expected.detach().numpy(), atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_torch_compile(training):
    net, image, _ = eager("2d")
    net.train(training)
    torch._dynamo.reset()
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    ours, theirs = compiled(image), net(image)
    if not training:
        ours, theirs = (ours,), (theirs,)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)
    slopes = []
    for heads in (ours, theirs):
        net.zero_grad()
        sum(head.square().sum() for head in heads).backward()
        slopes.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    assert slopes[0].keys() == slopes[1].keys()
    for name, slope in slopes[0].items():
        torch.testing.assert_close(slope, slopes[1][name], rtol=1e-3, atol=1e-3)
