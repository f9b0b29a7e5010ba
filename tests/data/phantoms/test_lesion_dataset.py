# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from monai.transforms import Compose, LoadImaged, Orientationd, ResampleToMatchd

from monai_boundary.data import write_lesion_phantom
from tests.data.nifti_files import write

SMALL = {"shape": (32, 32, 8), "patients": 4}


def stamps(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_lesion_phantom(folder, **SMALL)
    return folder


def test_layout_and_items(phantom: Path) -> None:
    items = write_lesion_phantom(phantom, **SMALL)
    assert [item["patient"] for item in items] == ["SiteA-0", "SiteA-2", "SiteB-1", "SiteB-3"]
    assert items[0]["flair"] == str(phantom / "SiteA" / "0" / "pre" / "FLAIR.nii.gz")
    assert items[0]["ignore_labels"] == [2]
    ids = [sorted(np.unique(nibabel.load(item["label"]).dataobj)) for item in items]
    assert ids == [[0, 1, 2], [0, 1], [0, 1], [0, 1]]


def test_headers_are_as_awkward_as_real_ones(phantom: Path) -> None:
    by_patient = {item["patient"][-1]: item for item in write_lesion_phantom(phantom, **SMALL)}
    headers = {k: {m: nibabel.load(item[m]) for m in ("flair", "t1", "label")} for k, item in by_patient.items()}
    axes = {k: [nibabel.aff2axcodes(h[m].affine) for m in ("flair", "t1")] for k, h in headers.items()}
    assert axes["0"] == [("L", "A", "S")] * 2
    assert axes["1"] == [("L", "A", "S"), ("L", "P", "S")]
    turned = headers["2"]["flair"].affine[:3, :3]
    assert np.count_nonzero(np.abs(turned) > 0.01) > 3, "oblique"
    codes = [(int(h["flair"].header["qform_code"]), int(h["flair"].header["sform_code"])) for h in headers.values()]
    assert sorted(codes) == [(0, 2), (0, 2), (1, 0), (1, 0)]
    for h in headers.values():
        np.testing.assert_allclose(h["flair"].affine, h["label"].affine)
        np.testing.assert_allclose(
            h["flair"].header.get_zooms(), np.linalg.norm(h["flair"].affine[:3, :3], axis=0), rtol=1e-5
        )


def test_both_images_show_one_head_where_their_headers_say(phantom: Path) -> None:
    keys = ["flair", "t1", "label"]
    load = Compose([LoadImaged(keys, ensure_channel_first=True), Orientationd(keys, axcodes="RAS", labels=None)])
    for item in write_lesion_phantom(phantom, **SMALL):
        loaded = ResampleToMatchd(["t1"], key_dst="label", mode="nearest")(load(item))
        np.testing.assert_array_equal((loaded["t1"] > 0).numpy(), (loaded["flair"] > 0).numpy())
    raw = LoadImaged(keys)(next(i for i in write_lesion_phantom(phantom, **SMALL) if i["patient"] == "SiteB-1"))
    assert ((raw["t1"] > 0) != (raw["flair"] > 0)).any(), "stacked by index they do not fit"


def test_a_second_call_leaves_the_files_alone(phantom: Path) -> None:
    before = stamps(phantom)
    write_lesion_phantom(phantom, **SMALL)
    assert stamps(phantom) == before
    assert not [name for name in before if Path(name).name.startswith(".")], "no temporary files"


def test_another_recipe_writes_anew_and_removes_what_is_too_many(tmp_path: Path) -> None:
    write_lesion_phantom(tmp_path, patients=3, shape=(32, 32, 8))
    items = write_lesion_phantom(tmp_path, patients=1, shape=(32, 32, 6), other_pathology=False)
    assert len(items) == 1
    voxels = np.asarray(nibabel.load(items[0]["label"]).dataobj)
    assert voxels.shape == (32, 32, 6)
    assert 2 not in voxels


def test_a_killed_run_starts_again(tmp_path: Path) -> None:
    items = write_lesion_phantom(tmp_path, patients=1, shape=(32, 32, 6))
    whole = Path(items[0]["flair"]).read_bytes()
    (tmp_path / "phantom.json").unlink()
    Path(items[0]["flair"]).write_bytes(whole[:100])
    write_lesion_phantom(tmp_path, patients=1, shape=(32, 32, 6))
    assert np.isfinite(nibabel.load(items[0]["flair"]).get_fdata()).all()


def test_patients_of_someone_else_stay(tmp_path: Path) -> None:
    mine = write(tmp_path / "Utrecht" / "0" / "pre" / "FLAIR.nii.gz")
    with pytest.raises(
        ValueError, match=r"`directory` needs to be empty or to hold an earlier phantom, got .* FLAIR.nii.gz"
    ):
        write_lesion_phantom(tmp_path, patients=1, shape=(32, 32, 6))
    assert mine.exists()
    with pytest.raises(ValueError, match="`patients` needs an integer >= 1, got 0"):
        write_lesion_phantom(tmp_path, patients=0)
