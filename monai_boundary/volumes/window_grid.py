# SPDX-License-Identifier: Apache-2.0
"""The windows in which a network sees a volume: one grid over the whole volume, so that blocks leave no seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import torch

from monai_boundary._validation import check_choice
from monai_boundary.volumes.block_grid import Block

BLENDS = ("gaussian", "constant")
_DEVIATION, _LEAST = 0.125, 1e-3  # of a window's side; the least weight: as MONAI
_FEW = 32  # windows along an axis: of n, n + 1 are computed
_BLOCK_WINDOWS = 2**26  # voxels of a block, at most: what its windows compute beyond it shrinks with its size


@dataclass(frozen=True)
class WindowGrid:
    """The windows of MONAI's `sliding_window_inference` over a volume.

    A window that is longer than the volume stands in its middle, and what is outside is 0.

    Args:
        shape: of the volume, (z, y, x).
        window: voxels along each axis.
        overlap: share of a window that the next one covers, in [0, 1); along an axis of one voxel there is none.
        blend: ``"gaussian"`` gives the middle of a window more weight, ``"constant"`` every voxel the same.

    Raises:
        ValueError: if a setting does not fit.

    Example:
        >>> WindowGrid((1, 4, 10), (1, 4, 4), 0.5, "gaussian").starts(2)
        (0, 2, 4, 6)
    """

    shape: tuple[int, ...]
    window: tuple[int, ...]
    overlap: float
    blend: str

    def __post_init__(self) -> None:
        if len(self.window) != len(self.shape) or min(self.window) < 1:
            raise ValueError(f"`window` needs {len(self.shape)} entries >= 1 (voxels per axis), got {self.window}.")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"`overlap` needs a share in [0, 1), got {self.overlap}.")
        check_choice("blend", self.blend, BLENDS)

    @property
    def steps(self) -> tuple[int, ...]:
        """Voxels from one window to the next, along each axis."""
        return tuple(max(1, int(size * (1 - self.overlap))) for size in self.window)

    def starts(self, axis: int) -> tuple[int, ...]:
        """Return where the windows start along an axis; below 0 where one is longer than the volume."""
        n, size = self.shape[axis], self.window[axis]
        if n <= size:
            return (-((size - n) // 2),)
        step = self.steps[axis]
        return (*range(0, n - size, step), n - size)

    def touching(self, block: Block) -> list[tuple[slice, ...]]:
        """Return the windows that have a voxel of the block's core, in raster order."""
        along = []
        for axis, (core, size) in enumerate(zip(block.core, self.window, strict=True)):
            starts = (start for start in self.starts(axis) if start < core.stop and start + size > core.start)
            along.append([slice(start, start + size) for start in starts])
        return list(product(*along))

    def weights(self) -> torch.Tensor:
        """Return the weight of each voxel of a window, above 0: those of MONAI's `compute_importance_map`.

        They are computed here, as the starts are: MONAI's import takes seconds and half a gigabyte.
        """
        weights = torch.ones(self.window)
        if self.blend == "constant":
            return weights
        for axis, size in enumerate(self.window):
            from_middle = torch.arange(size) - (size - 1) / 2
            along = torch.exp(-((from_middle / (_DEVIATION * size)) ** 2) / 2)
            weights *= along.reshape([-1 if k == axis else 1 for k in range(len(self.window))])
        return weights.clamp_(min=max(float(weights.min()), _LEAST))


def inside(window: Sequence[slice], box: Sequence[slice]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return what a window and a box share: as slices of the window, and as slices of the box.

    Args:
        window: slices with start and stop.
        box: the same, in the same coordinates.

    Example:
        >>> inside([slice(-2, 6)], [slice(0, 4)])
        ((slice(2, 6, None),), (slice(0, 4, None),))
    """
    shared = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(window, box, strict=True)]
    of_window, of_box = (
        tuple(slice(first - part.start, last - part.start) for (first, last), part in zip(shared, parts, strict=True))
        for parts in (window, box)
    )
    return of_window, of_box


def hull(windows: Sequence[Sequence[slice]], shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the smallest box of the volume that has all of the windows that is inside it.

    Args:
        windows: at least one.
        shape: of the volume.

    Example:
        >>> hull([(slice(-2, 6),), (slice(4, 12),)], (10,))
        (slice(0, 10, None),)
    """
    return tuple(
        slice(max(0, min(w[axis].start for w in windows)), min(n, max(w[axis].stop for w in windows)))
        for axis, n in enumerate(shape)
    )


def window_block(grid: WindowGrid) -> tuple[int, ...]:
    """Return the shape of a block whose windows compute little beyond it: many steps long along every axis.

    The axes along which windows overlap grow first, to 32 steps; then the shortest ones, such as the sections of a 2-D
    network, of which nothing is computed twice; to some 64 million voxels.

    Args:
        grid: of the windows.

    Example:
        >>> window_block(WindowGrid((500, 9000, 9000), (1, 128, 128), 0.5, "gaussian"))
        (16, 2048, 2048)
    """
    sizes = [min(n, step) for n, step in zip(grid.shape, grid.steps, strict=True)]
    while True:
        growing = [axis for axis, size in enumerate(sizes) if size < grid.shape[axis]]
        steps = {a: sizes[a] / grid.steps[a] for a in growing if grid.steps[a] < grid.window[a]}
        few = {axis: number for axis, number in steps.items() if number < _FEW}
        lengths = few or {axis: float(sizes[axis]) for axis in growing}
        axis = min(lengths, key=lambda a: (lengths[a], a), default=None)
        if axis is None or 2 * prod(sizes) > _BLOCK_WINDOWS:
            return tuple(sizes)
        sizes[axis] = min(2 * sizes[axis], grid.shape[axis])
