# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from monai_boundary.handlers.training.checkpoint_file import load_checked, save_atomically
from tests.warm_python import WarmRun


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.pt"
    save_atomically({"a": 1}, path)
    with pytest.raises((AttributeError, TypeError, RuntimeError, OSError), match=r"pickle|local"):
        save_atomically({"a": lambda: 0}, path)
    assert load_checked(path, "checkpoint") == {"a": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file.pt", "file.pt.sha256"]


FULL = """
import resource, signal, sys, torch
from monai_boundary.handlers.training.checkpoint_file import save_atomically
path = sys.argv[1]
save_atomically({"epoch": 1}, path)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
save_atomically({"epoch": 2, "weight": torch.zeros(100_000)}, path)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system limits no file's size")
def test_a_full_disk_leaves_the_earlier_checkpoint_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    (tmp_path / "full.py").write_text(FULL)
    done = WarmRun([str(tmp_path / "full.py"), str(path)], tmp_path)
    assert done.wait() == 1
    assert f"could not write {path}" in done.stderr.splitlines()[-1]
    assert load_checked(path, "checkpoint") == {"epoch": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.pt", "checkpoint.pt.sha256", "full.py"]


def test_what_is_no_value_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": Path("an object")}, path)
    with pytest.raises(ValueError, match=r"`ckpt_path` needs a file of torch.save, .* cannot be read: Weights only"):
        load_checked(path, "ckpt_path")
