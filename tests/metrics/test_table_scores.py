# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from monai_boundary.metrics.contingency import count_overlaps, empty_table
from monai_boundary.metrics.table_scores import adapted_rand_of_table, cremi_of_table, mean_of_defined, voi_of_table


def test_two_true_segments_that_are_joined() -> None:
    """One bit of merging; of 8 ordered pairs in the truth and 16 in the prediction 8 are in both."""
    truth = np.array([1, 1, 2, 2])
    table = count_overlaps(np.full(4, 7), truth, truth > 0)
    assert voi_of_table(table) == (0.0, 1.0)
    rand = adapted_rand_of_table(table)
    assert (rand.rand_precision, rand.rand_recall) == (0.5, 1.0)
    assert rand.ari == pytest.approx(2 / 3)
    assert cremi_of_table(table).cremi_score == pytest.approx(math.sqrt(1 / 3))


def test_nothing_scored_is_undefined() -> None:
    assert np.isnan(cremi_of_table(empty_table(8))).all()
    assert mean_of_defined([[1.0, math.nan], [3.0, math.nan]])[0] == 2.0
    assert math.isnan(mean_of_defined([[1.0, math.nan], [3.0, math.nan]])[1])


def test_neither_the_scores_nor_the_work_on_volumes_import_monai() -> None:
    heavy = {"monai", "ignite", "mlflow", "matplotlib"}
    code = (
        "import sys, monai_boundary.metrics.table_scores, monai_boundary.volumes.volume_command;"
        f"sys.exit(', '.join({{m.partition('.')[0] for m in sys.modules}} & {heavy}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imports {done.stderr.strip()}"
