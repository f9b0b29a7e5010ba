# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from monai_boundary.metrics.table_scores import CREMIScore
from monai_boundary.volumes.volume_job import VolumeJob
from monai_boundary.volumes.volume_page import write_volume_page
from monai_boundary.volumes.volume_source import open_volume


def test_the_page_of_instances(tmp_path: Path, store: Callable[..., str]) -> None:
    source = open_volume(store("neurons", np.ones((2, 2, 2), np.uint8)))
    scores = CREMIScore(0.4321, 0.1234, 0.2345, 0.3456, float("nan"))
    with VolumeJob(tmp_path / "out", "evaluate", {"truth": source}, {"border_tolerance_nm": 25.0}) as job:
        page = write_volume_page(job, "report.html", scores, None).read_text()
    for words in ("neurons", "0.432", "0.123", "0.234", "0.346", "border_tolerance_nm"):
        assert words in page
