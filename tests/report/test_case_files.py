# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_boundary.report import CaseFile, case_of_file, list_case_files, match_cases
from monai_boundary.report.case_files import match_images


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("hippocampus_001.nii.gz", "hippocampus_001"),
        ("hippocampus_001_0000.nii.gz", "hippocampus_001"),  # nnU-Net's first channel
        ("hippocampus_001_0001.nii.gz", "hippocampus_001_0001"),
        ("BraTS2021_00006_seg.nii.gz", "BraTS2021_00006"),
        ("BraTS-GLI-00006-000-seg.nii.gz", "BraTS-GLI-00006-000"),
        ("case_pred.MHA", "case"),
        ("case_prediction_seg.nrrd", "case"),
        ("sub-strokecase0001_ses-0001_msk.nii.gz", "sub-strokecase0001_ses-0001"),
        ("patient07_lesion.nii.gz", "patient07"),
        ("seg_07.png", "07"),
        ("train-gt.lzf.h5", "train"),
        ("ground_truth-3.tif", "3"),
        ("target_prediction", ""),
        ("segmental.nii", "segmental"),  # a word within a word is none
        ("Größe_β_mask.nii.gz", "Größe_β"),
        ("v1.2.nii.gz", "v1.2"),
        ("caf\udce9.nii", "caf\\udce9"),  # a byte that is no UTF-8
    ],
)
def test_names(name: str, case: str) -> None:
    assert case_of_file(Path(name)) == case


def test_what_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "b.nii.gz", "a10.mha", "a2.mha", ".hidden.nii.gz", "dataset.json", "plans.pkl", "x.zarr/0/0.0")
    touch(tmp_path, "sub/stack/1.png", "sub/stack/2.png", "sub/p7/seg.nii.gz", "alone.hdr")
    found = {file.case: file.path.relative_to(tmp_path).as_posix() for file in list_case_files(tmp_path)}
    assert found == {
        "a2": "a2.mha",
        "a10": "a10.mha",
        "b": "b.nii.gz",
        "x": "x.zarr",
        "stack": "sub/stack",
        "p7": "sub/p7/seg.nii.gz",
    }
    assert list(found)[:2] == ["a2", "a10"]
    assert [file.case for file in list_case_files(tmp_path, "*.nii.gz")] == ["b", "p7"]


def test_links_are_followed_and_a_circle_ends(tmp_path: Path) -> None:
    touch(tmp_path / "far", "p1/seg.nii")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "p2").symlink_to(tmp_path / "far" / "p1")
    (tmp_path / "far" / "p1" / "back").symlink_to(tmp_path / "root")
    assert [file.case for file in list_case_files(tmp_path / "root")] == ["p2"]


def test_a_root_of_pictures_is_cases_and_not_one_stack(tmp_path: Path) -> None:
    for name in ("s1.png", "s2.png"):
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / name)
    assert [file.case for file in list_case_files(tmp_path)] == ["s1", "s2"]


def test_no_folder_and_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`folder` needs a folder of segmentations, got 'nowhere'"):
        list_case_files("nowhere")
    touch(tmp_path, "readme.txt")
    with pytest.raises(ValueError, match=r"needs segmentations \(.nii.gz .*found none in"):
        list_case_files(tmp_path)
    with pytest.raises(ValueError, match=r"needs segmentations named '\*.mha'"):
        list_case_files(tmp_path, "*.mha")


def files(*names: str) -> list[CaseFile]:
    paths = [Path(name) for name in names]
    return [CaseFile(case_of_file(p), "" if p.parent == Path() else p.parent.as_posix(), p) for p in paths]


def test_matched_by_name_and_what_is_left_is_listed() -> None:
    found = match_cases(
        files("Case_10_pred.nii.gz", "case_2.mha", "stray.nii"), files("case_2-seg.nii.gz", "case_10.nii", "other.nii")
    )
    assert [(p.case, str(p.prediction), str(p.truth)) for p in found.pairs] == [
        ("case_2", "case_2.mha", "case_2-seg.nii.gz"),
        ("case_10", "Case_10_pred.nii.gz", "case_10.nii"),
    ]
    assert found.predictions_alone == [Path("stray.nii")]
    assert found.truths_alone == [Path("other.nii")]


def test_a_name_in_several_folders_is_told_by_the_folders() -> None:
    found = match_cases(files("p1/day1.nii", "p2/day1.nii"), files("p2/day1_seg.nii", "p1/day1_seg.nii"))
    assert [(pair.case, str(pair.prediction)) for pair in found.pairs] == [
        ("p1/day1", "p1/day1.nii"),
        ("p2/day1", "p2/day1.nii"),
    ]


