# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import h5py

from monai_boundary.data.em.hdf5_chunks import absent_hdf5_chunks


def test_chunks_that_hdf5_never_wrote(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("main", (2, 8, 8), "u1", chunks=(2, 4, 4))
        made[:, :4, :4] = 1
        assert absent_hdf5_chunks(made, (slice(0, 2), slice(2, 6), slice(0, 4))) == ["chunk (0, 4, 0) of /main"]
        assert absent_hdf5_chunks(made, (slice(0, 1), slice(0, 4), slice(1, 2))) == []
