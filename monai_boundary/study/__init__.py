# SPDX-License-Identifier: Apache-2.0
"""Studies: arms of a training side by side over seeds and folds, and which differences are larger than the noise."""

from monai_boundary.study.picture import draw_study
from monai_boundary.study.plan import StudyMetric, StudyPlan, StudyRun, read_study
from monai_boundary.study.run import StudyError, StudyResult, find_study, run_study, write_study_tables
from monai_boundary.study.runs import RunError, RunPool
from monai_boundary.study.scores import ArmScore, arm_scores, read_score, run_rows
from monai_boundary.study.tables import study_markdown, study_sentence
from monai_boundary.study.tracking import StudyTracking

__all__ = [
    "ArmScore",
    "RunError",
    "RunPool",
    "StudyError",
    "StudyMetric",
    "StudyPlan",
    "StudyResult",
    "StudyRun",
    "StudyTracking",
    "arm_scores",
    "draw_study",
    "find_study",
    "read_score",
    "read_study",
    "run_rows",
    "run_study",
    "study_markdown",
    "study_sentence",
    "write_study_tables",
]
