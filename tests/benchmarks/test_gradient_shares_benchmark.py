# SPDX-License-Identifier: Apache-2.0
"""What shares of the gradient cost in a training step, beside fixed weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from monai.networks.nets import UNet

from monai_boundary.ops import batch_signed_distance
from monai_boundary.workflows import loss_spec
from tests.benchmarks.conftest import Race

BLOCK = 20  # steps, of which one measures


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def block_of_steps(balance: str) -> Callable[[], None]:
    """Twenty training steps on two patches of the hippocampus's size, with the bundle's network."""
    torch.manual_seed(0)
    shape = (32, 48, 32)
    label = torch.zeros(2, 1, *shape)
    label[:, :, 10:30, 10:30, 10:30] = 1
    label[:, :, 10:30, 30:42, 10:30] = 2
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


def test_shares_cost_at_most_three_hundredths_of_a_step(race: Race) -> None:
    """CPU time of blocks of twenty steps in turn, so that what else the machine does falls on both alike."""
    blocks = {balance: block_of_steps(balance) for balance in ("weight", "share")}
    race.run(3, time.process_time, **blocks)
    ratio = race.report("twenty steps on hippocampus patches", "share", "weight", "at most 1.03")
    assert ratio <= 1.03
