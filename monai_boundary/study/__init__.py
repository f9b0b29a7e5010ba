# SPDX-License-Identifier: Apache-2.0
"""Studies: arms of a training side by side over seeds and folds, and which differences are larger than the noise."""

from monai_boundary._extras import extras_named

with extras_named("monai_boundary.study"):
    from monai_boundary.study.picture import draw_study
    from monai_boundary.study.plan import StudyMetric, StudyPlan, StudyRun, read_study
    from monai_boundary.study.run import StudyError, StudyResult, find_study, run_study, write_study_tables
    from monai_boundary.study.runs import RunError
    from monai_boundary.study.scores import ArmScore, arm_scores
    from monai_boundary.study.tables import study_markdown, study_sentence

__all__ = [
    "ArmScore",
    "RunError",
    "StudyError",
    "StudyMetric",
    "StudyPlan",
    "StudyResult",
    "StudyRun",
    "arm_scores",
    "draw_study",
    "find_study",
    "read_study",
    "run_study",
    "study_markdown",
    "study_sentence",
    "write_study_tables",
]
