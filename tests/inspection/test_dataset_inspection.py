# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from monai_boundary.inspection import inspect_dataset
from tests.data.volume_layouts import blob, save, write_decathlon, write_json, write_nnunet, write_pairs

PLANE = np.diag([0.5, 0.5, 1.0, 1.0])


def test_files_of_a_sound_data_set_in_two_processes(tmp_path: Path) -> None:
    folder = write_decathlon(tmp_path / "Däta set", cases=4)
    out = tmp_path / "out"
    found = inspect_dataset(folder, out, workers=2, progress=False)
    assert found.findings == []
    assert [path.name for path in found.files] == ["fingerprint.json", "cases.csv", "task.yaml", "index.html"]
    written = json.loads((out / "fingerprint.json").read_text(encoding="utf-8"))
    assert written["classes"]["front"]["voxels"] == 4 * 36
    assert written["advice"]["patch_size"]["value"] == found.advice["patch_size"].value
    with (out / "cases.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == [f"case_{k}" for k in range(4)]
    settings = yaml.safe_load((out / "task.yaml").read_text(encoding="utf-8"))
    assert (settings["dataset_dir"], settings["labels"]) == (str(folder), {"background": 0, "front": 1, "back": 2})


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_formats_and_layouts_give_the_same_numbers(tmp_path: Path, suffix: str) -> None:
    names = [f"患者 {k}{suffix}" for k in range(3)]
    pairs = write_pairs(tmp_path / "pairs", names)
    nifti = write_decathlon(tmp_path / "nifti", labels={"0": "background", "1": "label_1", "2": "label_2"})
    ours = inspect_dataset(pairs, tmp_path / "o1", page=False, progress=False)
    theirs = inspect_dataset(nifti, tmp_path / "o2", page=False, progress=False)
    for key in ("shape", "spacing_mm", "classes", "touching", "label_values", "orientations"):
        assert ours.fingerprint[key] == theirs.fingerprint[key]
    assert ours.findings == []


def test_images_of_two_dimensions_are_slices(tmp_path: Path) -> None:
    """Files of one plane, NIfTI, NRRD and PNG, are nothing wrong; the advice is a network of slices."""
    for k, suffix in enumerate((".nii.gz", ".nrrd", ".png")):
        image, label = blob(k, (40, 36))
        save(
            tmp_path / "data" / "images" / f"{k}{suffix}", image if suffix != ".png" else image.astype(np.uint8), PLANE
        )
        save(tmp_path / "data" / "labels" / f"{k}{suffix}", label, PLANE)
    data = tmp_path / "data"
    (data / "images" / "2.png").rename(data / "images" / "preview.png")  # beside volumes, pictures are no cases
    (data / "labels" / "2.png").unlink()
    found = inspect_dataset(data, tmp_path / "out", progress=False)
    assert found.findings == []
    assert found.fingerprint["dims"] == {"2": 2}
    assert found.fingerprint["shape"]["median"] == [40, 36, 1]
    settings = yaml.safe_load((tmp_path / "out" / "task.yaml").read_text(encoding="utf-8"))
    assert (settings["spatial_dims"], settings["spacing"], len(settings["patch_size"])) == (2, None, 2)


def test_all_that_hurts_is_named_at_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = write_nnunet(tmp_path / "data", cases=tuple("abcdefghijklm"), channels=("MRI",))
    images, labels = folder / "imagesTr", folder / "labelsTr"
    image, label = blob(99)
    save(labels / "a.nii.gz", label[1:])  # another grid
    save(labels / "b.nii.gz", label * 0.5)  # soft
    save(labels / "c.nii.gz", label * 5)  # ids 5 and 10 are not declared
    save(labels / "d.nii.gz", label * 0)  # empty
    save(images / "e_0000.nii.gz", np.where(label == 1, np.nan, image))
    shutil.copy(images / "g_0000.nii.gz", images / "f_0000.nii.gz")  # twins
    save(images / "h_0000.nii.gz", image, np.diag([-1.0, 1, 2, 1]))
    save(labels / "h.nii.gz", label, np.diag([-1.0, 1, 2, 1]))  # another orientation
    flat = blob(7, (12, 10))
    save(images / "i_0000.nii.gz", flat[0])
    save(labels / "i.nii.gz", flat[1])
    save(images / "j_0000.nii.gz", np.stack([image, image], -1))  # 4-D
    for path in (images / "k_0000.nii.gz", labels / "k.nii.gz"):
        path.write_bytes(b"nothing")
    save(images / "l_0000.nii.gz", np.where(label == 1, np.nan, image))
    (labels / "l.nii.gz").unlink()
    write_json(folder / "splits_final.json", [{"train": ["a"], "val": ["nobody"]}])
    found = inspect_dataset(folder, tmp_path / "out", patch_size=(12, 10, 9), progress=False)
    named = {(f.kind, Path(f.where).name.split(".")[0].split(",")[0]) for f in found.findings}
    assert named >= {
        ("image and label on different grids", "a"),
        ("fractional label values", "b"),
        ("label values that are not declared", "c"),
        ("empty labels", "d"),
        ("NaN or infinity in images", "e_0000"),
        ("cases that are there twice", "g_0000"),
        ("mixed orientations", "h_0000"),
        ("2-D and 3-D images mixed", "i_0000"),
        ("images with a fourth axis", "j_0000"),
        ("files that cannot be read", "k_0000"),
        ("files that cannot be read", "k"),
        ("missing files", "l"),
        ("NaN or infinity in images", "l_0000"),
        ("cases of a fold that are not there", "nobody"),
        ("folds without cases", "splits_final"),
        ("images smaller than the patch", "m_0000"),
    }
    of = found.fingerprint["dataset"]
    assert (of["cases"], of["cases_read"]) == (13, 12)  # all images but the damaged one
    assert len(found.errors) >= 11
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert all(kind.replace("'", "&#39;") in page for kind, _ in named)
    assert "errors were found" in (tmp_path / "out" / "task.yaml").read_text(encoding="utf-8")


def test_a_channel_that_one_case_lacks(tmp_path: Path) -> None:
    """In nnU-Net's layout it is a file, in the Decathlon's a volume; the other cases are measured."""
    apart = write_nnunet(tmp_path / "apart")
    (apart / "imagesTr" / "b_2_0001.nii.gz").unlink()
    stacked = write_decathlon(tmp_path / "stacked", modality={"0": "T1", "1": "FLAIR"})
    for k in (0, 2):
        image = blob(k)[0]
        save(stacked / "imagesTr" / f"case_{k}.nii.gz", np.stack([image, image + 1], -1))
    expected = {apart: ("missing files", "b_2_0001"), stacked: ("cases of another number of channels", "case_1")}
    for folder, named in expected.items():
        found = inspect_dataset(folder, tmp_path / f"{folder.name} out", page=False, progress=False)
        assert [(f.kind, Path(f.where).name.split(".")[0]) for f in found.errors] == [named]
        assert found.advice["channels"].value == {"T1": "zscore", "FLAIR": "zscore"}
        assert found.fingerprint["classes"]["front"]["voxels"] >= 2 * 36


def test_no_case_at_all_leaves_out_the_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of an earlier look goes, and its page where none is wanted: both told of another data set than the rest."""
    folder = write_decathlon(tmp_path / "data", cases=1)
    monkeypatch.chdir(tmp_path)
    inspect_dataset("data", "out", progress=False)
    assert {path.name for path in Path("out").iterdir()} == {"fingerprint.json", "cases.csv", "task.yaml", "index.html"}
    for path in folder.glob("*Tr/*"):
        path.unlink()
    found = inspect_dataset("data", "out", page=False, progress=False)
    assert (found.advice, [f.kind for f in found.errors][:2]) == ({}, ["missing files", "missing files"])
    assert {path.name for path in Path("out").iterdir()} == {"fingerprint.json", "cases.csv"}


def test_what_is_refused(tmp_path: Path) -> None:
    folder = write_decathlon(tmp_path / "data", cases=1)
    for options, message in [
        ({"output_dir": folder}, "`output_dir` needs a folder of its own, beside the data"),
        ({"workers": 0}, "`workers` needs a number >= 1, got 0"),
        ({"patch_size": (3,)}, r"`patch_size` needs 2 or 3 numbers >= 1, got \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            inspect_dataset(**{"dataset_dir": folder, "output_dir": tmp_path / "out", **options})


def test_the_hippocampus(real_data, tmp_path: Path) -> None:
    few = tmp_path / "few"
    whole = real_data("Task04_Hippocampus")
    content = json.loads((whole / "dataset.json").read_text(encoding="utf-8"))
    content["training"] = content["training"][:12]
    for side in ("imagesTr", "labelsTr"):
        (few / side).parent.mkdir(exist_ok=True)
        (few / side).symlink_to(whole / side)
    write_json(few / "dataset.json", content)
    found = inspect_dataset(few, tmp_path / "out", page=False, progress=False)
    assert found.errors == []
    assert found.advice["patch_size"].value == [40, 56, 40]
    assert found.advice["network_channels"].value == [16, 32, 64, 128]
    assert found.fingerprint["touching"][0]["classes"] == ["Anterior", "Posterior"]
