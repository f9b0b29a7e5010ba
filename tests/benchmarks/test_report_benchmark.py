# SPDX-License-Identifier: Apache-2.0
"""Cases of a brain's size in two processes against one, and what memory a process takes.

``MONAI_BOUNDARY_CASES=100 pytest tests/benchmarks/test_report_benchmark.py --benchmark-only`` for a hundred of them.
The server that processes are forked from is started once, before the clock; the start of a process is in the time.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from monai_boundary.report import evaluate_folders
from tests.benchmarks.test_surface_benchmark import SPACING, nested

CASES = int(os.environ.get("MONAI_BOUNDARY_CASES", "30"))


def write_folders(root: Path) -> list[Path]:
    """Predictions and truths of one case, under as many names as there are cases."""
    folders = [root / "pred", root / "truth"]
    for folder, shift in zip(folders, (1.5, 0.0), strict=True):
        folder.mkdir()
        label = nested(shift).sum(axis=0).astype(np.uint8)  # 1, 2, 3: regions of 1+2+3, 2+3 and 3
        nibabel.save(nibabel.Nifti1Image(label, np.diag([*SPACING, 1.0])), folder / "case000.nii.gz")
        for k in range(1, CASES):
            shutil.copy(folder / "case000.nii.gz", folder / f"case{k:03d}.nii.gz")
    return folders


def test_two_workers(race: Any, tmp_path: Path) -> None:
    """At least 1.7 times as fast as one, on two free cores; a process keeps below 1.5 GiB."""
    folders = write_folders(tmp_path)
    regions = "whole=1+2+3,core=2+3,centre=3"

    def run(workers: int) -> None:
        out = tmp_path / f"out{workers}"
        assert not evaluate_folders(*folders, out, regions=regions, page=False, workers=workers, force=True).failed

    race.run(1, one=lambda: run(1), two=lambda: run(2))
    race.lines.append(f"{CASES} cases of 240 x 240 x 155: {race.times['one'] / CASES:.2f} s each in one process")
    ratio = 1 / race.report(f"{CASES} cases, 3 regions", "two", "one", "<= 0.59")
    peaks = [resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    race.lines.append(f"largest process {max(peaks):.2f} GiB (<= 1.5)")
    assert max(peaks) <= 1.5
    assert ratio >= 1.7
