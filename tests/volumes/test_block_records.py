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
    assert [path.name for path in tmp_path.rglob("*.*")] == ["000001234.record"], "nothing else is left"


def test_arrays_of_every_kind(tmp_path: Path) -> None:
    records = BlockRecords(tmp_path)
    arrays = {
        "masks": np.array([[True, False]]),
        "names": np.array(["low0", "high2"]),
        "none": np.zeros((0, 3), np.uint64),
        "rows": np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::2],
        "one": np.array(2.5),
    }
    records.write(1, **arrays)
    found = records.read(1)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
    found["rows"][0, 0] = 7
    assert list(records.read(1, "one", "masks")) == ["one", "masks"]


def test_a_record_that_is_cut_short(tmp_path: Path) -> None:
    records = BlockRecords(tmp_path)
    records.write(1, ids=np.arange(9))
    (file,) = tmp_path.rglob("*.record")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{file} is damaged: remove it, and run again"):
        records.read(1)


@pytest.mark.parametrize("content", [b"", b"PK and nothing", b"block record 1\n1234567890"])
def test_a_damaged_record_says_what_to_do(content: bytes, tmp_path: Path) -> None:
    records = BlockRecords(tmp_path)
    records.write(1, ids=np.array([3]))
    (file,) = tmp_path.rglob("*.record")
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} is damaged: remove it, and run again"):
        records.read(1)
