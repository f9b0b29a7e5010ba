# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary._folder_lock import FolderLock
from monai_boundary.data import read_em_source
from monai_boundary.volumes import segment_volume
from monai_boundary.volumes.volume_job import VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource, open_volume
from tests.zarr_stores import chunk_files


@pytest.fixture
def source(store: Callable[..., str]) -> VolumeSource:
    return open_volume(store("a", np.ones((4, 4, 4), np.uint8)))


def job(folder: Path, source: VolumeSource, threshold: float = 0.5, **options: Any) -> VolumeJob:
    return VolumeJob(folder, "test", {"pred": source}, {"threshold": threshold, "block": (2, 2, 2)}, **options)


def test_the_same_job_goes_on_and_another_does_not(tmp_path: Path, source: VolumeSource) -> None:
    with job(tmp_path / "o", source) as first:
        first.records("a").write(0, x=1)
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert manifest["settings"] == {"threshold": 0.5, "block": [2, 2, 2]}
    assert {"monai-boundary", "numpy", "zarr"} <= set(manifest["versions"])
    with job(tmp_path / "o", source) as again:
        assert 0 in again.records("a")
    with (
        pytest.raises(ValueError, match=r"has a job with other settings.threshold: give another folder, or force=True"),
        job(tmp_path / "o", source, 0.6),
    ):
        pass
    with job(tmp_path / "o", source, 0.6, force=True) as anew:
        assert 0 not in anew.records("a")


def test_another_input_does_not_go_on(tmp_path: Path, source: VolumeSource) -> None:
    with job(tmp_path / "o", source):
        pass
    os.utime(chunk_files(Path(source.source))[0], (1, 1))
    with pytest.raises(ValueError, match=r"has a job with other inputs.pred.files: "), job(tmp_path / "o", source):
        pass


def test_results_of_unknown_origin_are_kept(tmp_path: Path, source: VolumeSource) -> None:
    (tmp_path / "scores.json").write_text("mine")
    with (
        pytest.raises(ValueError, match=r"holds scores.json of unknown origin"),
        job(tmp_path, source, outputs=("scores.json",)),
    ):
        pass
    assert (tmp_path / "scores.json").read_text() == "mine"
    (tmp_path / "manifest.json").write_text("no json")
    with pytest.raises(ValueError, match="needs a manifest that can be read"), job(tmp_path, source):
        pass
    with job(tmp_path, source, outputs=("scores.json",), force=True):
        assert not (tmp_path / "scores.json").exists()


def test_what_a_killed_job_was_writing_is_removed(tmp_path: Path, source: VolumeSource) -> None:
    with job(tmp_path, source) as first:
        first.records("a").write(0, x=1)
    left = tmp_path / "blocks" / "a" / "000000" / ".12ab.partial.npz"
    left.write_bytes(b"half")
    chunk = tmp_path / "blocks" / "labels.zarr" / "0" / "0" / "1.12ab.partial"  # as Zarr names one that it writes
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"half")
    store = tmp_path / "blocks" / ".34cd.partial.zarr"
    (store / "0").mkdir(parents=True)
    page = tmp_path / ".0a1b2c3d.partial.html"
    page.write_text("half")
    others = [tmp_path / name for name in ("scan.partial.nii", ".mine.partial", "data/scan.zip.partial")]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.write_text("somebody's, who gave the folder of the data")
    with job(tmp_path, source):
        assert not left.exists()
        assert not chunk.exists()
        assert not store.exists()
        assert not page.exists()
        assert all(other.exists() for other in others)


def test_two_jobs_in_one_folder(tmp_path: Path, source: VolumeSource) -> None:
    code = "import sys,time\nfrom monai_boundary._folder_lock import FolderLock\n"
    code += "l=FolderLock(sys.argv[1]); l.acquire(); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(ValueError, match=f"is in use by process {other.pid}"), job(tmp_path, source):
                pass
        finally:
            other.kill()
    with job(tmp_path, source):
        pass
    assert isinstance(job(tmp_path, source)._lock, FolderLock)


def test_a_path_that_cannot_be_written(tmp_path: Path, source: VolumeSource) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="`output_dir` needs a folder that can be written"),
        job(tmp_path / "file" / "out", source),
    ):
        pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full_and_then_is_not(small_disk: Path, store: Callable[..., str], tmp_path: Path) -> None:
    membrane = np.random.default_rng(0).integers(0, 255, (48, 48, 48)).astype(np.uint8)
    path = store("m", membrane, (24, 24, 24))
    (small_disk / "filler").write_bytes(bytes(950_000))
    failed = segment_volume(path, small_disk / "out", block=24).failed
    assert failed
    assert "No space left on device" in failed[0].error
    (small_disk / "filler").unlink()
    result = segment_volume(path, small_disk / "out", block=24)
    assert result.failed == ()
    expected = segment_volume(path, tmp_path / "out", block=24)
    np.testing.assert_array_equal(read_em_source(result.store)[0], read_em_source(expected.store)[0])


def test_a_file_system_that_cannot_be_written(small_disk: Path, source: VolumeSource) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ValueError, match="`output_dir` needs a folder that can be written"), job(small_disk, source):
        pass


def test_a_store_that_cannot_be_written_is_read(small_disk: Path, store: Callable[..., str], tmp_path: Path) -> None:
    path = shutil.copytree(store("m", np.zeros((4, 4, 4), np.uint8)), small_disk / "m.zarr")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert segment_volume(path, tmp_path / "out").instances == 1
