# SPDX-License-Identifier: Apache-2.0
"""Equipotential losses and SEMEDA within a U-Net's training step; the dense convolution; fitting the edge network."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets import BasicUNet

from monai_boundary.losses import (
    EquipotentialLineLoss,
    EquipotentialLoss,
    EquipotentialPointLoss,
    SEMEDALoss,
    _feature_tiles,
)
from monai_boundary.networks import edge_scores, fit_semantic_edge_net
from monai_boundary.ops import anisotropic_kernels, class_masks, semantic_edges
from tests.contracts.loss_cases import edge_net

SHAPES = {"2x4x512^2": (2, 4, 512, 512), "2x4x96^3": (2, 4, 96, 96, 96)}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread for all: two that share a busy core wait for each other, and small steps most of all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def shells(shape: tuple[int, ...]) -> torch.Tensor:
    """Return one-hot truth of classes that lie within each other, with bumpy borders."""
    grid = np.ogrid[tuple(slice(n) for n in shape[2:])]
    radius = np.sqrt(sum(((2 * g - n) / n) ** 2 for g, n in zip(grid, shape[2:], strict=True)))
    radius = radius + 0.05 * np.sin(grid[0] / 5) * np.cos(grid[1] / 7)
    label = torch.from_numpy(sum((radius < r).astype(np.int64) for r in (0.9, 0.6, 0.3)))
    hot = F.one_hot(label, 4).movedim(-1, 0)[None, : shape[1]]
    return hot.expand(shape).float().contiguous()


def training_step(shape: tuple[int, ...]) -> Callable[[], None]:
    """Return a step of MONAI's BasicUNet with its defaults, one image channel in."""
    network = BasicUNet(len(shape) - 2, 1, shape[1])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    image, truth = torch.randn(shape[0], 1, *shape[2:]), shells(shape).argmax(1)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(image), truth).backward()
        optimizer.step()

    return step


@every_shape
def test_losses_within_a_training_step(race: Any, shape: tuple[int, ...]) -> None:
    hot, logits = shells(shape), torch.randn(shape, requires_grad=True)
    dims = len(shape) - 2
    losses = {
        "point": EquipotentialPointLoss(softmax=True, w=9),
        "line": EquipotentialLineLoss(softmax=True, w=9),
        "both": EquipotentialLoss(softmax=True, w=9),
        "semeda": SEMEDALoss(edge_net(dims, 4), softmax=True),
    }
    assert all(float(loss(hot * 80 - 40, hot)) == 0 for loss in losses.values())
    functions = {name: lambda loss=loss: loss(logits, hot).backward() for name, loss in losses.items()}
    race.run(2, **functions)
    race.run(1, step=training_step(shape))
    what = f"forward and backward in a BasicUNet step, {'x'.join(map(str, shape))}"
    ratios = {name: race.report(what, name, "step", "<= 0.15") for name in losses}
    assert ratios["both"] <= 0.15
    assert ratios["semeda"] <= (0.15 if dims == 2 else 0.2)  # 3-D was 0.17


def test_edge_features_by_tiles(race: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = SHAPES["2x4x512^2"]
    logits, hot, loss = torch.randn(shape, requires_grad=True), shells(shape), SEMEDALoss(edge_net(2, 4), softmax=True)

    def step(side: int) -> None:
        monkeypatch.setattr(_feature_tiles, "_SIDE", side)
        loss(logits, hot).backward()

    race.run(3, tiles=lambda: step(128), whole=lambda: step(1000))
    assert race.report("SEMEDA forward and backward, 2x4x512x512", "tiles", "whole", "<= 0.8") <= 0.8


def dense_point_loss(logits: torch.Tensor, hot: torch.Tensor, w: int) -> torch.Tensor:
    """The point loss as it was released: a dense convolution of C x C channels, mostly zeros, for every direction."""
    classes, total = logits.shape[1], torch.zeros(())
    pad = [w // 2] * 4
    fields = [F.pad(x, pad, "replicate") for x in (logits.softmax(1), hot)]
    for kernel in anisotropic_kernels(w):
        weight = torch.zeros(classes, classes, w, w)
        weight[range(classes), range(classes)] = torch.from_numpy(kernel).float()
        prediction, truth = (F.conv2d(x, weight) for x in fields)
        total = total + F.mse_loss(prediction, truth)
    return total / 4


def test_the_point_loss_against_the_dense_convolution(race: Any) -> None:
    shape = SHAPES["2x4x512^2"]
    hot, logits = shells(shape), torch.randn(shape, requires_grad=True)
    loss, values = EquipotentialPointLoss(softmax=True, w=9), {}

    def step(name: str, value: torch.Tensor) -> None:
        (values[f"{name} gradient"],) = torch.autograd.grad(value, logits)
        values[name] = value.detach()

    race.run(
        2, ours=lambda: step("ours", loss(logits, hot)), dense=lambda: step("dense", dense_point_loss(logits, hot, 9))
    )
    torch.testing.assert_close(values["ours"], values["dense"])
    torch.testing.assert_close(values["ours gradient"], values["dense gradient"], rtol=1e-4, atol=1e-9)
    assert race.report("point loss, 4 classes, w = 9", "ours", "dense", "<= 0.5") <= 0.5


MEMORY = """
import sys
from pathlib import Path
import torch
from monai_boundary.losses import EquipotentialLoss
from tests.benchmarks.test_equipotential_benchmark import shells
torch.set_num_threads(1)
def status(key):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if key in line)
def peak(shape):
    hot, logits = shells(shape), torch.randn(shape, requires_grad=True)
    softmax = shape[1] > 1
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    EquipotentialLoss(softmax=softmax, sigmoid=not softmax, w=9)(logits, hot).backward()
    return (status("VmHWM") - before) / (4 * logits.numel() / 1024)
shape = tuple(map(int, sys.argv[1:]))
peak((1, shape[1], *(24 for _ in shape[2:])))  # libraries are loaded
print(peak(shape))
"""


MOST = {**dict.fromkeys(SHAPES, 6.0), "1x1x4096^2": 3.5}  # a huge image is worked on by tiles: was 14.5


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's count of memory")
@pytest.mark.parametrize("name", MOST)
def test_memory(race: Any, name: str) -> None:
    """The peak beyond logits and truth, gradient of the logits included, in tensors of the probability's size."""
    shape = SHAPES.get(name, (1, 1, 4096, 4096))
    command = [sys.executable, "-c", MEMORY, *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    extra = float(done.stdout.split()[-1])
    race.lines.append(
        f"both losses, {'x'.join(map(str, shape))}: peak of {extra:.1f} probability tensors (<= {MOST[name]})"
    )
    assert extra <= MOST[name]


def test_fitting_the_edge_network(race: Any, real_data: Callable[[str], Path]) -> None:
    from PIL import Image

    files = sorted((real_data("em_isbi2012") / "label").iterdir())[:24]
    labels = torch.stack([torch.from_numpy(np.array(Image.open(f)) == 0)[None] for f in files]).float()
    start = time.perf_counter()
    net = fit_semantic_edge_net(labels, progress=False)
    seconds = time.perf_counter() - start
    masks = class_masks(labels, 2)
    scores = edge_scores(net, masks, semantic_edges(masks))
    race.lines.append(
        f"edge network on {len(files)} ISBI labels: {seconds:.0f} s (< 60), {net.scores['steps']:.0f} steps, on all "
        f"whole slices accuracy {scores['accuracy']:.4f} (>= 0.99), F1 {scores['f1']:.4f} (>= 0.98)"
    )
    assert seconds < 60
    assert scores["accuracy"] >= 0.99
    assert scores["f1"] >= 0.98
