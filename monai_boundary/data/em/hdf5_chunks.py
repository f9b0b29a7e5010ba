# SPDX-License-Identifier: Apache-2.0
"""The chunks of an HDF5 dataset that were never written."""

from __future__ import annotations

from typing import Any

from monai_boundary.data.em.chunk_files import chunk_places

__all__ = ["absent_hdf5_chunks"]


def absent_hdf5_chunks(array: Any, box: tuple[slice, ...]) -> list[str]:
    """Return the chunks of a box that were never written, by their first voxel: HDF5 reads them as the fill value.

    Args:
        array: a chunked dataset.
        box: slices along the last axes; the axes before them are taken at 0.
    """
    absent = []
    for place in chunk_places(array.shape, array.chunks, box):
        first = tuple(k * c for k, c in zip(place, array.chunks, strict=True))
        if array.id.get_chunk_info_by_coord(first).byte_offset is None:
            absent.append(f"chunk {first} of {array.name}")
    return absent
