# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path

import pytest

from monai_boundary.data import volume_datalist
from tests.data.volume_layouts import write_decathlon, write_json, write_nnunet, write_pairs


def _table(root: Path) -> Path:
    write_pairs(root, ["a.nii.gz", "b.nii.gz"], images="x", labels="y")
    text = "image,label\n" + "".join(f"x/{c}.nii.gz,y/{c}.nii.gz\n" for c in "ab")
    (root / "list.csv").write_text(text, encoding="utf-8")
    return root


MAKERS = {
    "decathlon": write_decathlon,
    "nnunet": write_nnunet,
    "paired_folders": lambda root: write_pairs(root, ["a.nii.gz", "ü b.mha"]),
    "table": _table,
}


@pytest.mark.parametrize("layout", MAKERS)
def test_layouts_are_told_apart(tmp_path: Path, layout: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = MAKERS[layout](tmp_path / "Data set ü")
    with caplog.at_level(logging.INFO):
        found = volume_datalist(folder)
    assert found.layout == layout
    assert found.problems == ()

    (line,) = caplog.messages
    assert volume_datalist(folder, layout) == found
    assert line.startswith(f"{len(found.items)} cases of {len(found.items)} patients in {found.source} ({layout})")
    for item in found.items:
        paths = item["image"] if isinstance(item["image"], list) else [item["image"]]
        assert all(Path(p).is_absolute() and Path(p).is_file() for p in [*paths, item["label"]])


def test_files_instead_of_folders(tmp_path: Path) -> None:
    assert volume_datalist(_table(tmp_path / "t") / "list.csv").layout == "table"
    assert volume_datalist(write_nnunet(tmp_path / "n") / "dataset.json").layout == "nnunet"
    cases = [{"image": "x/a.nii.gz", "label": "y/a.nii.gz"}]
    assert volume_datalist(write_json(tmp_path / "t/list.json", cases)).layout == "table"


def test_all_problems_at_once_or_in_the_result(tmp_path: Path) -> None:
    write_decathlon(tmp_path, cases=4)
    gone = [tmp_path / "imagesTr/case_1.nii.gz", tmp_path / "labelsTr/case_3.nii.gz"]
    for path in gone:
        path.unlink()
    with pytest.raises(ValueError, match=r"missing files \(2\)") as raised:
        volume_datalist(tmp_path)
    assert all(str(path) in str(raised.value) for path in gone)
    found = volume_datalist(tmp_path, strict=False)
    assert [p.where for p in found.problems] == [str(path) for path in gone]


def test_names_by_option(tmp_path: Path) -> None:
    write_nnunet(tmp_path)
    found = volume_datalist(tmp_path, channels=("a", "b"), labels={"both": [1, 2], "ignore": 3})
    assert (found.channels, found.labels, found.ignore_label) == (("a", "b"), {"both": (1, 2)}, 3)
    with pytest.raises(ValueError, match=r"`channels` needs 2 names \(T1, FLAIR in .*\), got 1: a"):
        volume_datalist(tmp_path, channels=("a",))


def test_folders_by_option(tmp_path: Path) -> None:
    write_pairs(tmp_path, ["a.nii.gz"], images="scans", labels="truth")
    found = volume_datalist(tmp_path, image_dir="scans", label_dir="truth")
    assert found.layout == "paired_folders"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"needs a dataset.json .*, two folders named images\* and labels\*, or a table .* with stray.txt"),
        ({"name": "x"}, r"`layout` is needed: dataset.json has neither .* with name"),
        ({"training": [], "labels": {"a": 1}}, "no case that has image and label"),
    ],
)
def test_what_is_no_data_set(tmp_path: Path, content: dict | None, message: str) -> None:
    (tmp_path / "stray.txt").touch()
    if content is not None:
        write_json(tmp_path / "dataset.json", content)
    with pytest.raises(ValueError, match=message):
        volume_datalist(tmp_path)


def test_other_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an existing folder or table, got 'nowhere'"):
        volume_datalist("nowhere")
    with pytest.raises(ValueError, match="`layout` needs one of 'auto', "):
        volume_datalist(tmp_path, "bids")
    with pytest.raises(ValueError, match=r"needs two folders, images\* and labels\*"):
        volume_datalist(tmp_path, "paired_folders")
    with pytest.raises(ValueError, match=r"needs the table itself, or a folder with one, got .* with none"):
        volume_datalist(tmp_path, "table")


def test_the_hippocampus(real_data) -> None:
    found = volume_datalist(real_data("Task04_Hippocampus"))
    assert (len(found.items), dict(found.labels), found.channels) == (200, {"Anterior": 1, "Posterior": 2}, ("MRI",))
    train, val = found.split(0)
    assert (len(train), len(val)) == (160, 40)
