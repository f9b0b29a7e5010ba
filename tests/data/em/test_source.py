# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.data.em import source as em_source
from monai_boundary.data.em.source import EMSource, natural_key, require_em


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


def test_a_missing_library_names_the_extra(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(em_source, "import_module", absent)
    with pytest.raises(ImportError, match=r'h5py is needed for this file: pip install "monai-boundary\[em\]"'):
        require_em("h5py")
