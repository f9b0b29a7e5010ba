# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from monai_boundary.commands import copy_bundle, pack_bundle
from monai_boundary.commands.shipped import unpack_bundle


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    folder = tmp_path / "a training"
    folder.mkdir()
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "settings.json").write_text("{}")
    (folder / "checkpoint.pt").write_bytes(b"not for a pack")
    return folder


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
    for made in (again, again / "configs", again / "configs" / "train.yaml"):
        made.chmod(0o555 if made.is_dir() else 0o444)
    mine = copy_bundle(again, tmp_path / "there" / "yours")
    assert all(made.stat().st_mode & 0o200 for made in (mine, *mine.rglob("*"))), "it is copied to be changed"
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
    assert "wmh_mri_boundary/checksums.json" in names
    again = unpack_bundle(pack_bundle(folder, tmp_path / "again.zip"), tmp_path / "again")
    assert (again / "models" / "model.pt").read_bytes() == b"weights", "a pack of what was unpacked"
    (trained / "settings.json").unlink()
    other = unpack_bundle(pack_bundle(folder, tmp_path / "other.zip", trained), tmp_path / "other")
    assert not (other / "models" / "settings.json").exists(), "those of the network that was there before"
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

    (folder / "models" / "model.pt").write_bytes(b"weights")
    (folder / "models" / "model_evaluated.json").write_text("{}")  # an evaluation writes to its own folder
    with pytest.raises(ValueError, match=r"models/model_evaluated\.json of .* is none of them"):
        unpack_bundle(file, tmp_path / "out")
    (folder / "models" / "model_evaluated.json").unlink()
    (folder / "output").mkdir()
    (folder / "output" / "model.pt").write_bytes(b"of a run")
    assert unpack_bundle(file, tmp_path / "out") == folder
    (folder / "configs" / "extra.yaml").write_text("a: $print()")
    with pytest.raises(ValueError, match=r"configs/extra\.yaml of .*another folder.* is none of them"):
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


@pytest.mark.parametrize(
    ("bundle", "inside"), [("b", "../x"), ("b", "/x"), ("b", "a\\..\\x"), ("..", "x"), ("b", "c/./x")]
)
def test_a_file_that_goes_elsewhere_is_refused(tmp_path: Path, bundle: str, inside: str) -> None:
    content = b"changed"
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(f"{bundle}/{inside}", content)
        archive.writestr(f"{bundle}/checksums.json", json.dumps({inside: hashlib.sha256(content).hexdigest()}))
    with pytest.raises(ValueError, match=r"p\.zip has files that none has"):
        unpack_bundle(tmp_path / "p.zip", tmp_path / "out" / "in")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "p.zip"]


def test_a_file_without_a_sum_is_refused(tmp_path: Path) -> None:
    file = pack_bundle("wmh_mri_boundary", tmp_path / "w.zip")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("wmh_mri_boundary/configs/more.yaml", "a: $print()")
    with pytest.raises(ValueError, match=r"w\.zip has files that none has: wmh_mri_boundary/configs/more\.yaml"):
        unpack_bundle(file, tmp_path / "out")
