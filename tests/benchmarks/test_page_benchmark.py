# SPDX-License-Identifier: Apache-2.0
"""What the page of a report takes of memory and of the disk: ten, a hundred and a thousand cases.

``pytest tests/benchmarks/test_page_benchmark.py --benchmark-only``. The memory is what a process takes at most while it
writes page and tables of cases that were scored, beyond what it had before (Python, MONAI and Plotly are imported).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from tests.benchmarks.test_surface_benchmark import SHAPE, SPACING, nested

CLEAR_REFS = Path("/proc/self/clear_refs")
REGIONS = "whole=1+2+3,core=2+3,centre=3"
PROGRAM = """
import json, sys
from pathlib import Path
from monai_boundary.report.case_evaluation import CaseJob, evaluate_case
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import record_path, write_record
from monai_boundary.report.folder_evaluation import case_options
from monai_boundary.report.page_shell import require_page_libraries
from monai_boundary.report.report_files import ReportOptions, write_report

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

require_page_libraries()
place, cases, pictures, regions = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
files = [place / "pred.nii.gz", place / "truth.nii.gz"]
out = place / f"{cases}_{pictures}"
jobs = [
    CaseJob("m", f"case{k}", *files, case_options(None, regions, None), record_path(out, "m", f"case{k}"), run="r")
    for k in range(cases)
]
record = evaluate_case(jobs[0])
for job in jobs:
    write_record({**record, "case": job.case}, job.record)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
how = ReportOptions("dice", pictures=pictures)
write_report(jobs, [], out, {}, how, {"m": CaseMatches([], [], [])}, {})
print(json.dumps({"MiB": round(status("VmHWM") - before, 1), "MB": (out / "report.html").stat().st_size / 1e6}))
"""


def page(folder: Path, cases: int, pictures: str) -> dict[str, float]:
    """MiB of memory and MB of the page."""
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(cases), pictures, REGIONS]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_case(folder: Path, every: int) -> Path:
    """A brain of three regions, or every n-th voxel of one."""
    folder.mkdir()
    for name, shift in (("pred", 1.5), ("truth", 0.0)):
        label = nested(shift).sum(axis=0).astype(np.uint8)[::every, ::every, ::every]
        nibabel.save(
            nibabel.Nifti1Image(label, np.diag([*(every * s for s in SPACING), 1.0])), folder / f"{name}.nii.gz"
        )
    return folder


@pytest.mark.skipif(not CLEAR_REFS.exists(), reason="the largest memory of a process can be set back on Linux only")
def test_memory_does_not_grow_with_the_cases(race: Any, tmp_path: Path) -> None:
    folder = write_case(tmp_path / "small", 6)
    tables = {cases: page(folder, cases, "none")["MiB"] for cases in (10, 100, 1000)}
    drawn = {cases: page(folder, cases, "all")["MiB"] for cases in (10, 100)}
    race.lines.append(f"memory of the page, MiB by cases: {tables}; with a picture of every case: {drawn}")
    assert tables[1000] <= tables[10] + 8
    assert drawn[100] <= drawn[10] + 8


def test_a_page_of_a_hundred_brains(race: Any, tmp_path: Path) -> None:
    size = page(write_case(tmp_path / "brain", 1), 100, "worst")["MB"]
    race.lines.append(f"page of 100 cases of {SHAPE}, 3 regions, worst and median drawn: {size:.1f} MB (< 15)")
    assert size < 15
