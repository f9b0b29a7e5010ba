# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.data.volumes.itk_checksum import check_itk_checksum
from tests.data.volume_layouts import save

VOXELS = np.random.default_rng(0).normal(size=(8, 7, 6)).astype(np.float32)
DATA = {"a.mha": "a.mha", "a.nrrd": "a.nrrd", "a.mhd": "a.zraw", "a.nhdr": "a.raw.gz"}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("damage", ["none", "flipped", "truncated"])
def test_damage_of_compressed_voxels(tmp_path: Path, name: str, damage: str) -> None:
    path = save(tmp_path / name, VOXELS)
    data = tmp_path / DATA[name]
    whole = bytearray(data.read_bytes())
    if damage == "none":
        check_itk_checksum(path)
        return
    if damage == "flipped":
        whole[len(whole) * 2 // 3] ^= 0x10
    data.write_bytes(bytes(whole if damage == "flipped" else whole[: len(whole) // 2]))
    with pytest.raises(ValueError, match=r"the compressed voxels (are damaged|end early)"):
        check_itk_checksum(path)


def test_what_is_not_compressed_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.mha").write_bytes(b"CompressedData = False\nElementDataFile = LOCAL\n" + bytes(9))
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\nencoding: raw\n\n" + bytes(9))
    for name in ("a.mha", "a.nrrd"):
        check_itk_checksum(tmp_path / name)
