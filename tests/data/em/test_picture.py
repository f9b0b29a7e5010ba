# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.open import open_em_stack, read_em_source
from monai_boundary.data.em.picture import list_pictures


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_picture_keeps_rows_and_columns(tmp_path, rng, suffix):
    values = rng.integers(0, 255, (5, 9)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    read, geometry = read_em_source(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read, values)
    assert geometry == EMGeometry()


def test_picture_modes(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    pictures = {
        "bits": (Image.fromarray(grey > 5), (grey > 5).astype(np.uint8)),
        "sixteen": (Image.fromarray(grey.astype(np.uint16) * 5000), grey.astype(np.uint16) * 5000),
        "rgb": (Image.fromarray(grey).convert("RGB"), grey),
        "rgba": (Image.fromarray(grey).convert("RGBA"), grey),
        "la": (Image.fromarray(grey).convert("LA"), grey),
        "p": (Image.fromarray(grey).convert("P"), grey),
    }
    indexed = Image.fromarray(grey).convert("P")
    indexed.putpalette([c for k in range(256) for c in (k, 255 - k, 7)])
    pictures["colours"] = (indexed, grey)
    for name, (picture, expected) in pictures.items():
        picture.save(tmp_path / f"{name}.png")
        read, _ = read_em_source(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read, expected, err_msg=name)
        with open_em_stack(tmp_path / f"{name}.png") as stack:
            assert stack.dtype == read.dtype == expected.dtype, name


def test_colour_is_refused(tmp_path):
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match=r"needs grey values, got colour \(mode RGB\) in .*c.png"):
        read_em_source(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "c.tif", np.arange(36, dtype=np.uint8).reshape(3, 4, 3), photometric="rgb")
    with pytest.raises(ValueError, match=r"needs grey values, got colour of shape \(3, 4, 3\) in .*c.tif"):
        read_em_source(tmp_path / "c.tif")


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9])
def test_cut_png_is_named(tmp_path, rng, kept):
    path = tmp_path / "07.png"
    Image.fromarray(rng.integers(0, 255, (64, 64)).astype(np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"could not read .*07.png"):
        read_em_source(path)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bits_of_a_png_with_alpha_or_colour(tmp_path, rng, channels):
    grey = rng.integers(0, 65535, (7, 5)).astype(np.uint16)
    stacked = np.stack([grey] * channels, -1)
    if channels in (2, 4):
        stacked[..., -1] = 65535
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stacked))
    read, _ = read_em_source(tmp_path / "a.png")
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, grey)
    if channels > 2:
        stacked[2, 3, 1] ^= 1
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stacked))
        with pytest.raises(ValueError, match=r"needs grey values, got colour \(16 bits\) in .*a\.png"):
            read_em_source(tmp_path / "a.png")


@pytest.mark.parametrize("level", [0, 6])
def test_a_flipped_bit_in_the_pixels_of_a_png_is_named(tmp_path, rng, level):
    path = tmp_path / "a.png"
    Image.fromarray(rng.integers(0, 255, (64, 64)).astype(np.uint8)).save(path, compress_level=level)
    whole = path.read_bytes()
    for place in range(60, len(whole) - 16, 331):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"could not read .*a\.png"):
            read_em_source(path)
    path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"could not read .*a\.png: it ends before its last part"):
        read_em_source(path)


def test_a_broken_link_is_named(tmp_path):
    (tmp_path / "3.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"got the broken link .*3\.png"):
        list_pictures(tmp_path)


def test_bids_states_the_size_of_pixels_in_json(tmp_path):
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "s_SEM.png")
    (tmp_path / "s_SEM.json").write_text('{"PixelSize": [0.1, 0.13], "PixelSizeUnits": "um"}')  # x, y
    assert read_em_source(tmp_path / "s_SEM.png")[1].spacing == (130.0, 100.0)
