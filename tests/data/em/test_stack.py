# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import h5py
import numpy as np
import pytest

from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.open import open_em_stack, read_em_source


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


def test_cremi_geometry_of_sections_and_blocks(tmp_path, volume):
    write_cremi(tmp_path / "a.hdf", volume, volume.astype(np.uint64), offset=(400.0, 8.0, 0.0))
    source = f"{tmp_path / 'a.hdf'}::volumes/raw"
    read, geometry = read_em_source(source)
    np.testing.assert_array_equal(read, volume)
    assert geometry == EMGeometry((40, 4, 4), (400, 8, 0))
    section, geometry = read_em_source(f"{source}@3")
    np.testing.assert_array_equal(section, volume[3])
    assert geometry == EMGeometry((4, 4), (8, 0))
    block, geometry = read_em_source(f"{source}@1:3")
    np.testing.assert_array_equal(block, volume[1:3])
    assert geometry == EMGeometry((40, 4, 4), (440, 8, 0)), "the block starts one section further on"


def test_block_without_a_stated_offset_starts_at_its_section(tmp_path, volume):
    write_cremi(tmp_path / "a.hdf", volume, volume)
    assert read_em_source(f"{tmp_path / 'a.hdf'}::volumes/raw@2:4")[1].offset == (80, 0, 0)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("resolution", [40, 4, 4]), ("voxel_size", [40, 4, 4]), ("element_size_um", [0.04, 0.004, 0.004])],
)
def test_other_attributes_and_attributes_of_the_file(tmp_path, volume, attribute, value):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["stack"] = volume
        file.attrs[attribute] = value
    assert read_em_source(tmp_path / "a.h5")[1].spacing == pytest.approx((40, 4, 4))


def test_only_the_asked_sections_are_read(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    with open_em_stack(f"{tmp_path / 'a.h5'}::volumes/raw@2") as stack:
        asked = []
        fetch = stack.fetch
        object.__setattr__(stack, "fetch", lambda part: asked.append(part) or fetch(part))
        stack.read()
    assert asked == [slice(2, 3)]


@pytest.mark.parametrize("asked", ["@4", "@2:5", "@9:12"])
def test_sections_beyond_the_stack_are_refused(tmp_path, volume, asked):
    write_cremi(tmp_path / "a.h5", volume, volume)
    with pytest.raises(ValueError, match=rf"needs sections within 0..3, got .*{asked}"):
        read_em_source(f"{tmp_path / 'a.h5'}::volumes/raw{asked}")


@pytest.mark.parametrize("suffix", ["hdf", "tif", "png"])
def test_a_box(tmp_path, volume, suffix):
    """HDF5 reads the box; of what has no boxes whole sections are read and cut."""
    from monai_boundary.data.em.writer import write_em_segmentation

    path = tmp_path / f"a.{suffix}"
    if suffix == "hdf":
        write_cremi(path, volume, volume)
        path = f"{path}::volumes/raw"
    elif suffix == "tif":
        write_em_segmentation(path, volume, spacing=None)
    else:
        from PIL import Image

        path.mkdir()
        for k, section in enumerate(volume):
            Image.fromarray(section).save(path / f"{k}.png")
    with open_em_stack(f"{path}@1:4") as stack:
        box = (slice(1, 3), slice(2, 20), slice(5, 9))
        np.testing.assert_array_equal(stack.read_box(box), volume[1:4][box])
        assert stack.file_box(box) == (slice(2, 4), *box[1:])
    with open_em_stack(f"{path}@2") as stack:
        np.testing.assert_array_equal(stack.read_box(box[1:]), volume[2][box[1:]])
