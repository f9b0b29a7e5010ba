# SPDX-License-Identifier: Apache-2.0
"""A volume cut into blocks: the voxels that each one is responsible for, and those that it looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

BLOCK_VOXELS = 2**24
"""Voxels of a block whose shape is not given, at most (unless one chunk is larger)."""
PART_VOXELS = 2**21
"""Voxels of what is read at once of a block whose parts can be read one by one, by the same rule."""


@dataclass(frozen=True)
class Block:
    """One block: ``core`` are its own voxels, ``outer`` those with the halo, as slices of the volume.

    ``place`` is its place in the grid, and ``index`` its number in raster order of the grid.
    """

    index: int
    place: tuple[int, ...]
    core: tuple[slice, ...]
    outer: tuple[slice, ...]

    @property
    def inner(self) -> tuple[slice, ...]:
        """The core as slices of what is read of ``outer``."""
        pairs = zip(self.core, self.outer, strict=True)
        return tuple(slice(core.start - outer.start, core.stop - outer.start) for core, outer in pairs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the core."""
        return tuple(part.stop - part.start for part in self.core)

    def __str__(self) -> str:
        return f"block {self.index} at {tuple(part.start for part in self.core)} of shape {self.shape}"


@dataclass(frozen=True)
class BlockGrid:
    """The blocks of a volume: their cores are disjoint and cover it; those at the upper ends may be smaller.

    Args:
        shape: of the volume.
        block: shape of a core.
        halo: voxels that a block looks at beyond its core, along each axis and on both sides, inside the volume.

    Raises:
        ValueError: if the lengths differ, a size is below 1 or a halo below 0.

    Example:
        >>> grid = BlockGrid((5, 4), (3, 4), (1, 1))
        >>> len(grid), grid[1].core[0], grid[1].outer[0]
        (2, slice(3, 5, None), slice(2, 5, None))
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]
    halo: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, values, least in (("shape", self.shape, 1), ("block", self.block, 1), ("halo", self.halo, 0)):
            if len(values) != len(self.shape) or min(values, default=0) < least:
                raise ValueError(
                    f"`{name}` needs {len(self.shape)} entries >= {least} (voxels per axis), got {values}."
                )

    @property
    def counts(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return tuple(-(-n // b) for n, b in zip(self.shape, self.block, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __iter__(self) -> Iterator[Block]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Block:
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = tuple(int(k) for k in np.unravel_index(index, self.counts))
        core, outer = [], []
        for k, n, size, halo in zip(place, self.shape, self.block, self.halo, strict=True):
            start, stop = k * size, min((k + 1) * size, n)
            core.append(slice(start, stop))
            outer.append(slice(max(0, start - halo), min(n, stop + halo)))
        return Block(index, place, tuple(core), tuple(outer))

    def next_along(self, block: Block, axis: int, step: int = 1) -> int | None:
        """Return the index of the block that follows along an axis, or ``None`` at the end; ``step`` -1 goes back."""
        place = list(block.place)
        place[axis] += step
        there = 0 <= place[axis] < self.counts[axis]
        return int(np.ravel_multi_index(place, self.counts)) if there else None


def chosen_block(
    block: Sequence[int] | int | None, shape: Sequence[int], chunks: Sequence[int] | None
) -> tuple[int, ...]:
    """Return the shape of a block: the given one, or the chunks of the store doubled until they would be too large.

    Args:
        block: voxels per axis; one number is every axis; ``None`` lets the chunks decide.
        shape: of the volume, which no block exceeds.
        chunks: of the store; without any, a chunk is a section of at most 256 x 256 voxels.

    Raises:
        ValueError: if ``block`` has another number of axes, or an entry below 1.

    Example:
        >>> chosen_block(None, (1000, 1000, 1000), (64, 64, 64)), chosen_block((8, 2000, 50), (1000, 1000, 1000), None)
        ((256, 256, 256), (8, 1000, 50))
    """
    if block is not None:
        given = (block,) * len(shape) if isinstance(block, int) else tuple(int(b) for b in block)
        if len(given) != len(shape) or min(given) < 1:
            raise ValueError(f"`block` needs {len(shape)} entries >= 1 (voxels per axis), got {given}.")
        return tuple(min(b, n) for b, n in zip(given, shape, strict=True))
    sizes = _doubled(chunks or (1, 256, 256)[-len(shape) :], shape, BLOCK_VOXELS)
    return tuple(min(size, n) for size, n in zip(sizes, shape, strict=True))


def whole_chunks(box: tuple[slice, ...], *chunks: Sequence[int] | None) -> Iterator[tuple[slice, ...]]:
    """Return a box cut into parts that can be read one by one: no chunk of any of the stores lies in two of them.

    A part has at most ``PART_VOXELS``, unless one chunk has more: it stays in the processor's cache.

    Args:
        box: slices of the volume, with start and stop.
        *chunks: of each store; if there is one without any, the box is one part.

    Example:
        >>> parts = whole_chunks((slice(0, 256), slice(0, 256), slice(8, 384)), (64, 128, 128), (128, 64, 128))
        >>> [part[2] for part in parts][:3]
        [slice(8, 128, None), slice(128, 256, None), slice(256, 384, None)]
    """
    if any(size is None for size in chunks):
        return iter([box])
    common = [math.lcm(*sizes) for sizes in zip(*(size for size in chunks if size is not None), strict=True)]
    sizes = _doubled(common, [part.stop - part.start for part in box], PART_VOXELS)
    cuts = [
        sorted({part.start, part.stop, *range(part.start + -part.start % size, part.stop, size)})
        for part, size in zip(box, sizes, strict=True)
    ]
    return product(*([slice(*ends) for ends in pairwise(axis)] for axis in cuts))


def _doubled(chunks: Sequence[int], shape: Sequence[int], voxels: int) -> list[int]:
    """Chunks doubled along the shortest axis, so that they come near to cubes, until they would be too large."""
    sizes = list(chunks)
    while True:
        held = [min(size, n) for size, n in zip(sizes, shape, strict=True)]
        growing = [axis for axis, n in enumerate(shape) if sizes[axis] < n]
        axis = min(growing, key=lambda a: (sizes[a], -a), default=None)
        if axis is None or 2 * math.prod(held) > voxels:
            return sizes
        sizes[axis] *= 2


def centre_halo(radius: float, spacing: tuple[float, ...], per_section: bool) -> tuple[int, ...]:
    """Return how far beyond a block a voxel can be whose centre is nearer than the radius, in voxels along each axis.

    Args:
        radius: in the unit of ``spacing``.
        spacing: size of a voxel along each axis.
        per_section: distances are taken in each section alone.

    Example:
        >>> centre_halo(12.0, (40.0, 4.0, 4.0), False)
        (1, 3, 3)
    """
    reach = [math.ceil(radius / size * (1 - 1e-9)) for size in spacing]
    return (0 if per_section else reach[0], *reach[1:])


def face_halo(radius: float, spacing: tuple[float, ...], per_section: bool) -> tuple[int, ...]:
    """Return how far beyond a block a voxel can be whose near face is within the radius, in voxels along each axis.

    A distance map is measured to faces, half a voxel before the centres that :func:`centre_halo` is about: of those a
    voxel less is needed, and of faces one less would be wrong. At most one voxel more than is needed.

    Args:
        radius: in the unit of ``spacing``.
        spacing: size of a voxel along each axis.
        per_section: distances are taken in each section alone.

    Example:
        >>> face_halo(10.0, (40.0, 4.0, 4.0), False), face_halo(10.0, (40.0, 4.0, 4.0), True)
        ((1, 4, 4), (0, 4, 4))
    """
    reach = [math.ceil(radius / size * (1 + 1e-9) + 0.5) for size in spacing]
    return (0 if per_section else reach[0], *reach[1:])
