# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import tifffile

from monai_boundary.data.em.geometry import GEOMETRY_FILE, EMGeometry
from monai_boundary.data.em.open import read_em_source

TIF_KINDS = {
    "plain": {"photometric": "minisblack"},
    "planes": {"photometric": "rgb", "planarconfig": "separate"},
    "bare": {"photometric": "minisblack", "metadata": None},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "zlib": {"photometric": "minisblack", "compression": "zlib"},
    "bigtiff": {"photometric": "minisblack", "bigtiff": True, "metadata": None},
}


@pytest.fixture
def volume(rng):
    return rng.integers(0, 60000, (4, 20, 30)).astype(np.uint16)


@pytest.mark.parametrize("kind", TIF_KINDS)
def test_tif_stack_whole_section_and_block(tmp_path, volume, kind):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, volume, **TIF_KINDS[kind])
    np.testing.assert_array_equal(read_em_source(path)[0], volume)
    np.testing.assert_array_equal(read_em_source(f"{path}@2")[0], volume[2])
    np.testing.assert_array_equal(read_em_source(f"{path}@1:3")[0], volume[1:3])


@pytest.mark.parametrize("kind", TIF_KINDS)
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.95])
def test_cut_tif_is_named(tmp_path, volume, kind, kept):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, volume, **TIF_KINDS[kind])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"cut.tif"):
        read_em_source(path)


def test_single_page_tif_is_a_section(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume[0], photometric="minisblack")
    assert read_em_source(tmp_path / "a.tif")[0].shape == (20, 30)


@pytest.mark.parametrize(("unit", "scale"), [("nm", 1.0), ("um", 1000.0), ("micron", 1000.0)])
def test_imagej_spacing(tmp_path, volume, unit, scale):
    meta = {"axes": "ZYX", "spacing": 50 / scale, "unit": unit}
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(scale / 5, scale / 4), metadata=meta)
    spacing = read_em_source(tmp_path / "a.tif")[1].spacing
    assert spacing == pytest.approx((50, 4, 5)), "x resolution is the last axis"


def test_tif_without_a_known_unit_takes_the_sidecar(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(0.2, 0.2), metadata={"axes": "ZYX"})
    assert read_em_source(tmp_path / "a.tif")[1] == EMGeometry()
    (tmp_path / GEOMETRY_FILE).write_text('{"spacing_nm": [50, 4, 4]}')
    assert read_em_source(tmp_path / "a.tif")[1].spacing == (50, 4, 4)
    assert read_em_source(f"{tmp_path / 'a.tif'}@1")[1].spacing == (4, 4)


# --- several series


def written(path, sections, **options):
    with tifffile.TiffWriter(path) as file:
        for section in sections:
            file.write(section, **options)


def test_series_that_alternate_keep_the_order_of_the_pages(tmp_path, volume):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for k, section in enumerate(volume):
            file.write(section, metadata=None, compression="zlib" if k % 2 else None)
    np.testing.assert_array_equal(read_em_source(tmp_path / "a.tif")[0], volume)
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.tif'}@2")[0], volume[2])
    written(tmp_path / "b.tif", [volume[:1], volume[1:]], photometric="minisblack")  # a section, then a stack
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'b.tif'}@1:4")[0], volume[1:])


def test_a_thumbnail_is_named_as_skipped(tmp_path, volume, caplog):
    written(tmp_path / "a.tif", [volume[0, ::4, ::4].copy(), *volume], metadata=None)
    np.testing.assert_array_equal(read_em_source(tmp_path / "a.tif")[0], volume)
    assert "a.tif: series 0 of shape (5, 8)" in caplog.text
    colour = np.zeros((40, 40, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(colour[:8, :8].copy(), photometric="rgb", metadata=None)
        file.write(volume[0], metadata=None)
    assert read_em_source(tmp_path / "b.tif")[0].shape == (20, 30)


def test_two_images_of_one_size_are_not_guessed_from(tmp_path, volume):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(volume, photometric="minisblack")
        file.write((volume // 256).astype(np.uint8), photometric="minisblack")
    with pytest.raises(ValueError, match=r"needs one stack in a file, got several images in .*a\.tif: .*uint16.*uint8"):
        read_em_source(tmp_path / "a.tif")


def test_grey_with_alpha(tmp_path, volume):
    both = np.stack([volume[0], np.full_like(volume[0], 65535)], -1)
    options = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", both, **options)
    np.testing.assert_array_equal(read_em_source(tmp_path / "a.tif")[0], volume[0])


# --- what a file states


@pytest.mark.parametrize("unit", ["microns", "um", "micrometer", "\\u00B5m"])
def test_units_of_fiji(tmp_path, volume, unit):
    metadata = {"axes": "ZYX", "spacing": 0.05, "unit": unit}
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(1 / 0.004, 1 / 0.005), metadata=metadata)
    assert read_em_source(tmp_path / "a.tif")[1].spacing == pytest.approx((50.0, 5.0, 4.0), rel=1e-6)


def test_an_unknown_unit_is_said(tmp_path, volume, caplog):
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(2, 2), metadata={"unit": "furlong"})
    assert read_em_source(tmp_path / "a.tif")[1].spacing is None
    assert "unit 'furlong' of" in caplog.text


@pytest.mark.parametrize(("unit", "scale"), [(None, 1000.0), ("nm", 1.0), ("Å", 0.1)])
def test_sizes_of_ome(tmp_path, volume, unit, scale):
    stated = {"axes": "ZYX"}
    for axis, size in (("X", 4.0), ("Y", 5.0), ("Z", 50.0)):
        stated[f"PhysicalSize{axis}"] = size
        if unit is not None:
            stated[f"PhysicalSize{axis}Unit"] = unit
    tifffile.imwrite(tmp_path / "a.ome.tif", volume, metadata=stated)
    read, geometry = read_em_source(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(read, volume)
    assert geometry.spacing == pytest.approx((50 * scale, 5 * scale, 4 * scale))
