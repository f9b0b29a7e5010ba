# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.transforms import Compose, LoadImaged

from monai_boundary.data import BRATS_MODALITIES, brats_datalist
from monai_boundary.transforms import TumourRegionsd
from tests.data.nifti_files import LAS, LPS, label, write
from tests.data.volume_trees import Patient, patients, put, tree

LATE = {"t1ce": "t1c", "t1": "t1n", "t2": "t2w", "flair": "t2f", "seg": "seg"}


def case(folder: Path, suffixes: str = "t1ce t1 t2 flair seg", mark: str = "_", end: str = ".nii.gz") -> Path:
    """Write a case whose files are named after its folder; each image holds a value of its own."""
    for k, suffix in enumerate(suffixes.split()):
        voxels = label(1, 2, 4) if suffix == "seg" else np.full((6, 6, 3), k + 1, dtype=np.int16)
        write(folder / f"{folder.name}{mark}{suffix}{end}", voxels)
    return folder


def test_every_year(tmp_path: Path) -> None:
    case(tmp_path / "MICCAI_BraTS_2018_Data_Training" / "HGG" / "Brats18_2013_10_1")
    case(tmp_path / "MICCAI_BraTS_2018_Data_Training" / "LGG" / "Brats18_2013_2_1")
    case(tmp_path / "BraTS20_Training_001", end=".nii")
    case(tmp_path / "BraTS2021_00006")
    case(tmp_path / "BraTS-GLI-00005-001", "t1c t1n t2w t2f seg", mark="-")
    items = {item["case"]: item for item in brats_datalist(tmp_path)}
    assert list(items) == [
        "Brats18_2013_2_1",
        "Brats18_2013_10_1",
        "BraTS20_Training_001",
        "BraTS2021_00006",
        "BraTS-GLI-00005-001",
    ]
    assert items["BraTS2021_00006"]["image"] == [
        str(tmp_path / "BraTS2021_00006" / f"BraTS2021_00006_{suffix}.nii.gz")
        for suffix in ("t1ce", "t1", "t2", "flair")
    ]
    assert items["BraTS-GLI-00005-001"]["image"] == [
        str(tmp_path / "BraTS-GLI-00005-001" / f"BraTS-GLI-00005-001-{suffix}.nii.gz")
        for suffix in ("t1c", "t1n", "t2w", "t2f")
    ]
    assert items["BraTS20_Training_001"]["label"].endswith("BraTS20_Training_001_seg.nii")
    assert items["Brats18_2013_2_1"]["site"] == "MICCAI_BraTS_2018_Data_Training/LGG"
    assert items["BraTS2021_00006"]["site"] == ""
    assert [item["patient"] for item in items.values()][2:] == [
        "BraTS20_Training_001",
        "BraTS2021_00006",
        "BraTS-GLI-00005",
    ]


def test_time_points_of_one_patient(tmp_path: Path) -> None:
    for name in ("BraTS-GLI-00005-000", "BraTS-GLI-00005-001", "BraTS-MET-00005-000"):
        case(tmp_path / name, "t1c t1n t2w t2f seg", mark="-")
    assert [item["patient"] for item in brats_datalist(tmp_path)] == [*["BraTS-GLI-00005"] * 2, "BraTS-MET-00005"]


def test_channels_are_in_the_order_asked_for(tmp_path: Path) -> None:
    folder = case(tmp_path / "BraTS2021_00006")
    for modalities, values in ((BRATS_MODALITIES, [1, 2, 3, 4]), (("flair", "T1c"), [4, 1]), ("t1c", [1])):
        (item,) = brats_datalist(folder, modalities=modalities)
        loaded = LoadImaged(["image", "label"], ensure_channel_first=True)(item)
        assert loaded["image"].shape == (len(values), 6, 6, 3)
        assert loaded["image"][:, 0, 0, 0].tolist() == values
    (item,) = brats_datalist(folder)
    assert (item["case"], item["site"]) == ("BraTS2021_00006", "")


def test_all_cases_in_one_folder_and_other_letters(tmp_path: Path) -> None:
    for name in ("BraTS2021_00002", "BraTS2021_00010"):
        for path in case(tmp_path / name).iterdir():
            path.rename(tmp_path / path.name.upper().replace(".NII.GZ", ".nii.gz"))
        (tmp_path / name).rmdir()
    assert [item["case"] for item in brats_datalist(tmp_path)] == ["BRATS2021_00002", "BRATS2021_00010"]


def test_the_file_of_2020_that_is_named_otherwise(tmp_path: Path) -> None:
    folder = case(tmp_path / "BraTS20_Training_355", "t1ce t1 t2 flair", end=".nii")
    odd = write(folder / "W39_1998.09.19_Segm.nii", label(1, 2, 4))
    case(tmp_path / "BraTS20_Training_356", end=".nii")
    items = brats_datalist(tmp_path)
    assert items[0]["label"] == str(odd)
    assert len(items) == 2


