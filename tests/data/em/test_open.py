# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_boundary.data.em.open import open_em_stack, read_em_source
from monai_boundary.data.em.picture import list_pictures
from monai_boundary.data.em.source import EMSource


@pytest.fixture
def volume(rng):
    return rng.integers(0, 60000, (4, 20, 30)).astype(np.uint16)


def write_cremi(path, raw, ids, resolution=(40.0, 4.0, 4.0), offset=None):
    with h5py.File(path, "w") as file:
        for name, values in (("volumes/raw", raw), ("volumes/labels/neuron_ids", ids)):
            made = file.create_dataset(name, data=values)
            made.attrs["resolution"] = resolution
            if offset is not None:
                made.attrs["offset"] = offset


def test_folder_is_a_stack_in_natural_order(tmp_path, volume):
    for k in (0, 1, 2, 3):
        Image.fromarray(volume[k]).save(tmp_path / f"s{k * 5}.png")
    (tmp_path / "notes.txt").touch()
    Image.fromarray(volume[0]).save(tmp_path / ".hidden.png")
    assert [p.name for p in list_pictures(tmp_path)] == ["s0.png", "s5.png", "s10.png", "s15.png"]
    np.testing.assert_array_equal(read_em_source(tmp_path)[0], volume)
    np.testing.assert_array_equal(read_em_source(f"{tmp_path}@1:3")[0], volume[1:3])
    np.testing.assert_array_equal(read_em_source(f"{tmp_path}@2")[0], volume[2])


def test_folder_with_a_section_of_another_shape(tmp_path, volume):
    Image.fromarray(volume[0]).save(tmp_path / "0.png")
    Image.fromarray(volume[1, :10]).save(tmp_path / "1.png")
    with pytest.raises(ValueError, match=r"sections of one shape, \(20, 30\), got \(10, 30\) in .*1.png"):
        read_em_source(tmp_path)


def test_folder_with_a_cut_section_names_the_section(tmp_path, volume):
    for k in range(2):
        Image.fromarray(volume[k]).save(tmp_path / f"{k}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"could not read .*1\.png"):
        read_em_source(tmp_path)


def test_folder_of_stacks_is_no_stack(tmp_path, volume):
    tifffile.imwrite(tmp_path / "0.tif", volume, photometric="minisblack")
    with pytest.raises(ValueError, match=r"folder of single sections, got the stack .*0.tif"):
        read_em_source(tmp_path)


def test_what_is_no_source(tmp_path):
    with pytest.raises(ValueError, match=r"needs an existing file or folder, got .*none.png"):
        read_em_source(tmp_path / "none.png")
    with pytest.raises(ValueError, match="needs a folder with pictures"):
        read_em_source(tmp_path)
    (tmp_path / "a.doc").touch()
    with pytest.raises(ValueError, match=r"needs one of \.png .* or a folder, got .*a.doc"):
        read_em_source(tmp_path / "a.doc")


def test_errors_of_the_callers_own_block_pass_through(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    Image.fromarray(volume[0]).save(tmp_path / "0.png")
    tifffile.imwrite(tmp_path / "a.tif", volume, photometric="minisblack")
    for source in (f"{tmp_path / 'a.h5'}::volumes/raw", tmp_path / "0.png", tmp_path / "a.tif"):
        with pytest.raises(KeyError, match="mine"), open_em_stack(source):
            raise KeyError("mine")


def test_the_file_is_closed_when_the_block_ends(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    read_em_source(EMSource(tmp_path / "a.h5", "volumes/raw"))
    with h5py.File(tmp_path / "a.h5", "a") as file:  # refused while another handle reads
        file.attrs["x"] = 1
    shutil.rmtree(tmp_path)
