# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine
from monai.transforms import Compose, CopyItemsd

from monai_boundary.bundle.lesion_evaluation import SaveLesionsd, write_lesion_evaluation
from monai_boundary.bundle.lesion_pipeline import lesion_transforms
from monai_boundary.bundle.results import read_table
from monai_boundary.data import write_lesion_phantom
from monai_boundary.handlers import LesionScoresHandler


def test_segmentations_lie_on_the_grid_of_the_input(tmp_path: Path) -> None:
    """What is written at a voxel of the input belongs to that voxel, for LAS, qform-only and oblique files."""
    items = write_lesion_phantom(tmp_path / "data", patients=3, shape=(32, 40, 12))
    for item in items:
        data = Compose(lesion_transforms(["flair", "t1"], labels=False, percentiles=(0, 100)))(
            {key: value for key, value in item.items() if key != "label"}
        )
        brightest = data["image"][:1] > 0.5
        data |= {"mask": brightest.float(), "probability": torch.cat([1 - data["image"][:1], data["image"][:1]])}
        save = SaveLesionsd(["mask", "probability"], tmp_path / "out", ["m", "p"], ["uint8", "float32"])
        save(data)
        source = nibabel.load(item["flair"])
        values = np.asarray(source.dataobj)
        scaled = (values - values.min()) / (values.max() - values.min())
        mask = nibabel.load(tmp_path / "out" / f"{item['case']}_m.nii.gz")
        assert mask.get_data_dtype() == np.uint8
        assert mask.shape == source.shape
        np.testing.assert_allclose(mask.affine, source.affine, atol=1e-4)
        probability = nibabel.load(tmp_path / "out" / f"{item['case']}_p.nii.gz")
        np.testing.assert_allclose(np.asarray(probability.dataobj), scaled, atol=1e-5)
        away_from_half = np.abs(scaled - 0.5) > 1e-4
        np.testing.assert_array_equal((np.asarray(mask.dataobj) == 1)[away_from_half], (scaled > 0.5)[away_from_half])
    assert len(list((tmp_path / "out").iterdir())) == 6


def case(name: str, lesion: bool, found: bool) -> dict[str, Any]:
    ids = torch.zeros(1, 8, 8, 4)
    pred = torch.zeros(1, 8, 8, 4)
    if lesion:
        ids[0, 2:4, 2:4, 1] = 1
    if found:
        pred[0, 2:4, 2, 1] = 1
    spacing = torch.tensor([1.0, 1.0, 3.0], dtype=torch.float64)
    return {
        "image": torch.zeros(1, 8, 8, 4),
        "label": ids,
        "label_ids": ids,
        "mask": pred,
        "spacing": spacing,
        "case": name,
    }


def test_scores_of_whole_patients(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    items = [case("half", True, True), case("missed", True, False), case("healthy", False, False)]
    scores = LesionScoresHandler(from_engine(["mask", "label_ids", "spacing"]), extra=["spacing"], missed_mm=50.0)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=1),
        network=torch.nn.Identity(),
        postprocessing=CopyItemsd("mask", names="pred_mask"),
        key_val_metric={"dice": scores},
    )
    evaluator.run()
    result = write_lesion_evaluation(tmp_path, evaluator, items, {"fold": 0})
    assert result["mean"]["dice"] == pytest.approx((2 / 3 + 0) / 2), "the healthy one is undefined, the missed one is 0"
    assert result["mean"]["hd95_mm"] == pytest.approx((1 + 50) / 2)
    assert result["defined"]["dice"] == 2
    assert result["defined"]["volume_difference_ml"] == 3
    assert (result["missed"], result["false_alarm"]) == (1, 0)
    assert result["std"]["dice"] == pytest.approx(2 / 3 / math.sqrt(2))
    assert json.loads((tmp_path / "evaluation.json").read_text())["settings"] == {"fold": 0}
    rows = read_table(tmp_path / "evaluation_cases.csv")
    assert [row["case"] for row in rows] == ["half", "missed", "healthy"]
    assert math.isnan(rows[2]["dice"])
    assert rows[1]["hd95_mm"] == 50
    assert "Mean scores of 3 cases" in caplog.text
    assert "missed patients   1" in caplog.text
