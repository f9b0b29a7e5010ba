# SPDX-License-Identifier: Apache-2.0
"""Mean and deviation of the sections of a volume larger than memory: what its grey values are normalised by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, DoubleArray, FloatArray
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.volume_source import VolumeSource

NORMALISATIONS = ("section", "volume", "share", "none")


@dataclass(frozen=True)
class GreyMoments:
    """Record the number, mean and summed squares about it of each section of a block.

    Args:
        image: grey values.
        records: of the blocks.
    """

    image: VolumeSource
    records: BlockRecords

    def __call__(self, block: Block) -> None:
        """Read the block.

        Raises:
            ValueError: if a value is NaN or infinite.
        """
        moments = []
        for k, section in enumerate(self.image.read(block.core)):  # one in float64 at a time
            greys = section.ravel().astype(np.float64)
            if not np.isfinite(greys).all():
                place = block.core[0].start + k
                raise ValueError(f"`image` needs finite values, got NaN or infinity in section {place}.")
            mean, low, high = greys.mean(), greys.min(), greys.max()
            greys -= mean
            # what is constant has no deviation, though its mean is rounded
            square = 0.0 if low == high else np.square(greys, out=greys).sum()
            moments.append((greys.size, low if low == high else mean, square))
        voxels, means, squares = (np.array(column) for column in zip(*moments, strict=True))
        self.records.write(block.index, voxels=voxels, means=means.astype(np.float64), squares=squares)


def section_moments(records: BlockRecords, grid: BlockGrid) -> DoubleArray:
    """Return number, mean and summed squares about it of the sections, shape (sections, 3).

    Args:
        records: of :class:`GreyMoments`.
        grid: of the blocks.
    """
    parts = [(block.core[0], records.read(block.index)) for block in grid]
    columns = []
    for k in range(grid.counts[0]):
        start = k * grid.block[0]
        row = [read for where, read in parts if where.start == start]
        per_block = np.stack([[read[name] for name in ("voxels", "means", "squares")] for read in row])
        columns.append(merged_moments(per_block))
    return np.concatenate(columns, axis=-1).T


def merged_moments(moments: DoubleArray) -> DoubleArray:
    """Put together what is known of parts: number, mean and summed squares about it along the second axis.

    Args:
        moments: (parts, 3, ...).

    Returns:
        Those of all parts together, (3, ...).

    Example:
        >>> merged_moments(np.array([[1.0, 4.0, 0.0], [3.0, 8.0, 6.0]])).tolist()
        [4.0, 7.0, 18.0]
    """
    voxels, means, squares = np.moveaxis(moments, 1, 0)
    total = voxels.sum(axis=0)
    mean = (voxels * means).sum(axis=0) / total
    # of equal means: their average may be rounded, and a constant volume has no deviation
    mean = np.where((means == means[0]).all(axis=0), means[0], mean)
    return np.stack([total, mean, (squares + voxels * np.square(means - mean)).sum(axis=0)])


@dataclass(frozen=True)
class GreyScale:
    """How grey values become what the network takes: each section's mean becomes 0, and its deviation 1.

    Args:
        file: of :func:`save_grey_scale`.
    """

    file: Path

    def moments(self) -> DoubleArray:
        """Return mean and deviation of all sections, (2, sections); read once for many boxes."""
        return np.asarray(np.load(self.file, mmap_mode="r"), dtype=np.float64)

    def of(self, values: AnyArray, sections: slice, moments: DoubleArray | None = None) -> FloatArray:
        """Return the normalised values, float32; a section that is constant is 0.

        Args:
            values: (z, y, x).
            sections: their place in the volume.
            moments: of :meth:`moments`, if they were read.
        """
        known = self.moments() if moments is None else moments
        scaled = np.zeros(values.shape, dtype=np.float32)
        for section, found, mean, deviation in zip(values, scaled, *known[:, sections], strict=True):
            if deviation > 0:
                found[...] = (section - mean) / deviation
        return scaled


def save_grey_scale(file: Path, sections: int, moments: DoubleArray | None, normalise: str, dtype: str) -> GreyScale:
    """Write mean and deviation by section.

    Args:
        file: ``.npy``; one that is there is replaced.
        sections: how many there are.
        moments: of :func:`section_moments`, for ``"section"`` and ``"volume"``.
        normalise: ``"section"``, each by its own; ``"volume"``, all by those of the volume; ``"share"`` of the greatest
            number that an unsigned integer can be; ``"none"``.
        dtype: of the volume.
    """
    scale = np.zeros((2, sections))
    if moments is not None:
        known = moments if normalise == "section" else np.broadcast_to(merged_moments(moments), moments.shape)
        scale[0], scale[1] = known[:, 1], np.sqrt(known[:, 2] / known[:, 0])
    else:
        scale[1] = np.iinfo(dtype).max if normalise == "share" and np.dtype(dtype).kind == "u" else 1
    with atomic_output(file, overwrite=True) as partial:
        np.save(partial, scale)
    return GreyScale(file)
