# SPDX-License-Identifier: Apache-2.0
"""The boundary-aware network's training step against a SegResNet of equal widths and blocks: time, memory, growth."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from monai.networks.nets import SegResNet

from monai_boundary.losses import EdgeAwareLoss
from monai_boundary.networks import BoundaryAwareNet, network_cost

PATCH = (64, 64, 64)
NETS: dict[str, Callable[[], torch.nn.Module]] = {
    "ours": lambda: BoundaryAwareNet(3, 4, 3),
    "segresnet": lambda: SegResNet(3, 16, 4, 3, blocks_down=(2, 2, 2, 2), blocks_up=(1, 1, 1)),
}


def training_step(name: str, patch: tuple[int, ...] = PATCH) -> Callable[[], None]:
    """Return a step of four modalities and three regions, each network with its own loss, Dice in both."""
    torch.manual_seed(0)
    network, image = NETS[name](), torch.randn(1, 4, *patch)
    truth, edges = (torch.rand(1, 3, *patch) > 0.7).float(), (torch.rand(1, 1, *patch) > 0.9).float()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    region_loss, edge_loss = DiceLoss(sigmoid=True, squared_pred=True), EdgeAwareLoss(sigmoid=True)

    def step() -> None:
        optimizer.zero_grad()
        heads = network(image)
        loss = edge_loss(heads, truth, edges=edges) if name == "ours" else region_loss(heads, truth)
        loss.backward()
        optimizer.step()

    return step


def test_a_training_step(race: Any) -> None:
    # of this thread, so that what else runs on the machine does not count
    race.run(3, clock=time.thread_time, **{name: training_step(name) for name in NETS})
    assert race.report(f"training step, {'x'.join(map(str, PATCH))}", "ours", "segresnet", "<= 1.5") <= 1.5


def test_growth(race: Any) -> None:
    half = (*PATCH[:2], PATCH[2] // 2)
    race.run(3, clock=time.thread_time, whole=training_step("ours"), half=training_step("ours", half))
    assert race.report("training step, 2 N voxels over N", "whole", "half", "<= 2.4") <= 2.4


def test_inference_without_the_edge_head(race: Any) -> None:
    """Eval mode computes all layers but the edge head, and takes no longer than both heads."""
    network = NETS["ours"]().eval()
    image = torch.randn(1, 4, *PATCH)
    head = network_cost(network.edge_head, (1, 16, *PATCH)).flops
    both = network_cost(network.train(), image.shape).flops
    assert network_cost(network.eval(), image.shape).flops == both - head
    with torch.no_grad():
        race.run(3, clock=time.thread_time, eval=lambda: network(image), both=lambda: network.forward_heads(image))
        rival = NETS["segresnet"]().eval()
        race.run(3, clock=time.thread_time, segresnet=lambda: rival(image))
    race.report("inference", "eval", "segresnet", "no bound")
    assert race.report("inference", "eval", "both", "<= 1.05") <= 1.05


MEMORY = """
import sys
from pathlib import Path
import torch
from tests.benchmarks.test_networks_benchmark import PATCH, training_step
torch.set_num_threads(1)
def status(key):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if key in line)
training_step(sys.argv[1], (16, 16, 16))()  # libraries are loaded
step = training_step(sys.argv[1], tuple(map(int, sys.argv[2:])))
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before = status("VmRSS")
step()
print((status("VmHWM") - before) / 1024)
"""


def peak_memory(name: str, patch: tuple[int, ...] = PATCH) -> float:
    """Return the peak of a training step in MiB, beyond network, patch and truth, in a process of its own."""
    command = [sys.executable, "-c", MEMORY, name, *map(str, patch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's count of memory")
def test_memory(race: Any) -> None:
    peaks = {name: peak_memory(name) for name in NETS}
    half = peak_memory("ours", (*PATCH[:2], PATCH[2] // 2))
    ratio = peaks["ours"] / peaks["segresnet"]
    race.lines.append(
        f"peak memory of a training step, {'x'.join(map(str, PATCH))}: ours {peaks['ours']:.0f} MiB, segresnet "
        f"{peaks['segresnet']:.0f} MiB, ratio {ratio:.3f} (<= 1.4); 2 N over N {peaks['ours'] / half:.2f} (<= 2.2)"
    )
    assert ratio <= 1.4
    assert peaks["ours"] / half <= 2.2
