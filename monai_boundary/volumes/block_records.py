# SPDX-License-Identifier: Apache-2.0
"""What is known of each finished block: a small file per block, there whole or not at all."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray


@dataclass(frozen=True)
class BlockRecords:
    """The records of one stage of a job.

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
        with atomic_output(self._file(index), overwrite=True) as file:
            np.savez(file, **arrays)

    def read(self, index: int, *names: str) -> dict[str, AnyArray]:
        """Return the arrays of a block.

        Args:
            index: of the block.
            *names: those that are needed; all if none is given.

        Raises:
            ValueError: if the record is damaged, with what to do.
        """
        file = self._file(index)
        try:
            with np.load(file) as arrays:
                return {name: arrays[name] for name in names or arrays.files}
        except (zipfile.BadZipFile, EOFError, ValueError) as error:
            raise ValueError(
                f"`output_dir` needs whole records, {file} is damaged: remove it, and run again."
            ) from error

    def _file(self, index: int) -> Path:
        # a thousand to a folder: file systems are slow with more
        return self.folder / f"{index // 1000:06d}" / f"{index:09d}.npz"