def test_other_files_beside_and_hidden_ones(tmp_path: Path) -> None:
    folder = case(tmp_path / "BraTS2021_00006")
    write(folder / "BraTS2021_00006_brain_mask.nii.gz")
    write(tmp_path / "atlas.nii.gz")
    (folder / "._BraTS2021_00006_t1.nii.gz").write_bytes(b"macOS")
    (folder / "notes.txt").write_text("t1")
    (item,) = brats_datalist(tmp_path)
    assert item["case"] == "BraTS2021_00006"


def test_ones_own_modalities(tmp_path: Path) -> None:
    case(tmp_path / "patient7", "T1post adc seg")
    (item,) = brats_datalist(tmp_path, modalities=("t1c", "adc"), suffixes={"t1c": "T1post"})
    assert [Path(path).name for path in item["image"]] == ["patient7_T1post.nii.gz", "patient7_adc.nii.gz"]
    (item,) = brats_datalist(tmp_path, modalities="adc", label_suffixes=("T1post",))
    assert Path(item["label"]).name == "patient7_T1post.nii.gz"
    with pytest.raises(ValueError, match="`suffixes` needs one of 'adc', got 'dwi'"):
        brats_datalist(tmp_path, modalities=("adc",), suffixes={"dwi": "b1000"})


def test_a_missing_modality_is_named(tmp_path: Path) -> None:
    case(tmp_path / "BraTS2021_00006")
    case(tmp_path / "BraTS2021_00007", "t1ce t2 flair seg")
    with pytest.raises(
        ValueError,
        match=r"`modalities` needs one file of 't1' for patient 'BraTS2021_00007', got none in .*00007 "
        r"\(images: flair, t1c, t2\)",
    ):
        brats_datalist(tmp_path)
    assert len(brats_datalist(tmp_path, modalities=("t1c", "flair"))) == 2


@pytest.mark.parametrize("second", ["BraTS2021_00006_t1.nii", "BraTS2021_00006_t1n.nii.gz"])
def test_a_doubled_modality_names_both_files(tmp_path: Path, second: str) -> None:
    folder = case(tmp_path / "BraTS2021_00006")
    write(folder / second)
    with pytest.raises(ValueError, match=rf"one file of 't1' for patient .*, got 2: .*{re.escape(second)}"):
        brats_datalist(tmp_path)


def test_labels_that_are_missing_or_two(tmp_path: Path) -> None:
    folder = case(tmp_path / "BraTS2021_00006", "t1ce t1 t2 flair")
    with pytest.raises(
        ValueError, match="`require_labels` needs one file of 'label' for patient 'BraTS2021_00006', got"
    ):
        brats_datalist(tmp_path)
    (item,) = brats_datalist(tmp_path, require_labels=False)
    assert "label" not in item
    for name in ("BraTS2021_00006_seg.nii.gz", "other_segm.nii.gz"):
        write(folder / name, label(1))
    with pytest.raises(ValueError, match="one file of 'label' for patient 'BraTS2021_00006', got 2: "):
        brats_datalist(tmp_path)


def test_a_case_that_is_there_twice(tmp_path: Path) -> None:
    for copy in ("a", "b"):
        case(tmp_path / copy / "BraTS2021_00006")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs each case once, got 'BraTS2021_00006' in .*a.* and .*b"):
        brats_datalist(tmp_path)


