# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_boundary.report.score_names import CLASS_SCORES, COUNTED, INSTANCE_SCORES, SCORES, score_column, titled_score
from tests.report.case_folders import ball
from tests.report.test_case_scores import instances, score


def test_every_score_has_a_name() -> None:
    assert set(score(ball(), ball(), challenge="gli").scores) == {*CLASS_SCORES, *COUNTED}
    assert set(instances([[1]], [[1]])) == {*INSTANCE_SCORES, *COUNTED}


def test_units() -> None:
    assert score_column("assd", "nm", "voxels") == "assd_nm"
    assert score_column("volume_truth", "voxel", "voxels") == "volume_truth_voxels"
    assert score_column("case", "mm", "ml") == "case"
    assert titled_score("volume_difference_percent", "mm", "ml") == "Volume difference (%)"
    assert {about.better for about in SCORES.values()} == {"higher", "lower", ""}
