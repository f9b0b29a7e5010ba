# SPDX-License-Identifier: Apache-2.0
"""What a training draws: each item by its place in the epoch alone, whatever process or worker draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any, NamedTuple

import numpy as np
from monai.data.utils import set_rnd
from torch.utils.data import Dataset, Sampler


class Draw(NamedTuple):
    """An item that is drawn: its index in the data set, and the seed of its random transforms."""

    item: int
    seed: int


class SeededDraws(Sampler[Draw]):
    """Draw the items of an epoch, in batches that the processes of a training share.

    Order and augmentations follow from the seed, the epoch and the place in the epoch. So two processes with batches
    of 2 draw what one with batches of 4 does, and neither workers nor a resumed training change anything. The data set
    is gone through again and again, each time in another order.

    Args:
        data_source: the data set.
        num_samples: items that this process draws in an epoch.
        batch_size: items in a batch of this process.
        seed: of the training; None draws anew each time, apart in each process.
        rank: of this process.
        processes: their number.

    Example:
        >>> one = [draw.item for draw in SeededDraws(range(9), 8, 4)]
        >>> two = [[draw.item for draw in SeededDraws(range(9), 4, 2, rank=rank, processes=2)] for rank in range(2)]
        >>> one == two[0][:2] + two[1][:2] + two[0][2:] + two[1][2:]
        True
    """

    def __init__(
        self,
        data_source: Sized,
        num_samples: int,
        batch_size: int,
        seed: int | None = 0,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.length = len(data_source)
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes: 1, 2, ...."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[Draw]:
        total = self.num_samples * self.processes
        words = np.random.SeedSequence(None if self.seed is None else (self.seed, self.epoch))
        order, items = words.spawn(2)
        generator = np.random.default_rng(order)
        rounds = -(-total // max(1, self.length))
        indices = np.concatenate([generator.permutation(self.length) for _ in range(rounds)])[:total]
        seeds = items.generate_state(total)
        for place in range(total):
            if place // self.batch_size % self.processes == self.rank:
                yield Draw(int(indices[place]), int(seeds[place]))


class DrawnItems(Dataset[Any]):
    """The items of a data set, their random transforms seeded for each by what `SeededDraws` gives.

    Args:
        dataset: with the attribute ``transform``, as MONAI's have it.

    Example:
        >>> import torch
        >>> from monai.data import Dataset
        >>> from monai.transforms import RandGaussianNoise
        >>> items = DrawnItems(Dataset([torch.zeros(1, 2)], RandGaussianNoise(prob=1.0)))
        >>> bool((items[Draw(0, seed=3)] == items[Draw(0, seed=3)]).all())
        True
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.transform = getattr(dataset, "transform", None)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Draw) -> Any:
        set_rnd(self.transform, seed=draw.seed)
        return self.dataset[draw.item]
