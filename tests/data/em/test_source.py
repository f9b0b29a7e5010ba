# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.em import source as em_source
from monai_boundary.data.em.source import GEOMETRY_FILE, EMGeometry, EMSource, natural_key, require_em, sidecar_geometry


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a/b.png", ("a/b.png", None, None, None)),
        ("a.h5::volumes/raw", ("a.h5", "volumes/raw", None, None)),
        ("a.h5::/volumes/raw/", ("a.h5", "volumes/raw", None, None)),
        ("a.h5::volumes/raw@12", ("a.h5", "volumes/raw", 12, None)),
        ("stack.tif@3:8", ("stack.tif", None, 3, 8)),
        ("me@home/stack.tif", ("me@home/stack.tif", None, None, None)),
    ],
)
def test_parse(text, parts):
    source = EMSource.parse(text)
    assert (str(source.path), source.dataset, source.start, source.stop) == parts


@pytest.mark.parametrize("text", ["a.h5::volumes/raw@12", "stack.tif@3:8", "a/b.png", "a.zarr::raw"])
def test_text_round_trip(text):
    assert str(EMSource.parse(text)) == text
    assert EMSource.parse(EMSource.parse(text)) == EMSource.parse(text)


def test_a_file_that_exists_is_taken_by_its_name(tmp_path):
    odd = tmp_path / "odd.tif@3"
    odd.touch()
    assert EMSource.parse(odd) == EMSource(odd)


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match=r"first < stop.*'a.tif@8:8'"):
        EMSource.parse("a.tif@8:8")


def test_sections_and_blocks_count_from_the_sources_own_first_section():
    block = EMSource.parse("a.tif").block(10, 20)
    assert str(block) == "a.tif@10:20"
    assert str(block.section(2)) == "a.tif@12"
    assert str(block.block(1, 4)) == "a.tif@11:14"


def test_natural_key_counts():
    names = ["s10.png", "s2.png", "S1.png", "a.png", "3.png", "20.png"]
    assert sorted(names, key=natural_key) == ["3.png", "20.png", "a.png", "S1.png", "s2.png", "s10.png"]


def test_geometry_of_the_last_axes():
    volume = EMGeometry((50.0, 4.0, 5.0), (1.0, 2.0, 3.0))
    assert volume.last(2) == EMGeometry((4.0, 5.0), (2.0, 3.0))
    assert EMGeometry((4.0, 5.0)).last(3) == EMGeometry((1.0, 4.0, 5.0), None)
    assert EMGeometry((4.0, 4.0), (1.0, 1.0)).override(EMGeometry((8.0, 8.0))) == EMGeometry((8.0, 8.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("spacing", "offset", "words"),
    [
        ([0, 4, 4], None, "spacing in x.h5` needs finite entries > 0"),
        (["a", 4, 4], None, "`spacing` in x.h5 needs numbers"),
        (5, None, "`spacing` in x.h5 needs numbers"),
        ([50, 4, 4], [0, 0], r"`offset` in x.h5 needs 3 entries \(nm per axis\), got 2"),
    ],
)
def test_bad_geometry_names_the_file(spacing, offset, words):
    with pytest.raises(ValueError, match=words):
        EMGeometry.of(spacing, offset, Path("x.h5"))


def test_sidecar_is_found_beside_and_one_folder_above(tmp_path):
    (tmp_path / "image").mkdir()
    assert sidecar_geometry(tmp_path / "image" / "0.png") == EMGeometry()
    (tmp_path / GEOMETRY_FILE).write_text('{"spacing_nm": [50, 4, 4], "offset_nm": [0, 8, 0]}')
    stated = EMGeometry((50.0, 4.0, 4.0), (0.0, 8.0, 0.0))
    assert sidecar_geometry(tmp_path / "image" / "0.png") == stated
    assert sidecar_geometry(tmp_path / "image") == stated
    assert sidecar_geometry(tmp_path / "stack.tif") == stated


@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_bad_sidecar_is_named(tmp_path, text):
    (tmp_path / GEOMETRY_FILE).write_text(text)
    with pytest.raises(ValueError, match=f"needs a JSON object, could not read .*{GEOMETRY_FILE}"):
        sidecar_geometry(tmp_path / "0.png")


def test_a_missing_library_names_the_extra(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(em_source, "import_module", absent)
    with pytest.raises(ImportError, match=r'h5py is needed for this file: pip install "monai-boundary\[em\]"'):
        require_em("h5py")
