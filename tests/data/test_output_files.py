# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.data.output_files import (
    check_new_outputs,
    check_output_folder,
    file_stem,
    unique_output_names,
)


def held(folder):
    return sorted(p.name for p in folder.iterdir())


# --- before the work


def test_a_folder_is_made_and_left_empty(tmp_path):
    assert check_output_folder(tmp_path / "x" / "y") == tmp_path / "x" / "y"
    assert held(tmp_path / "x" / "y") == []


def test_a_folder_that_cannot_be_written_is_found(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "inner"):
        with pytest.raises(ValueError, match=f"`path` needs a folder that can be written, got {place}"):
            check_output_folder(place)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # root may write in a folder that is read-only
    with pytest.raises(ValueError, match="Permission denied"):
        check_output_folder(tmp_path)


def test_outputs_that_are_there_or_the_same(tmp_path):
    (tmp_path / "a.h5").touch()
    new = tmp_path / "b.h5"
    check_new_outputs([new])
    check_new_outputs([tmp_path / "a.h5", new], overwrite=True)
    with pytest.raises(ValueError, match=r"`overwrite` needs to be true to replace the 1 of 2 outputs .*a\.h5\.$"):
        check_new_outputs([tmp_path / "a.h5", new])
    with pytest.raises(ValueError, match=r"the same for several: .*B\.h5, .*b\.h5\.$"):
        check_new_outputs([new, tmp_path / "B.h5"], overwrite=True)


# --- names


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a.1.tif", "a.2.tif", "sample.A.h5"], ["a.1", "a.2", "sample.A"]),
        (["A/image/x.png", "B/image/x.png"], ["A_x", "B_x"]),
        (["p/A/1/x.nii.gz", "p/A/2/x.nii.gz", "p/B/1/x.nii.gz"], ["A_1_x", "A_2_x", "B_1_x"]),
        (["a-b/c/m.nii", "a/b-c/m.nii"], ["a-b_c_m", "a_b-c_m"]),
        (["x_y/z/m.nii", "x/y_z/m.nii"], ["x_y_z_m", "x_y_z_m_2"]),
        (["d/a.tif", "d/a.png", "e/a.png"], ["d_a_tif", "d_a_png", "e_a"]),
        (["x/y.h5", "z/x/y.h5"], ["y", "z_y"]),
        (["a/x.png", "A/x.png"], ["a_x", "A_x_2"]),
        (["é.tif", "e\u0301.tif"], ["é_tif", "e\u0301_tif_2"]),
        (["αβ/脳.png"], ["脳"]),
        ([], []),
    ],
)
def test_names_are_drawn_from_what_differs(sources, names):
    assert unique_output_names(sources) == names


def test_a_source_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"`sources` needs every source once, got several times: a/b\.tif\."):
        unique_output_names(["a/b.tif", "c.tif", "a/b.tif"])


def test_endings_are_part_of_what_must_differ():
    names = unique_output_names(["a.tif", "a.tif", "a_s1.tif", "x/a.tif"], ["_s1", "_s2", "", ""])
    assert names == ["a_s1", "a_s2", "a_s1_2", "x_a"]
    with pytest.raises(ValueError, match="every source once"):
        unique_output_names(["a.tif", "a.tif"], ["_s1", "_s1"])


PART = st.text("ab_.-é", min_size=1, max_size=3).filter(lambda t: t not in (".", ".."))


@given(st.lists(st.tuples(PART, PART, PART.map(lambda t: t + ".tif")), unique=True, max_size=8))
def test_no_two_names_are_ever_equal(parts):
    sources = list(dict.fromkeys("/".join(p) for p in parts))
    names = unique_output_names(sources)
    assert len({name.casefold() for name in names}) == len(sources)
    assert all("/" not in name for name in names)


def test_stems_keep_what_is_no_format():
    assert file_stem("a/b.lzf.h5") == "b"
    assert file_stem("v1.2") == "v1.2"
    assert file_stem("x.ome.tif") == "x"
    assert file_stem("t1.NII.GZ") == "t1"
