# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary.metrics.table_scores import CREMIScore
from monai_boundary.volumes.volume_evaluation import VolumeEvaluation
from monai_boundary.volumes.volume_job import VolumeJob
from monai_boundary.volumes.volume_page import write_volume_page
from monai_boundary.volumes.volume_source import open_volume


def page_of(tmp_path: Path, store: Callable[..., str], **result: Any) -> str:
    """The page of an evaluation, what is not shown and the words of its head and summary alone."""
    source = open_volume(store("neurons", np.ones((2, 2, 2), np.uint8)))
    about = {"scored": 8, "sections": 1, "failed": (), "files": ()}
    with VolumeJob(tmp_path / "out", "evaluate", {"truth": source}, {"border_tolerance_nm": 25.0}) as job:
        page = write_volume_page(
            job, "report.html", VolumeEvaluation(**{"scores": None, **about, **result})
        ).read_text()
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style).*?</\1>", " ", page)).split())


def test_the_page_of_instances(tmp_path: Path, store: Callable[..., str]) -> None:
    scores = CREMIScore(0.4321, 0.1234, 0.2345, 0.3456, float("nan"))
    page = page_of(tmp_path, store, scores=scores, objects=(7, 5))
    for words in ("neurons", "0.432", "0.123", "0.234", "0.346", "border_tolerance_nm"):
        assert words in page
    assert "prediction instances 0 of 1 0 of 1" in page
    assert "In no truth" not in page, "as it said of every volume"
    assert "something is there, the errors are those of one object" in page


def test_nothing_predicted_is_a_miss(tmp_path: Path, store: Callable[..., str]) -> None:
    scores = CREMIScore(1.4, 0.0, 2.0, 0.0, 1.0)
    assert "prediction instances 1 of 1 0 of 1" in page_of(tmp_path, store, scores=scores, objects=(4, 0))


def test_the_page_of_classes_tells_their_rules(tmp_path: Path, store: Callable[..., str]) -> None:
    scores = {"dice": 0.75, "volume_truth": 9.0, "missed": 0.0, "false_alarm": 0.0, "both_empty": 0.0}
    page = page_of(tmp_path, store, classes={"axon": scores})
    assert "every overlap counts as 0, and every distance as the diagonal of the image" in page
    assert "PQ" not in page
