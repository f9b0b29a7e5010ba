# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import monai_boundary.report.worker_start
import numpy as np
from monai_boundary.report.case_scores import CURVE_POINTS, MaskScoring, score_masks

def compiled():
    kernels = {(name, key): value for name, module in list(sys.modules.items()) if name.startswith("monai_boundary.")
               for key, value in vars(module).items() if hasattr(value, "signatures")}
    return {where: len(kernel.signatures) for where, kernel in kernels.items()}

before, modules = compiled(), set(sys.modules)
for shape in ((40, 30, 20), (40, 30)):
    true, predicted = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    true[5:30, 5:20] = predicted[9:33, 4:20] = True
    score_masks(predicted, true, (0.5, 1.0, 3.0)[: len(shape)], MaskScoring(1.0, CURVE_POINTS["mm"], 1.0))
assert any(before.values()), before
assert compiled() == before, (before, compiled())
print(sorted(set(sys.modules) - modules))
"""


def test_a_case_finds_all_kernels_and_modules_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
