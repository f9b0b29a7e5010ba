# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from monai_boundary.data.volumes.paired_folders import find_folder_pair, read_paired_folders
from tests.data.volume_layouts import write_pairs


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def _read(root: Path, channels: tuple[str, ...] = ("image",)):
    return read_paired_folders(root / "images", root / "labels", channels)


def test_names_of_any_script(tmp_path: Path) -> None:
    names = ["Fall 7 – Köln.nii.gz", "患者 三.nrrd", "Пётр (2).mha", "a&b <c>.nii"]
    found = _read(write_pairs(tmp_path, names))
    assert {item["case"] for item in found.items} == {"Fall 7 – Köln", "患者 三", "Пётр (2)", "a&b <c>"}
    assert all(Path(item["image"]).name == Path(item["label"]).name for item in found.items)
    assert found.problems == ()


def test_composed_and_decomposed_letters_are_one_name(tmp_path: Path) -> None:
    _touch(tmp_path, "images/" + unicodedata.normalize("NFD", "Köln.mha"), "labels/Köln.nii.gz")
    found = _read(tmp_path)
    assert [item["case"] for item in found.items] == ["Köln"]


def test_formats_may_differ_and_words_at_the_end_do_not_count(tmp_path: Path) -> None:
    _touch(tmp_path, "images/a_1_t1.mha", "images/a_2_t1.mha", "labels/a_1_seg.nrrd", "labels/a_2_seg.nii")
    found = _read(tmp_path)
    assert [(i["case"], Path(i["label"]).name) for i in found.items] == [
        ("a_1", "a_1_seg.nrrd"),
        ("a_2", "a_2_seg.nii"),
    ]


def test_a_label_may_continue_its_image_s_name(tmp_path: Path) -> None:
    """By the longest name that fits, and whatever follows it; where one label continues none, by their ends."""
    images = ("images/p_1.nii", "images/p_1_b.nii", "images/p_10.nii")
    _touch(tmp_path, *images, "labels/p_1_seg-manual.nii", "labels/p_1_b-mask.nii", "labels/p_10 truth 2.nii")
    found = _read(tmp_path)
    assert {i["case"]: Path(i["label"]).name for i in found.items} == {
        "p_1": "p_1_seg-manual.nii",
        "p_1_b": "p_1_b-mask.nii",
        "p_10": "p_10 truth 2.nii",
    }
    assert found.problems == ()
    _touch(tmp_path / "one", "images/spleen_ct.nii.gz", "labels/spleen_ct_seg-manual.nii.gz")
    assert [item["case"] for item in _read(tmp_path / "one").items] == ["spleen_ct"]
    _touch(tmp_path / "two", "images/a.nii", "images/b.nii", "labels/a_seg.nii", "labels/a_seg2.nii")
    assert {problem.kind for problem in _read(tmp_path / "two").problems} == {"double labels", "images without a label"}


def test_channels_that_nothing_describes(tmp_path: Path) -> None:
    """Files of nnU-Net without its dataset.json: said once, before the files that then have no partner."""
    _touch(tmp_path, *(f"images/{case}_{k:04d}.nii" for case in "ab" for k in range(2)), "labels/a.nii", "labels/b.nii")
    first = _read(tmp_path).problems[0]
    assert (first.kind, first.where) == ("channels that nothing describes", str(tmp_path / "images"))
    assert "dataset.json" in first.message
    assert _read(tmp_path, ("T1", "FLAIR")).problems == ()


@pytest.mark.parametrize("end", ["", "_seg", "-mask 2"])
def test_numbers_of_four_digits_are_names_where_labels_have_them(tmp_path: Path, end: str) -> None:
    """Not channels of one case, of which nothing is known and whose labels have no image."""
    numbers = ("0000", "0001", "0012", "2019")
    _touch(tmp_path, *(f"images/case_{n}.nii.gz" for n in numbers), *(f"labels/case_{n}{end}.nii.gz" for n in numbers))
    found = _read(tmp_path)
    assert found.problems == ()
    assert [(item["case"], Path(item["label"]).name) for item in found.items] == [
        (f"case_{n}", f"case_{n}{end}.nii.gz") for n in numbers
    ]


def test_channels_by_number(tmp_path: Path) -> None:
    _touch(tmp_path, *(f"images/{c}_000{k}.nii" for c in "ab" for k in range(2)), "labels/a.nii", "labels/b.nii")
    found = _read(tmp_path, ("t1", "t2"))
    assert [[Path(p).name for p in item["image"]] for item in found.items] == [
        ["a_0000.nii", "a_0001.nii"],
        ["b_0000.nii", "b_0001.nii"],
    ]
    (tmp_path / "images/b_0001.nii").unlink()
    found = _read(tmp_path, ("t1", "t2"))
    assert [item["case"] for item in found.items] == ["a"]
    assert [(p.kind, p.where) for p in found.problems] == [("channels that are missing", "b")]


def test_folders_of_patients(tmp_path: Path) -> None:
    _touch(tmp_path, *(f"{side}/{p}/day{d}.nii" for side in ("images", "labels") for p in ("P1", "P2") for d in (1, 2)))
    found = _read(tmp_path)
    assert [(item["case"], item["patient"]) for item in found.items][1:3] == [("P1-day2", "P1"), ("P2-day1", "P2")]


def test_all_unmatched_and_double_files_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "images/a.nii", "images/b.nii", "images/c.nii", "images/c.mha", "images/notes.txt")
    _touch(tmp_path, "labels/c.nii", "labels/d.nii", "labels/e.nii")
    problems = {(p.kind, Path(p.where).name) for p in _read(tmp_path).problems}
    assert problems == {
        ("double images", "c"),
        ("images without a label", "a.nii"),
        ("images without a label", "b.nii"),
        ("labels without an image", "d.nii"),
        ("labels without an image", "e.nii"),
    }


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("images", "labels", "notes"), ("images", "labels")),
        (("imagesTr", "imagesTs", "labelsTr"), ("imagesTr", "labelsTr")),
        (("Images_CT", "segmentations"), ("Images_CT", "segmentations")),
        (("scans", "labels"), None),
    ],
)
def test_which_folder_is_which(tmp_path: Path, folders: tuple[str, ...], expected: tuple[str, str] | None) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    pair = find_folder_pair(tmp_path)
    assert (pair and tuple(path.name for path in pair)) == expected


def test_folders_by_option(tmp_path: Path) -> None:
    for name in ("scans", "labels_a", "labels_b"):
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=r"`label_dir` is needed: labels_a, labels_b in .* could be it"):
        find_folder_pair(tmp_path, "scans")
    pair = find_folder_pair(tmp_path, "scans", "labels_b")
    assert pair == (tmp_path / "scans", tmp_path / "labels_b")
    with pytest.raises(ValueError, match=r"`image_dir` needs a folder in .* \(labels_a, labels_b, scans\), got 'ct'"):
        find_folder_pair(tmp_path, "ct")
