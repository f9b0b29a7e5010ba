# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.volumes.table import read_table_of_paths
from tests.data.volume_layouts import write_json


def _csv(folder: Path, text: str, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "cases.csv").write_text(text, encoding="utf-8")
    return folder / "cases.csv"


def test_columns(tmp_path: Path) -> None:
    text = "case,image,label,split,patient\nx,a b.nii,a.mha,train,P1\ny,c.nii,d.nii,Validation,P2\nz,e.nii,,test,P3\n"
    found = read_table_of_paths(_csv(tmp_path, text, "a b.nii", "a.mha", "c.nii", "d.nii", "e.nii"))
    assert found.problems == ()
    assert found.items[0] == {
        "image": str(tmp_path / "a b.nii"),
        "label": str(tmp_path / "a.mha"),
        "case": "x",
        "split": "train",
        "patient": "P1",
    }
    assert [item["case"] for item in found.unlabelled] == ["z"]
    train, val = found.split()
    assert [[item["case"] for item in side] for side in (train, val)] == [["x"], ["y"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_for_each_channel(tmp_path: Path, delimiter: str) -> None:
    text = "\ufeffimage_t1,image_flair,label\na.nii,b.nii,c.nii\n".replace(",", delimiter)
    found = read_table_of_paths(_csv(tmp_path, text, "a.nii", "b.nii", "c.nii"))
    assert found.channels == ("t1", "flair")
    assert [Path(p).name for p in found.items[0]["image"]] == ["a.nii", "b.nii"]
    assert (found.items[0]["case"], found.items[0]["patient"], found.problems) == ("a", "a", ())


def test_json_with_a_description(tmp_path: Path) -> None:
    _csv(tmp_path, "", "a.nii", "b.nii", "c.nii")
    cases = [{"image": ["a.nii", "b.nii"], "label": "c.nii", "case": "Ä"}]
    file = write_json(tmp_path / "t.json", {"cases": cases, "channels": ["x", "y"], "labels": {"l": 1, "ignore": 9}})
    found = read_table_of_paths(file)
    assert (found.channels, found.labels, found.ignore_label) == (("x", "y"), {"l": 1}, 9)
    assert read_table_of_paths(write_json(tmp_path / "u.json", cases)).channels == ("image_0", "image_1")


def test_all_that_is_wrong_with_the_rows(tmp_path: Path) -> None:
    text = "image,label,split\na.nii,b.nii,train\na.nii,gone.nii,nope\n,b.nii,val\n"
    found = read_table_of_paths(_csv(tmp_path, text, "a.nii", "b.nii"))
    problems = [(p.kind, Path(p.where).name) for p in found.problems]
    assert problems == [
        ("rows of an unknown split", "row 2"),
        ("rows without an image", "row 3"),
        ("files listed twice", "a.nii"),
        ("missing files", "gone.nii"),
        ("files listed twice", "b.nii"),
        ("double names of cases", "a"),
    ]


def test_channels_that_lack_in_one_row(tmp_path: Path) -> None:
    cases = [{"image": ["a.nii", "b.nii", "c.nii"], "label": "l.nii"}, {"image": ["d.nii", "e.nii"], "label": "m.nii"}]
    _csv(tmp_path, "", *(f"{x}.nii" for x in "abcdelm"))
    found = read_table_of_paths(write_json(tmp_path / "t.json", cases))
    assert [(p.kind, p.where) for p in found.problems] == [("cases of another number of channels", "d")]


def test_a_split_without_validation(tmp_path: Path) -> None:
    found = read_table_of_paths(_csv(tmp_path, "image,label,split\na.nii,b.nii,train\n", "a.nii", "b.nii"))
    with pytest.raises(ValueError, match="`fold` needs cases for validation, got none in the split of"):
        found.split()


@pytest.mark.parametrize(
    ("text", "message"),
    [("scan,label\na,b\n", "a table with `image`, .* with scan, label"), ("image,label\n", "a table with rows")],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table_of_paths(_csv(tmp_path, text))


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("image,label\nKöln.nii,b.nii\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"needs a table in UTF-8, got .*t.csv"):
        read_table_of_paths(tmp_path / "t.csv")
