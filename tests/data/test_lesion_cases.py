# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.lesion_cases import LesionCase, image_files, image_stem, lesion_items, lesion_root


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