@pytest.mark.parametrize("side", ["predictions", "truths"])
def test_a_name_that_matches_twice_is_an_error(side: str) -> None:
    twice, once = files("a_pred.nii", "a.mha", "b.nii"), files("a.nii", "b.nii")
    with pytest.raises(
        ValueError, match=rf"`{side}` needs one file for each case, got several for 1: a: a_pred.nii, a.mha"
    ):
        match_cases(*((twice, once) if side == "predictions" else (once, twice)))


def test_images_of_cases() -> None:
    """The image of the same name first; then the first modality; a segmentation is none, and a10 is not a1's."""
    listed = files("a1.nii", "a1_seg.nii", "a10_t1.nii", "b_seg.nii", "b-flair.nii", "b-t1.nii", "c_mask.nii")
    found = match_images(listed, ["a1", "x/a10", "b", "c"])
    assert {case: [path.name for path in paths] for case, paths in found.items()} == {
        "a1": ["a1.nii"],
        "x/a10": ["a10_t1.nii"],
        "b": ["b-flair.nii", "b-t1.nii"],
    }


def test_images_in_the_folder_of_a_case(tmp_path: Path) -> None:
    """As in WMH: all patients' images have one name, and their folders tell them apart."""
    names = (
        "A/0/pre/FLAIR.nii",
        "A/0/pre/T1.nii",
        "A/0/wmh.nii",
        "A/10/pre/FLAIR.nii",
        "B/1/FLAIR.nii",
        "C/1/FLAIR.nii",
    )
    listed = list_case_files(touch(tmp_path, *names))
    found = match_images(listed, ["0", "10", "1", "C/1", "B-1", "2"])
    assert {case: [path.relative_to(tmp_path).as_posix() for path in paths] for case, paths in found.items()} == {
        "0": ["A/0/pre/FLAIR.nii", "A/0/pre/T1.nii"],
        "10": ["A/10/pre/FLAIR.nii"],
        "B-1": ["B/1/FLAIR.nii"],
        "C/1": ["C/1/FLAIR.nii"],  # of "1" alone nobody knows whether B's or C's is meant
    }


def test_images_of_cases_that_only_their_folders_tell_apart(tmp_path: Path) -> None:
    """Each has the file of its own folder, not the first of that name; of one file for two cases nobody knows."""
    listed = list_case_files(touch(tmp_path, "x/A/0.nii", "x/B/0_t1.nii", "x/B/0.nii", "7.nii", "aA/1.nii"))
    found = match_images(listed, ["A/0", "B/0", "C/0", "A/7", "B/7", "A/1"])
    assert {case: [path.relative_to(tmp_path).as_posix() for path in paths] for case, paths in found.items()} == {
        "A/0": ["x/A/0.nii"],
        "B/0": ["x/B/0.nii", "x/B/0_t1.nii"],
        "A/1": ["aA/1.nii"],  # there is no other of this name
    }


def test_predictions_named_after_folders(tmp_path: Path) -> None:
    """As the bundles call them: a name and its folders joined; of two truths that would be one, neither is."""
    truths = list_case_files(touch(tmp_path / "t", "A/0/wmh.nii", "A/1/wmh.nii", "B/c/2_seg.nii", "B-c/2_seg.nii"))
    names = ("A-0_lesions.nii", "a_1.nii", "B-c-2.nii", "A-3.nii")
    found = match_cases(list_case_files(touch(tmp_path / "p", *names)), truths)
    pairs = {
        pair.case: (pair.prediction.name, pair.truth.relative_to(tmp_path / "t").as_posix()) for pair in found.pairs
    }
    assert pairs == {"A-0": ("A-0_lesions.nii", "A/0/wmh.nii"), "a_1": ("a_1.nii", "A/1/wmh.nii")}
    assert [path.name for path in found.predictions_alone] == ["A-3.nii", "B-c-2.nii"]
    assert len(found.truths_alone) == 2


def test_two_predictions_named_after_one_folder_are_an_error() -> None:
    """One of them would have been left out, whichever came first."""
    with pytest.raises(ValueError, match=r"`predictions` needs one file for each case, .* one truth: A-0.nii, A_0.nii"):
        match_cases(files("A-0.nii", "A_0.nii"), files("A/0.nii"))
