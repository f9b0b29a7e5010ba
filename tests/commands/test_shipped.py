# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from monai_boundary.commands import bundle_names, copy_bundle, find_bundle, pack_bundle
from monai_boundary.commands.shipped import unpack_bundle


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    folder = tmp_path / "a training"
    folder.mkdir()
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "settings.json").write_text("{}")
    (folder / "checkpoint.pt").write_bytes(b"not for a pack")
    return folder


def test_the_bundles_of_the_repository(repo: Path) -> None:
    assert set(bundle_names()) == {path.parents[1].name for path in (repo / "bundles").glob("*/configs/train.yaml")}
    assert find_bundle("wmh_mri_boundary") == repo / "bundles" / "wmh_mri_boundary"
    assert find_bundle(repo / "bundles" / "wmh_mri_boundary") == repo / "bundles" / "wmh_mri_boundary"
    with pytest.raises(ValueError, match=r"`bundle` needs one of brats_mri_boundary, .*, got 'wmh'"):
        find_bundle("wmh")


def test_a_copy_is_whole_and_replaces_nothing(repo: Path, tmp_path: Path) -> None:
    original = repo / "bundles" / "wmh_mri_boundary"
    copy = copy_bundle("wmh_mri_boundary", tmp_path / "mine")
    assert copy == tmp_path / "mine"
    for name in ("LICENSE", "configs/train.yaml", "docs/README.md"):
        assert (copy / name).read_bytes() == (original / name).read_bytes()
    (copy / "output").mkdir()
    (copy / "output" / "model.pt").write_bytes(b"large")
    (tmp_path / "there").mkdir()
    again = copy_bundle(copy, tmp_path / "there")
    assert again == tmp_path / "there" / "mine", "inside a folder that exists"
    assert not (again / "output").exists()
    with pytest.raises(FileExistsError, match=r"`folder` needs a place that is free, .*mine exists"):
        copy_bundle(copy, tmp_path / "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "there"], "nothing half is left"


def test_a_pack_comes_back_whole(tmp_path: Path, trained: Path) -> None:
    file = pack_bundle("wmh_mri_boundary", tmp_path / "w.zip", trained)
    names = zipfile.ZipFile(file).namelist()
    assert "__main__.py" in names
    assert "wmh_mri_boundary/models/model.pt" in names
    assert not any("checkpoint" in name for name in names)
    folder = unpack_bundle(file, tmp_path / "out")
    assert (folder / "models" / "model.pt").read_bytes() == b"weights"
    assert (folder / "models" / "settings.json").read_text() == "{}"
    assert unpack_bundle(file, tmp_path / "out") == folder, "what lies there whole is used"
    first = file.read_bytes()
    assert pack_bundle("wmh_mri_boundary", tmp_path / "w.zip", trained, overwrite=True).read_bytes() == first
    with pytest.raises(ValueError, match=r"needs a new name, or overwrite=True .*w\.zip"):
        pack_bundle("wmh_mri_boundary", tmp_path / "w.zip")
    with pytest.raises(FileNotFoundError, match=r"`output_dir` needs the folder of a training, .*model\.pt does not"):
        pack_bundle("wmh_mri_boundary", tmp_path / "x.zip", tmp_path)


def test_what_is_not_the_pack_is_refused(tmp_path: Path, trained: Path) -> None:
    file = pack_bundle("wmh_mri_boundary", tmp_path / "w.zip", trained)
    folder = unpack_bundle(file, tmp_path / "out")
    (folder / "models" / "model.pt").write_bytes(b"another")
    with pytest.raises(ValueError, match=r"models/model\.pt of .*, which lies there already .* is another file"):
        unpack_bundle(file, tmp_path / "out")

    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("b/checksums.json", json.dumps({"LICENSE": "0" * 64}))
        archive.writestr("b/LICENSE", "changed")
    with pytest.raises(ValueError, match=r"LICENSE of .*forged\.zip is another file"):
        unpack_bundle(forged, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere" / "b").exists()
    for content in (b"no zip", file.read_bytes()[:5000]):
        (tmp_path / "broken.zip").write_bytes(content)
        with pytest.raises(ValueError, match=r"needs a zip of `bundle pack`, .*broken\.zip cannot be read"):
            unpack_bundle(tmp_path / "broken.zip", tmp_path / "elsewhere")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "")
    with pytest.raises(ValueError, match=r"other\.zip has no checksums\.json"):
        unpack_bundle(tmp_path / "other.zip", tmp_path / "elsewhere")
