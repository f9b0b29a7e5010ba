# SPDX-License-Identifier: Apache-2.0
"""Draws follow from the seed, the epoch and the place in the epoch, whatever process or worker makes them."""

from __future__ import annotations

import pytest
import torch
from monai.data import Dataset
from monai.transforms import Compose, RandGaussianNoise
from torch.utils.data import DataLoader

from monai_boundary.workflows.runs.draws import Draw, DrawnItems, SeededDraws


def epoch_of(number: int, seed: int | None = 0) -> list[Draw]:
    draws = SeededDraws(range(5), 12, 3, seed)
    draws.set_epoch(number)
    return list(draws)


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("items", [1, 5, 100])
def test_processes_share_the_batches_of_one(items: int, processes: int) -> None:
    """Batch k of one process is what the processes have in their batches k, in their order: uneven data or not."""
    one = SeededDraws(range(items), 4 * 2 * processes, 2 * processes)
    parts = [SeededDraws(range(items), 4 * 2, 2, rank=rank, processes=processes) for rank in range(processes)]
    for sampler in (one, *parts):
        sampler.set_epoch(3)
    drawn = [list(part) for part in parts]
    assert [len(part) for part in parts] == [len(part) for part in drawn] == [8] * processes
    assert list(one) == [draw for k in range(4) for part in drawn for draw in part[2 * k : 2 * k + 2]]


def test_the_data_is_gone_through_again_and_again() -> None:
    indices = [draw.item for draw in epoch_of(1)]
    assert sorted(indices[:5]) == sorted(indices[5:10]) == [0, 1, 2, 3, 4]
    assert indices[:5] != indices[5:10], "each time in another order"
    assert len({draw.seed for draw in epoch_of(1)}) == 12, "an item that comes again is changed in another way"


def test_seed_and_epoch_decide_alone() -> None:
    assert epoch_of(1) == epoch_of(1)
    assert epoch_of(1) != epoch_of(2)
    assert epoch_of(1, seed=0) != epoch_of(1, seed=1)
    assert epoch_of(1, seed=None) != epoch_of(1, seed=None), "without a seed each time anew"


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_change_nothing(workers: int) -> None:
    """Nor what was drawn before: the state of a transform's generator is that of the draw."""
    dataset = Dataset([torch.zeros(1, 2)] * 5, Compose([RandGaussianNoise(prob=0.5)]))
    sampler = SeededDraws(dataset, 8, 2)
    loader = DataLoader(DrawnItems(dataset), batch_size=2, sampler=sampler, num_workers=workers)
    found = [torch.cat(list(loader)) for _ in range(2)]
    alone = torch.stack([DrawnItems(dataset)[draw] for draw in sampler])
    assert torch.equal(found[0], alone)
    assert torch.equal(found[0], found[1])
    drawn = (alone != 0).any(-1)
    assert 0 < int(drawn.sum()) < 8, "some items are changed, and some are not"


def test_a_dataset_without_random_transforms_is_read_as_it_is() -> None:
    items = DrawnItems([10, 20])
    assert (len(items), items[Draw(1, 3)]) == (2, 20)
