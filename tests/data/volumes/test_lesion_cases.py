# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.data.volumes.lesion_cases import (
    LesionCase,
    image_files,
    image_stem,
    joined_names,
    lesion_items,
    lesion_root,
)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("FLAIR.nii.gz", "FLAIR"),
        ("a.b.12.nii", "a.b.12"),
        ("x.MHA", "x"),
        ("x.nrrd", "x"),
        ("dwi.json", None),
        (".7-FLAIR.nii.gz", None),
        ("._FLAIR.nii.gz", None),
        ("nii.gz.txt", None),
    ],
)
def test_stem(name: str, stem: str | None) -> None:
    assert image_stem(Path("folder.nii") / name) == stem


def test_image_files(tmp_path: Path) -> None:
    for name in ("FLAIR.nii.gz", "flair.nii", "t1.nii", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.nii").mkdir()
    found = image_files(tmp_path)
    assert {name: len(files) for name, files in found.items()} == {"flair": 2, "t1": 1}
    assert image_files(tmp_path / "none") == {}


def test_items_are_in_natural_order() -> None:
    cases = [LesionCase(f"p{k}", Path(), images={"t1": [Path(f"{k}.nii")]}, labels=[Path("l.nii")]) for k in (10, 9, 1)]
    items = lesion_items(cases, "T1", require_labels=True)
    assert [item["patient"] for item in items] == ["p1", "p9", "p10"]
    assert items[0] == {"t1": "1.nii", "label": "l.nii", "case": "p1", "patient": "p1"}


CASE = LesionCase("p", Path("f"), images={"t1": [Path("a.nii"), Path("b.nii")], "dwi": [Path("c.nii")]})


@pytest.mark.parametrize(
    ("modalities", "message"),
    [
        (("t1",), "`modalities` needs one file of 't1' for patient 'p', got 2: a.nii, b.nii"),
        (("flair",), r"`modalities` needs one file of 'flair' for patient 'p', got none in f \(images: dwi, t1\)"),
        (("dwi",), "`require_labels` needs one file of 'label' for patient 'p', got none in f"),
        ((), r"`modalities` needs different names of modalities, got \[\]"),
        (("dwi", "DWI"), "`modalities` needs different names"),
        (("label",), "`modalities` needs different names"),
    ],
)
def test_bad_cases(modalities: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lesion_items([CASE], modalities, require_labels=True)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`dataset_dir` needs an existing folder, got 'nowhere'"):
        lesion_root("nowhere")


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ([("a", "b"), ("a", "c")], ["a-b", "a-c"]),
        ([("a-b", "c"), ("a", "b-c"), ("d-e",)], ["a-b_c", "a_b-c", "d-e"]),
        ([("a-b", "c"), ("a", "b-c"), ("a-b_c",)], ["a-b+c", "a_b-c", "a-b_c"]),
        ([("S", "p"), ("s", "P")], ["S-p", "s-P_2"]),
    ],
)
def test_names_of_folders_differ(parts: list[tuple[str, ...]], names: list[str]) -> None:
    assert joined_names(parts) == names


@given(st.lists(st.lists(st.text("aA-_+=~@", min_size=1, max_size=3), min_size=1, max_size=3).map(tuple), unique=True))
def test_no_two_folders_share_a_name(parts: list[tuple[str, ...]]) -> None:
    names = joined_names(parts)
    assert len({name.casefold() for name in names}) == len(parts)
    assert not any("/" in name for name in names)


def test_what_was_found_is_one_line_and_what_was_not_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cases = [
        LesionCase(f"p{k}", tmp_path, "p", {"t1": [tmp_path / f"p{k}" / "t1.nii"]}, [tmp_path / "labels" / f"{k}.nii"])
        for k in range(4)
    ]
    lesion_items(cases, "t1", True, tmp_path, [f"file{k}" for k in range(7)])
    assert [record.getMessage() for record in caplog.records] == [
        f"4 cases of 1 patients below {tmp_path}: t1 in 4 folders, p0 to p3; 4 labels in labels.",
        f"Not taken, 7 below {tmp_path}: file0, file1, file2, file3, file4 and 2 more.",
    ]
