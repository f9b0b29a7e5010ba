# SPDX-License-Identifier: Apache-2.0
"""What shares of the gradient cost in a training step, beside fixed weights."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from monai.networks.nets import UNet

from monai_boundary.ops import batch_signed_distance
from monai_boundary.workflows import loss_spec

BLOCK = 10  # steps, of which one measures
BLOCKS = 6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def block_of_steps(balance: str) -> Callable[[], None]:
    """Ten training steps on two patches of the hippocampus's size, with the bundle's network."""
    torch.manual_seed(0)
    shape = (40, 56, 40)
    label = torch.zeros(2, 1, *shape)
    label[:, :, 10:30, 10:30, 10:30] = 1
    label[:, :, 10:30, 30:46, 10:30] = 2
    masks = torch.cat([label == k for k in range(3)], 1)
    maps = batch_signed_distance(masks.float())
    network = UNet(3, 1, 3, (16, 32, 64, 128), (2, 2, 2), num_res_units=2)
    optimizer = torch.optim.AdamW(network.parameters(), 0.003)
    loss: Any = loss_spec("classes", "boundary", base="dice_ce", balance=balance).loss
    image = torch.randn(2, 1, *shape)

    def steps() -> None:
        for _ in range(BLOCK):
            optimizer.zero_grad()
            loss(network(image), label, distance_map=maps).backward()
            optimizer.step()

    return steps


def test_shares_cost_at_most_three_hundredths_of_a_step() -> None:
    """CPU time of blocks in turn, so that what else the machine does falls on both alike."""
    blocks = {balance: block_of_steps(balance) for balance in ("weight", "share")}
    seconds: dict[str, list[float]] = {balance: [] for balance in blocks}
    for _ in range(BLOCKS):
        for balance, block in blocks.items():
            before = time.process_time()
            block()
            seconds[balance].append(time.process_time() - before)
    plain, shared = (statistics.median(times) / BLOCK for times in seconds.values())
    print(f"\na step {1000 * plain:.0f} ms of CPU time, with shares {1000 * shared:.0f} ms: {shared / plain - 1:+.1%}")
    assert shared <= 1.03 * plain