def test_unreadable_files_and_other_grids_are_named(tmp_path: Path) -> None:
    folder = case(tmp_path / "BraTS2021_00006")
    image = folder / "BraTS2021_00006_t2.nii.gz"
    image.write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"case 'BraTS2021_00006': `filename` needs a readable NIfTI file, got '.*_t2.nii.gz' \(Image"
    ):
        brats_datalist(tmp_path)
    assert len(brats_datalist(tmp_path, check_headers=False)) == 1
    write(image, np.zeros((6, 6, 4)))
    with pytest.raises(
        ValueError, match=r"'t2' needs the shape of 't1c', \(6, 6, 3\), got \(6, 6, 4\) in .*_t2.nii.gz"
    ):
        brats_datalist(tmp_path)
    write(image, affine=LPS)
    with pytest.raises(
        ValueError, match=r"'t2' needs the affine of 't1c', got one that differs by up to 5 mm in .*_t2.nii.gz"
    ):
        brats_datalist(tmp_path)
    shift = LAS.copy()
    shift[:3, 3] += 1e-3
    write(image, affine=shift)
    assert len(brats_datalist(tmp_path)) == 1, "headers round"
    write(folder / "BraTS2021_00006_seg.nii.gz", label(1), affine=LPS)
    with pytest.raises(ValueError, match="'label' needs the affine of 't1c'"):
        brats_datalist(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`dataset_dir` needs an existing folder"):
        brats_datalist(tmp_path / "none")
    write(tmp_path / "BRATS_001.nii.gz")
    with pytest.raises(ValueError, match="`dataset_dir` needs cases such as BraTS2021_00006/"):
        brats_datalist(tmp_path)
    with pytest.raises(ValueError, match="`modalities` needs different names of modalities"):
        brats_datalist(case(tmp_path / "BraTS2021_00006"), modalities=())


def test_the_real_case_as_it_lies_and_renamed_to_2023(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    """The same call and the same transforms on both; the copy's label is 3 for the enhancing tumour, in float32."""
    folder = real_data("brats") / "BraTS2021_00006"
    copy = tmp_path / "BraTS-GLI-00006-000"
    copy.mkdir()
    for early, late in LATE.items():
        source, target = folder / f"{folder.name}_{early}.nii.gz", copy / f"{copy.name}-{late}.nii.gz"
        if early != "seg":
            shutil.copy(source, target)
            continue
        image = nibabel.load(source)
        voxels = np.asarray(image.dataobj)
        nibabel.Nifti1Image(np.where(voxels == 4, 3, voxels).astype(np.float32), image.affine).to_filename(target)
    load: Any = Compose([LoadImaged(["image", "label"], ensure_channel_first=True), TumourRegionsd("label")])
    early, late = (load(brats_datalist(place)[0]) for place in (folder.parent, tmp_path))
    assert early["case"] == "BraTS2021_00006"
    assert late["patient"] == "BraTS-GLI-00006"
    assert early["image"].shape == (4, 240, 240, 155)
    np.testing.assert_array_equal(early["image"], late["image"])
    np.testing.assert_array_equal(early["label"], late["label"])
    assert early["label"].flatten(1).sum(1).tolist() == pytest.approx(late["label"].flatten(1).sum(1).tolist())
    assert early["label"].any()


def fill(folder: Path, patient: Patient, number: int) -> None:
    early = number % 2
    name = f"BraTS2021_{number:05d}" if early else f"BraTS-GLI-{number:05d}-{number % 3:03d}"
    mark, t1c, t1 = ("_", "T1CE", "t1") if early else ("-", "t1c", "T1N")
    put(folder / f"{name}{mark}{t1c}{patient.suffix}")
    if patient.fault != "no image":
        put(folder / f"{name}{mark}{t1}{patient.suffix}")
    if patient.fault == "two images":
        put(folder / f"{name}{mark}t1gd{patient.suffix}")
    for k in range({"no label": 0, "two labels": 2}.get(patient.fault, 1)):
        put(folder / f"{name}{mark}{'segm' if k else 'seg'}{patient.suffix}")
    if patient.fault == "damaged":
        (folder / f"{name}{mark}{t1}{patient.suffix}").write_bytes(b"none")


@given(patients(["no image", "two images", "no label", "two labels", "damaged"]), st.booleans())
def test_a_random_tree_gives_every_case_once_or_an_error_that_names_it(chosen: list[Patient], loop: bool) -> None:
    with tree(chosen, fill, loop) as (root, folders):
        faulty = [folder for folder, patient in zip(folders, chosen, strict=True) if patient.fault]
        if faulty:
            with pytest.raises(ValueError, match=r"needs one file of|needs a readable NIfTI file") as error:
                brats_datalist(root, modalities=("t1c", "t1"))
            assert any(str(folder) in str(error.value) for folder in faulty)
            return
        items = brats_datalist(root, modalities=("t1c", "t1"))
        assert sorted(Path(item["label"]).parent for item in items) == sorted(folders)
        assert len({item["case"] for item in items}) == len({item["patient"] for item in items}) == len(chosen)
        for item in items:
            folder = Path(item["label"]).parent
            assert {Path(image).parent for image in item["image"]} == {folder}
            ends = [re.split("[-_]", Path(image).name.lower())[-1].split(".")[0] for image in item["image"]]
            assert ends in (["t1ce", "t1"], ["t1c", "t1n"])
            assert item["site"] == "/".join(folder.relative_to(root).parts[:-1])


def test_time_points_of_every_cohort(tmp_path: Path) -> None:
    for name in ("BraTS-MEN-RT-0007-1", "BraTS-MEN-RT-0007-2"):
        for suffix in ("t1c", "gtv"):
            write(tmp_path / name / f"{name}_{suffix}.nii.gz")
    items = brats_datalist(tmp_path, modalities="t1c")
    assert [item["patient"] for item in items] == ["BraTS-MEN-RT-0007"] * 2
    assert items[0]["label"].endswith("_gtv.nii.gz")


def test_what_belongs_to_no_case_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    case(tmp_path / "BraTS2021_00006")
    write(tmp_path / "atlas.nii.gz")
    write(tmp_path / "masks" / "brain_mask.nii.gz")
    brats_datalist(tmp_path)
    assert "1 cases of 1 patients" in caplog.text
    assert "t1c, t1, t2, flair in BraTS2021_00006; 1 labels in BraTS2021_00006." in caplog.text
    assert "atlas.nii.gz (no name of a modality)" in caplog.text
    assert "brain_mask.nii.gz (no modality that is known)" in caplog.text
