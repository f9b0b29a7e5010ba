# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine

from monai_boundary._tables import read_table
from monai_boundary.handlers import VolumeScoresHandler
from monai_boundary.workflows import write_case_scores


def test_scores_by_case_and_over_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    core = torch.zeros(1, 6, 6)
    core[0, 1:3, 1:3] = 1
    truths = [core, core, 0 * core]
    preds = [core, 0 * core, 0 * core]
    items = [
        {"image": p, "label": t, "case": "a", "slice": 4 + k}
        for k, (p, t) in enumerate(zip(preds, truths, strict=True))
    ]
    handler = VolumeScoresHandler(from_engine(["pred", "label"]), structures=["tc"], key_score="dice", spacing=2.0)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=2),
        network=torch.nn.Identity(),
        key_val_metric={"dice": handler},
    )
    evaluator.run()
    with caplog.at_level(logging.INFO):
        result = write_case_scores(tmp_path, evaluator, handler.item_metric, items, {"part": "validation"})
    assert result["mean"]["tc_dice"] == 0.5
    assert result["std"]["tc_dice"] == pytest.approx(math.sqrt(0.5))
    assert result["defined"]["tc_dice"] == 2
    assert (result["tc_missed"], result["cases"], result["settings"]) == (1, 3, {"part": "validation"})
    assert "tc_missed" not in result["mean"]
    saved = json.loads((tmp_path / "evaluation.json").read_text())
    assert saved["mean"]["tc_hd95_mm"] == pytest.approx(0.5 * 12 * math.sqrt(2))
    rows = read_table(tmp_path / "evaluation_cases.csv")
    assert [(row["case"], row["slice"], row["tc_dice"]) for row in rows[:2]] == [("a", 4, 1.0), ("a", 5, 0.0)]
    assert math.isnan(rows[2]["tc_dice"])
    assert "Mean scores of 3 cases:" in caplog.text
    (line,) = (line for line in caplog.text.splitlines() if "TC HD95 (mm)" in line)
    assert "of 2 cases, undefined in 1; 1 missed, each counted as the image's diagonal" in line
