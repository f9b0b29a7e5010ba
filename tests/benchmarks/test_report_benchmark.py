# SPDX-License-Identifier: Apache-2.0
"""Cases of a brain's size in two processes against one, what memory a process takes, and what the page takes.

``MONAI_BOUNDARY_CASES=100 pytest tests/benchmarks/test_report_benchmark.py --benchmark-only`` for a hundred of them.
The server that processes are forked from is started once, before the clock; the start of a process is in the time.
Where other programs take the cores, the clock says nothing of two processes against one. So the time of the processors
is taken, too: with a core for each process, two workers need at least the time of the one that worked longer, and what
the first process does besides.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_boundary.report import evaluate_folders, folder_evaluation
from monai_boundary.report.case_evaluation import CaseJob, evaluate_case
from monai_boundary.report.case_records import Record
from tests.benchmarks.test_surface_benchmark import SPACING, nested

CASES = int(os.environ.get("MONAI_BOUNDARY_CASES", "30"))
REGIONS = "whole=1+2+3,core=2+3,centre=3"
USAGE = "MONAI_BOUNDARY_USAGE"


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


def watched_case(job: CaseJob) -> Record:
    """Score a case, and write what its process has used until now: seconds of the processor, KiB of memory at most."""
    record = evaluate_case(job)
    used = [time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    (Path(os.environ[USAGE]) / f"{os.getpid()}.json").write_text(json.dumps(used), encoding="utf-8")
    return record


def test_two_workers(race: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 1.7 times as fast as one, by the processors' time; a process keeps below 1.5 GiB."""
    folders = write_folders(tmp_path)
    monkeypatch.setattr(folder_evaluation, "evaluate_case", watched_case)
    needed: dict[int, list[float]] = {1: [], 2: []}
    peaks: list[float] = []
    usage = tmp_path / "usage"  # one: the server of forks keeps the environment it began with
    usage.mkdir()

    def run(workers: int) -> None:
        for old in usage.iterdir():
            old.unlink()
        out, start = tmp_path / f"out{workers}", time.process_time()
        assert not evaluate_folders(*folders, out, regions=REGIONS, page=False, workers=workers, force=True).failed
        here = time.process_time() - start
        used = [json.loads(file.read_text(encoding="utf-8")) for file in usage.iterdir()]
        needed[workers].append(here + (max(seconds for seconds, _ in used) if workers > 1 else 0))
        peaks.extend(memory / 2**20 for _, memory in used)

    monkeypatch.setenv(USAGE, str(usage))
    race.run(int(os.environ.get("MONAI_BOUNDARY_ROUNDS", "1")), one=lambda: run(1), two=lambda: run(2))
    for workers, seconds in needed.items():
        each = [f"{value / CASES:.3f}" for value in seconds[1:]]
        race.lines.append(f"{workers} workers: {', '.join(each)} s of a core for each of {CASES} cases")
    race.report(f"{CASES} cases of 240 x 240 x 155, 3 regions, by the clock", "two", "one", "<= 0.59 on free cores")
    ratio = min(needed[1][1:]) / min(needed[2][1:])
    race.lines.append(f"two workers {ratio:.2f} times as fast by the processors' time (>= 1.7), load {os.getloadavg()}")
    race.lines.append(f"largest process {max(peaks):.2f} GiB (<= 1.5)")
    assert max(peaks) <= 1.5
    assert ratio >= 1.7
