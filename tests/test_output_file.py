# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

import pytest
import torch

from monai_boundary._output_file import atomic_output


def held(folder):
    return sorted(p.name for p in folder.iterdir())


def test_nothing_has_the_final_name_before_the_block_ends(tmp_path):
    with atomic_output(tmp_path / "made" / "a.nii.gz") as file:
        file.write_text("whole")
        assert not (tmp_path / "made" / "a.nii.gz").exists()
        assert file.parent == tmp_path / "made"
        assert file.name.endswith(".nii.gz")
        assert file.name.startswith(".")
    assert held(tmp_path / "made") == ["a.nii.gz"]
    assert (tmp_path / "made" / "a.nii.gz").read_text() == "whole"


def test_an_error_leaves_nothing(tmp_path):
    def fail(make):
        with atomic_output(tmp_path / "a.zarr") as file:
            make(file)
            raise KeyError("mine")

    for make in (Path.touch, Path.mkdir):
        with pytest.raises(KeyError, match="mine"):
            fail(make)
    assert held(tmp_path) == []


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    with atomic_output(tmp_path / ("n" * 251 + ".tif")) as file:
        file.touch()
    assert held(tmp_path) == ["n" * 251 + ".tif"]


def test_what_was_there_is_not_replaced_unless_asked(tmp_path):
    (tmp_path / "a.tif").write_text("old")
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "old").touch()
    (tmp_path / "loose.tif").symlink_to(tmp_path / "nowhere")
    for name in ("a.tif", "a.zarr", "loose.tif"):
        words = f"`path` needs a new name, or overwrite=True .*{name}"
        with pytest.raises(ValueError, match=words), atomic_output(tmp_path / name):
            raise AssertionError("the block must not run")
    assert (tmp_path / "a.tif").read_text() == "old"
    with atomic_output(tmp_path / "a.tif", overwrite=True) as file:
        file.write_text("new")
    with atomic_output(tmp_path / "a.zarr", overwrite=True) as file:
        file.mkdir()
        (file / "new").touch()
    assert (tmp_path / "a.tif").read_text() == "new"
    assert held(tmp_path / "a.zarr") == ["new"]
    assert held(tmp_path) == ["a.tif", "a.zarr", "loose.tif"]


@pytest.mark.parametrize("links", [True, False])
def test_what_another_process_wrote_meanwhile_is_not_replaced(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))

    def write(make):
        with atomic_output(tmp_path / "a") as file:
            make(file)
            (tmp_path / "a").write_text("theirs")

    for make in (lambda p: p.write_text("mine"), Path.mkdir):
        with pytest.raises(ValueError, match="needs a new name"):
            write(make)
        assert (tmp_path / "a").read_text() == "theirs"
        (tmp_path / "a").unlink()
    with atomic_output(tmp_path / "b.h5") as file:
        file.write_text("mine")
    assert held(tmp_path) == ["b.h5"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    words = r"needs something written to it, got nothing for .*a\.tif"
    with pytest.raises(ValueError, match=words), atomic_output(tmp_path / "a.tif"):
        pass


@pytest.fixture
def small_disk():
    """Files cannot grow beyond 4 KiB, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_names_the_output(tmp_path, small_disk):
    words = r"could not write .*a\.tif: .*File too large"
    with pytest.raises(OSError, match=words), atomic_output(tmp_path / "a.tif") as file:
        file.write_bytes(bytes(9000))
    assert held(tmp_path) == []


@pytest.mark.parametrize("values", [400, 1500, 9000])  # torch.save fails on writing or, over its buffer, on closing
def test_a_full_disk_is_the_reason_where_torch_tells_another(tmp_path, small_disk, values):
    with (
        pytest.raises(OSError, match=r"could not write .*a\.pt: .*File too large") as raised,
        atomic_output(tmp_path / "a.pt") as part,
        part.open("wb") as file,
    ):
        torch.save(torch.zeros(values, dtype=torch.float64), file)
    assert raised.value.errno == errno.EFBIG
    assert held(tmp_path) == []


def test_a_fault_in_the_block_is_no_fault_of_the_disk(tmp_path):
    def draw(file):
        file.touch()
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match=r"^shapes differ$"), atomic_output(tmp_path / "a.html") as file:
        draw(file)
    assert held(tmp_path) == []
