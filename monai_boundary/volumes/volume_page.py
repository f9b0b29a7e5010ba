# SPDX-License-Identifier: Apache-2.0
"""The page of a volume's scores: that of the evaluation of folders, with the volume as its one case."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_boundary.data.em.source import EMSource
from monai_boundary.report.report_page import write_report_page
from monai_boundary.report.report_tables import report_tables
from monai_boundary.report.score_names import CLASS_SCORES, COUNTED, INSTANCE_SCORES
from monai_boundary.volumes.volume_job import VolumeJob

if TYPE_CHECKING:
    from monai_boundary.volumes.volume_evaluation import VolumeEvaluation

_METHOD = "prediction"


def write_volume_page(job: VolumeJob, name: str, result: VolumeEvaluation) -> Path:
    """Write the page, whole or not at all. Its scores are those that are computed by blocks.

    Args:
        job: whose scores they are.
        name: of the file in its folder.
        result: of :func:`~monai_boundary.volumes.evaluate_volume`, without a failed block.
    """
    known = CLASS_SCORES if result.classes is not None else INSTANCE_SCORES
    of_class = result.classes if result.classes is not None else {"instances": _instance_scores(result)}
    found: dict[str, Any] = {
        name: {"scores": {key: value for key, value in own.items() if key in (*known, *COUNTED)}}
        for name, own in of_class.items()
    }
    settings = job.manifest["settings"]
    record = {
        "method": _METHOD,
        "case": EMSource.parse(job.manifest["inputs"]["truth"]["source"]).path.stem,
        "unit": "nm",
        "volume_unit": "voxels",
        "notes": [],
        "tolerance": settings.get("tolerance_nm", math.nan),
        "classes": found,
    }
    rank_by = "dice" if result.classes is not None else "cremi_score"
    tables = report_tables([record], [_METHOD], rank_by, has_table=True)
    return write_report_page(job.folder / name, tables, settings, {}, [], [])


def _instance_scores(result: VolumeEvaluation) -> dict[str, float]:
    """Scores and counts of ids, as of a case of the evaluation of folders."""
    scores: dict[str, float] = {} if result.scores is None else result.scores._asdict()
    true, pred = result.objects or (0, 0)
    scores |= {"objects_truth": float(true), "objects_prediction": float(pred)}
    return scores | {
        "missed": float(pred == 0 < true),
        "false_alarm": float(true == 0 < pred),
        "both_empty": float(pred == true == 0),
    }
