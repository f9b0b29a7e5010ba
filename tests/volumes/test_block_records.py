# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.volumes.block_records import BlockRecords


def test_a_record_is_there_when_it_is_whole(tmp_path: Path) -> None:
    records = BlockRecords(tmp_path / "count")
    assert 1234 not in records
    records.write(1234, ids=np.array([2**40]), sizes=[1.5])
    assert 1234 in records
    assert records.read(1234)["ids"].tolist() == [2**40]
    records.write(1234, ids=np.array([3]))
    assert list(records.read(1234)) == ["ids"], "it is replaced"
    assert [path.name for path in tmp_path.rglob("*.*")] == ["000001234.npz"], "nothing else is left"


@pytest.mark.parametrize("content", [b"", b"PK and nothing"])
def test_a_damaged_record_says_what_to_do(content: bytes, tmp_path: Path) -> None:
    records = BlockRecords(tmp_path)
    records.write(1, ids=np.array([3]))
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} is damaged: remove it, and run again"):
        records.read(1)
