# SPDX-License-Identifier: Apache-2.0
"""A volume that blocks are written into: a Zarr store with OME metadata, of which no two blocks write one chunk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray
from monai_boundary.data.em.chunk_files import ZARR_V2, ChunkFiles, make_array
from monai_boundary.volumes.block_grid import Block

LEVEL = "0"
_CHUNK = 128


@dataclass(frozen=True)
class ZarrOutput:
    """A store that is there, to write into; small enough to be sent to another machine.

    Args:
        path: of the store, a group that holds the one array ``"0"``.
    """

    path: Path

    def write(self, block: Block, values: AnyArray) -> None:
        """Write the core of a block; each chunk is there whole or not at all, those of nothing but zeros, too.

        Args:
            block: of the grid that the store was made for.
            values: of the shape of its core.

        Raises:
            OSError: if writing fails, as on a full disk.
        """
        ChunkFiles.open(self.path / LEVEL).write(block.core, values)

    def read(self, block: Block) -> AnyArray:
        """Return the core of a block."""
        return self.read_box(block.core)

    def read_box(self, box: tuple[slice, ...]) -> AnyArray:
        """Return a box of the volume."""
        return ChunkFiles.open(self.path / LEVEL).read(box)


def make_zarr_output(
    path: Path,
    shape: Sequence[int],
    block: Sequence[int],
    dtype: Any,
    *,
    spacing: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
    whole_blocks: bool = False,
) -> ZarrOutput:
    """Make a store, or take the one that is there.

    Args:
        path: of the store.
        shape: of the volume, (z, y, x).
        block: shape of the blocks that will be written: whole chunks each.
        dtype: of the voxels.
        spacing: nm per axis; without it the store states no unit.
        offset: of the first voxel, nm.
        whole_blocks: a block is one chunk, which is read fastest; else chunks have at most 128 voxels along each axis
            where the block can be divided so.

    Returns:
        The store.
    """
    if not path.exists():
        chunks = block if whole_blocks else [_divided(size) for size in block]
        with atomic_output(path) as made:
            (made / LEVEL).mkdir(parents=True)
            _write(made / ".zgroup", {"zarr_format": ZARR_V2})
            _write(made / ".zattrs", ome_attributes(path.stem, spacing, offset))
            make_array(made / LEVEL, shape, chunks, dtype)
    return ZarrOutput(path)


def ome_attributes(name: str, spacing: Sequence[float] | None, offset: Sequence[float] | None = None) -> dict[str, Any]:
    """Return what OME-Zarr 0.4 states of an image of one level.

    Args:
        name: of the image.
        spacing: nm per axis (z, y, x); without it the axes have no unit, and a voxel is 1.
        offset: of the first voxel, nm.

    Example:
        >>> stated = ome_attributes("raw", (40, 4, 4))["multiscales"][0]
        >>> stated["axes"][0], stated["datasets"][0]["coordinateTransformations"][0]["scale"]
        ({'name': 'z', 'type': 'space', 'unit': 'nanometer'}, [40.0, 4.0, 4.0])
    """
    unit = {} if spacing is None else {"unit": "nanometer"}
    steps: list[dict[str, Any]] = [{"type": "scale", "scale": [float(s) for s in spacing or (1, 1, 1)]}]
    if offset is not None and spacing is not None:
        steps.append({"type": "translation", "translation": [float(s) for s in offset]})
    image = {
        "version": "0.4",
        "name": name,
        "axes": [{"name": axis, "type": "space", **unit} for axis in "zyx"],
        "datasets": [{"path": LEVEL, "coordinateTransformations": steps}],
    }
    return {"multiscales": [image]}


def _divided(size: int) -> int:
    """The largest part of a block's side of at most 128 voxels that divides it, if it is not tiny."""
    parts = -(-size // _CHUNK)
    even = next((p for p in range(parts, 4 * parts) if size % p == 0), 1)
    return size // even


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
