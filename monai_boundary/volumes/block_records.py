# SPDX-License-Identifier: Apache-2.0
"""What is known of each finished block: a small file per block, there whole or not at all."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray

_MAGIC = b"block record 1\n"  # then the size of the list of names, types and shapes, the list, and the arrays


@dataclass(frozen=True)
class BlockRecords:
    """The records of one stage of a job: arrays in a row, since small blocks spend their time on a zip's parts.

    Args:
        folder: where they are; it is made with the first one.

    Example:
        >>> import tempfile
        >>> records = BlockRecords(Path(tempfile.mkdtemp()) / "count")
        >>> records.write(7, voxels=np.array(12))
        >>> 7 in records, 8 in records, int(records.read(7)["voxels"])
        (True, False, 12)
    """

    folder: Path

    def __contains__(self, index: int) -> bool:
        return self._file(index).is_file()

    def write(self, index: int, **arrays: Any) -> None:
        """Keep the arrays of a block; a record that is there is replaced.

        Raises:
            OSError: if writing fails, as on a full disk.
        """
        parts = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        head = json.dumps([(name, part.dtype.str, part.shape) for name, part in parts.items()]).encode()
        with atomic_output(self._file(index), overwrite=True) as file, file.open("wb") as stream:
            stream.write(_MAGIC + len(head).to_bytes(8, "little") + head)
            for part in parts.values():
                stream.write(part.data if part.size else b"")

    def read(self, index: int, *names: str) -> dict[str, AnyArray]:
        """Return the arrays of a block.

        Args:
            index: of the block.
            *names: those that are needed; all if none is given.

        Raises:
            ValueError: if the record is damaged, with what to do.
        """
        file = self._file(index)
        found: dict[str, AnyArray] = {}
        try:
            with file.open("rb") as stream:
                start = stream.read(len(_MAGIC) + 8)
                size = int.from_bytes(start[len(_MAGIC) :], "little")
                if not start.startswith(_MAGIC) or size > file.stat().st_size:
                    raise ValueError(start)
                for name, dtype, shape in json.loads(stream.read(size)):
                    kind, count = np.dtype(dtype), math.prod(shape)
                    if names and name not in names:
                        stream.seek(count * kind.itemsize, os.SEEK_CUR)
                    else:
                        found[name] = np.frombuffer(bytearray(stream.read(count * kind.itemsize)), kind).reshape(shape)
            return {name: found[name] for name in names or found}
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"`output_dir` needs whole records, {file} is damaged: remove it, and run again."
            ) from error

    def _file(self, index: int) -> Path:
        # a thousand to a folder: file systems are slow with more
        return self.folder / f"{index // 1000:06d}" / f"{index:09d}.record"
