# SPDX-License-Identifier: Apache-2.0
"""Studies: arms of a training side by side over seeds and folds, and which differences are larger than the noise."""

from monai_boundary.study.cell_runs import CellError, CellRunner
from monai_boundary.study.picture import draw_study
from monai_boundary.study.plan import StudyCell, StudyMetric, StudyPlan, read_study
from monai_boundary.study.run import StudyError, StudyResult, find_study, run_study, write_study_tables
from monai_boundary.study.scores import ArmScore, arm_scores, cell_rows, read_score
from monai_boundary.study.tables import study_markdown, study_sentence
from monai_boundary.study.tracking import StudyTracking

__all__ = [
    "ArmScore",
    "CellError",
    "CellRunner",
    "StudyCell",
    "StudyError",
    "StudyMetric",
    "StudyPlan",
    "StudyResult",
    "StudyTracking",
    "arm_scores",
    "cell_rows",
    "draw_study",
    "find_study",
    "read_score",
    "read_study",
    "run_study",
    "study_markdown",
    "study_sentence",
    "write_study_tables",
]
