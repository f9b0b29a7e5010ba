# SPDX-License-Identifier: Apache-2.0
"""What every process that scores or draws cases needs, made ready where it is imported, once before they are forked.

Imports are not all: with the first call numba loads its machinery and the compiled kernels, about a second in each
process, and compiles them, which takes far longer, where that was never done. So a small case is scored here, in 3-D
and in 2-D.
"""

from __future__ import annotations

import numpy as np

import monai_boundary.report.case_drawing  # noqa: F401
from monai_boundary.report.case_scores import CURVE_POINTS, MaskScoring, score_masks

for _shape in ((24, 24, 24), (24, 24)):
    _true = np.zeros(_shape, dtype=np.bool_)
    _true[(slice(4, 14),) * len(_shape)] = True
    score_masks(np.roll(_true, 3, axis=0), _true, (1.0,) * len(_shape), MaskScoring(1.0, CURVE_POINTS["mm"], 1.0))
