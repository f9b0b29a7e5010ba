# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.volumes.decathlon import read_decathlon
from tests.data.volume_layouts import blob, save, write_decathlon, write_json


def test_cases_channels_and_labels(tmp_path: Path) -> None:
    write_decathlon(tmp_path, cases=11)
    found = read_decathlon(tmp_path)
    assert [item["case"] for item in found.items] == [f"case_{k}" for k in range(11)]  # 10 after 9, not after 1
    assert found.items[3] == {
        "image": str(tmp_path / "imagesTr/case_3.nii.gz"),
        "label": str(tmp_path / "labelsTr/case_3.nii.gz"),
        "case": "case_3",
        "patient": "case_3",
    }
    assert (found.channels, found.labels, found.ignore_label, found.problems) == (
        ("MRI",),
        {"front": 1, "back": 2},
        None,
        (),
    )
    assert read_decathlon(tmp_path / "dataset.json") == found


def test_tests_have_no_label_and_may_be_absent(tmp_path: Path) -> None:
    write_decathlon(tmp_path, test=["./imagesTs/x.nii.gz", "./imagesTs/gone.nii.gz"])
    save(tmp_path / "imagesTs/x.nii.gz", blob(0)[0])
    found = read_decathlon(tmp_path)
    assert [item["case"] for item in found.unlabelled] == ["x"]
    assert "label" not in found.unlabelled[0]
    assert found.problems == ()


def test_all_missing_files_are_found(tmp_path: Path) -> None:
    write_decathlon(tmp_path, cases=4)
    gone = [tmp_path / "imagesTr/case_1.nii.gz", tmp_path / "labelsTr/case_3.nii.gz"]
    for path in gone:
        path.unlink()
    assert [(p.kind, p.where) for p in read_decathlon(tmp_path).problems] == [("missing files", str(p)) for p in gone]


def test_a_case_that_is_listed_twice(tmp_path: Path) -> None:
    entry = {"image": "imagesTr/case_0.nii.gz", "label": "labelsTr/case_0.nii.gz"}
    write_decathlon(tmp_path, cases=1, training=[entry, entry, {"label": "x"}])
    kinds = [p.kind for p in read_decathlon(tmp_path).problems]
    assert kinds == ["entries without an image", *["files listed twice"] * 2, "double names of cases"]


def test_the_first_nnunet_has_channels_in_files(tmp_path: Path) -> None:
    write_decathlon(tmp_path, cases=1, modality={"1": "T2", "0": "T1", "2": "T2"})
    image = tmp_path / "imagesTr/case_0.nii.gz"
    for k in range(3):
        save(tmp_path / f"imagesTr/case_0_000{k}.nii.gz", blob(k)[0])
    assert read_decathlon(tmp_path).items[0]["image"] == str(image)  # the file that is listed goes first
    image.unlink()
    found = read_decathlon(tmp_path)
    assert [Path(p).name for p in found.items[0]["image"]] == [f"case_0_000{k}.nii.gz" for k in range(3)]
    assert found.channels == ("T1", "T2_1", "T2_2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": ["MRI"]}, r"`modality` of .*dataset.json needs a name for each channel"),
        ({"modality": {"1": "MRI"}}, "`modality` of .* needs a name for each channel"),
        ({"training": {}}, "`training` of .* needs a list of cases"),
        ({"labels": {}}, "`labels` of .* needs names and ids"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    write_decathlon(tmp_path, cases=1, **changes)
    with pytest.raises(ValueError, match=message):
        read_decathlon(tmp_path)


def test_other_json_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs a dataset.json, got none at"):
        read_decathlon(tmp_path)
    write_json(tmp_path / "dataset.json", {"labels": {}})
    with pytest.raises(ValueError, match=r"needs a dataset.json with training, got .* with labels"):
        read_decathlon(tmp_path)
