# SPDX-License-Identifier: Apache-2.0
"""The page of a volume's scores: that of the evaluation of folders, with the volume as its one case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_boundary.data.em.source import EMSource
from monai_boundary.metrics.table_scores import CREMIScore
from monai_boundary.report.report_page import write_report_page
from monai_boundary.report.report_tables import report_tables
from monai_boundary.report.score_names import CLASS_SCORES, COUNTED, INSTANCE_SCORES
from monai_boundary.volumes.volume_job import VolumeJob

_METHOD = "prediction"


def write_volume_page(
    job: VolumeJob, name: str, scores: CREMIScore | None, classes: Mapping[str, Mapping[str, float]] | None
) -> Path:
    """Write the page, whole or not at all. Its scores are those that are computed by blocks.

    Args:
        job: whose scores they are.
        name: of the file in its folder.
        scores: of instances.
        classes: scores of each class, in their place.
    """
    known = CLASS_SCORES if classes is not None else INSTANCE_SCORES
    none = dict.fromkeys(COUNTED, 0.0)
    of_class = classes if classes is not None else {"instances": scores._asdict() if scores is not None else {}}
    found: dict[str, Any] = {
        name: {"scores": none | {key: value for key, value in own.items() if key in (*known, *COUNTED)}}
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
    rank_by = "dice" if classes is not None else "cremi_score"
    tables = report_tables([record], [_METHOD], rank_by, has_table=True)
    return write_report_page(job.folder / name, tables, settings, {}, [], [])
