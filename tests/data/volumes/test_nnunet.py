# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.volumes.nnunet import read_nnunet
from tests.data.volume_layouts import blob, save, write_json, write_nnunet


def test_channels_are_files_in_order(tmp_path: Path) -> None:
    found = read_nnunet(write_nnunet(tmp_path))
    assert [item["case"] for item in found.items] == ["a_1", "b_2", "c_3"]
    assert found.items[0]["image"] == [str(tmp_path / f"imagesTr/a_1_000{k}.nii.gz") for k in range(2)]
    assert found.items[0]["label"] == str(tmp_path / "labelsTr/a_1.nii.gz")
    assert (found.channels, found.problems) == (("T1", "FLAIR"), ())


def test_one_channel_is_one_path(tmp_path: Path) -> None:
    found = read_nnunet(write_nnunet(tmp_path, channels=("CT",), ending=".mha"))
    assert found.items[2]["image"] == str(tmp_path / "imagesTr/c_3_0000.mha")
    assert dict(found.channel_kinds) == {"CT": "CT"}


def test_regions_and_what_is_ignored(tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4}
    found = read_nnunet(write_nnunet(tmp_path, labels=labels, regions_class_order=[1, 2, 3]))
    assert found.labels == {"whole": (1, 2, 3), "core": (2, 3), "enhancing": 3}
    assert (found.ignore_label, found.region_order, found.label_ids) == (4, (1, 2, 3), (1, 2, 3, 4))


def test_images_to_segment(tmp_path: Path) -> None:
    write_nnunet(tmp_path)
    for k in range(2):
        save(tmp_path / f"imagesTs/neu_000{k}.nii.gz", blob(0)[0])
    (item,) = read_nnunet(tmp_path).unlabelled
    assert (item["case"], len(item["image"]), "label" in item) == ("neu", 2, False)


def test_all_that_is_wrong_with_the_files(tmp_path: Path) -> None:
    write_nnunet(tmp_path)
    images = tmp_path / "imagesTr"
    (images / "a_1_0001.nii.gz").unlink()
    (tmp_path / "labelsTr/b_2.nii.gz").unlink()
    save(images / "c_3_0002.nii.gz", blob(0)[0])
    save(images / "plain.nii.gz", blob(0)[0])
    save(tmp_path / "labelsTr/lonely.nii.gz", blob(0)[1])
    problems = {(p.kind, Path(p.where).name) for p in read_nnunet(tmp_path).problems}
    assert problems == {
        ("missing files", "a_1_0001.nii.gz"),
        ("missing files", "b_2.nii.gz"),
        ("channels that are not declared", "c_3_0002.nii.gz"),
        ("images without a channel's number (_0000)", "plain.nii.gz"),
        ("labels without an image", "lonely.nii.gz"),
    }


def test_listed_cases(tmp_path: Path) -> None:
    write_nnunet(tmp_path, cases=("a", "b"))
    listed = {"x": {"images": ["imagesTr/a_0000.nii.gz", "imagesTr/b_0001.nii.gz"], "label": "labelsTr/b.nii.gz"}}
    short = {"y": {"images": ["imagesTr/b_0000.nii.gz"], "label": "labelsTr/a.nii.gz"}}
    write_nnunet(tmp_path, cases=("a", "b"), dataset={**listed, **short})
    found = read_nnunet(tmp_path)
    assert [item["case"] for item in found.items] == ["x", "y"]
    assert [Path(p).name for p in found.items[0]["image"]] == ["a_0000.nii.gz", "b_0001.nii.gz"]
    assert [(p.kind, p.where) for p in found.problems] == [("cases of another number of channels", "y")]


def test_splits(tmp_path: Path) -> None:
    write_nnunet(tmp_path)
    splits = [{"train": ["a_1", "b_2"], "val": ["c_3"]}, {"train": ["c_3", "a_1"], "val": ["b_2"]}]
    write_json(tmp_path / "splits_final.json", splits)
    found = read_nnunet(tmp_path)
    assert found.problems == ()
    train, val = found.split(1)
    assert [[item["case"] for item in side] for side in (train, val)] == [["a_1", "c_3"], ["b_2"]]
    with pytest.raises(ValueError, match=r"`fold` needs 0\.\.1, the folds beside .*, got 2"):
        found.split(2)


def test_bad_splits(tmp_path: Path) -> None:
    write_nnunet(tmp_path)
    splits = [{"train": ["a_1", "gone"], "val": []}, {"train": ["a_1"], "val": ["a_1"]}]
    write_json(tmp_path / "splits_final.json", splits)
    found = read_nnunet(tmp_path)
    assert [(p.kind, p.where.rpartition("/")[2]) for p in found.problems] == [
        ("cases of a fold that are not there", "gone"),
        ("folds without cases", "splits_final.json, fold 0"),
        ("cases on both sides of a fold", "a_1"),
    ]
    assert [p.message.rpartition("/")[2] for p in found.problems] == [
        "splits_final.json, fold 0",
        "none for validation",
        "splits_final.json, fold 1",
    ]
    with pytest.raises(ValueError, match="`fold` needs cases for validation, got none in fold 0"):
        found.split(0)
    write_json(tmp_path / "splits_final.json", [{"train": []}])
    with pytest.raises(ValueError, match=r"needs folds with train and val, got .*splits_final.json"):
        read_nnunet(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file_ending": ".jpg"}, r"`file_ending` of .* needs one of .*, got '.jpg'"),
        ({"channel_names": {"1": "CT"}}, "`channel_names` of .* needs names for 0, 1"),
        ({"channel_names": ["CT"]}, "`channel_names` of .* needs names for 0, 1"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    write_nnunet(tmp_path, cases=("a",), **changes)
    with pytest.raises(ValueError, match=message):
        read_nnunet(tmp_path)
