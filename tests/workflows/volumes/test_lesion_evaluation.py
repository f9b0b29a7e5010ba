# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import json
import logging
import math
import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine
from monai.transforms import Compose, CopyItemsd

from monai_boundary.data import wmh_datalist, write_lesion_phantom
from monai_boundary.handlers import LesionScoresHandler
from monai_boundary.workflows.runs.results import read_table
from monai_boundary.workflows.volumes.lesion_evaluation import (
    SaveLesionsd,
    check_segmentations,
    write_lesion_evaluation,
)
from monai_boundary.workflows.volumes.lesion_pipeline import lesion_transforms
from tests.data.nifti_files import LAS, write


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


AXES = [np.eye(3)[:, list(order)] for order in itertools.permutations(range(3))]
SIGNS = [np.diag(signs) for signs in itertools.product((1.0, -1.0), repeat=3)]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (1, 4, 3)])
@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0])
def test_every_orientation_can_be_written(tmp_path: Path, shape: tuple[int, ...], angle: float) -> None:
    """All 48 orders and directions of the axes, straight and oblique; volumes and single slices."""
    rng = np.random.default_rng(0)
    turn = np.eye(3)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    steps = Compose(lesion_transforms(("flair",), labels=False, percentiles=(0, 100)))
    save = SaveLesionsd("pred", tmp_path / "out", output_dtype="float32")
    for k, (axes, signs) in enumerate(itertools.product(AXES, SIGNS)):
        affine = np.eye(4)
        affine[:3, :3] = turn @ axes @ signs @ np.diag([0.9, 1.1, 4.0])
        affine[:3, 3] = 7, -20, 3
        values = rng.random(shape, np.float32)
        path = write(tmp_path / f"{k}" / "FLAIR.nii.gz", values, affine)
        data = steps({"flair": str(path), "case": f"{k}"})
        save({**data, "pred": data["image"].clone()})
        made = nibabel.load(tmp_path / "out" / f"{k}_lesions.nii.gz")
        np.testing.assert_allclose(made.affine, nibabel.load(path).affine, atol=1e-6)
        np.testing.assert_allclose(made.get_fdata(), (values - values.min()) / np.ptp(values), atol=1e-5)


def test_nothing_is_replaced(tmp_path: Path) -> None:
    """Not what was there, without `overwrite`; and never the output of another input of the same run."""
    for name, value in (("a-b/c", 0.25), ("a/b-c", 0.75)):
        voxels = np.full((6, 6, 3), value, np.float32)
        voxels[0, 0, 0] = 0
        write(tmp_path / "data" / name / "FLAIR.nii.gz", voxels)
    items = wmh_datalist(tmp_path / "data", modalities="flair", require_labels=False)
    assert len({item["case"] for item in items}) == len({item["patient"] for item in items}) == 2
    check_segmentations(items, tmp_path / "out", ["lesions", "probability"])
    load = Compose(lesion_transforms(["flair"], labels=False))
    for overwrite in (False, True):
        save = SaveLesionsd("pred", tmp_path / "out", output_dtype="float32", overwrite=overwrite)
        for item in items:
            data, value = load(item), float(nibabel.load(item["flair"]).get_fdata().max())
            save({**data, "pred": torch.full_like(data["image"], value)})
        for item in items:
            made = nibabel.load(tmp_path / "out" / f"{item['case']}_lesions.nii.gz")
            assert made.get_fdata().min() == nibabel.load(item["flair"]).get_fdata().max()
    with pytest.raises(ValueError, match="`overwrite` needs to be true to replace the 2 of 4 outputs"):
        check_segmentations(items, tmp_path / "out", ["lesions", "probability"])
    check_segmentations(items, tmp_path / "out", overwrite=True)
    with pytest.raises(ValueError, match=r"overwrite=True .*lesions.nii.gz"):
        SaveLesionsd("pred", tmp_path / "out")({**data, "pred": data["image"]})
    first = {**load(items[0]), "case": "same"}
    save({**first, "pred": first["image"]})
    with pytest.raises(ValueError, match=r"`case` needs to differ, got 'same' of .*FLAIR.nii.gz and of .*FLAIR.nii.gz"):
        save({**data, "case": "same", "pred": data["image"]})
    with pytest.raises(ValueError, match="`case` needs a name that a file can have, got 'a/b'"):
        save({**data, "case": "a/b", "pred": data["image"]})


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="needs a folder that can be written"):
        check_segmentations([{"case": "a"}], tmp_path / "file")
    with pytest.raises(ValueError, match="needs a name for every output"):
        check_segmentations([{"case": "a"}, {"case": "A"}], tmp_path / "out")


def test_qform_sform_and_unit_are_those_of_the_input(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.random.default_rng(0).random((6, 5, 4), np.float32), np.diag([900, 1100, 4000, 1]))
    image.set_qform(np.diag([-900, -1100, 4000, 1]), 1)
    image.set_sform(np.diag([900, 1100, 4000, 1]), 2)
    image.header.set_xyzt_units("micron")
    image.to_filename(tmp_path / "FLAIR.nii.gz")
    data = Compose(lesion_transforms(["flair"], labels=False))({"flair": str(tmp_path / "FLAIR.nii.gz"), "case": "p"})
    (loaded,) = DataLoader(Dataset([data]), batch_size=1)  # as in inference: collated, and taken apart again
    one = {key: value[0] for key, value in loaded.items()}
    one["image"] = MetaTensor(data["image"].as_tensor(), meta=dict(data["image"].meta))
    SaveLesionsd("pred", tmp_path / "out")({**one, "pred": (one["image"] > 0.5).float()})
    made = nibabel.load(tmp_path / "out" / "p_lesions.nii.gz")
    np.testing.assert_array_equal(made.get_qform(), image.get_qform())
    np.testing.assert_array_equal(made.get_sform(), image.get_sform())
    assert [int(made.header[code]) for code in ("qform_code", "sform_code")] == [1, 2]
    assert made.header.get_xyzt_units()[0] == "micron"


def test_an_image_of_another_grid_is_refused(tmp_path: Path) -> None:
    image = MetaTensor(torch.zeros(1, 4, 4, 4), affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))
    with pytest.raises(ValueError, match="`image` needs the grid of `native_affine`"):
        SaveLesionsd("image", tmp_path)({"image": image, "case": "a", "native_affine": torch.as_tensor(LAS)})


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
    assert re.search(r"missed patients +1\n", caplog.text)
    assert "1 missed)" in caplog.text, "what it was counted as is not among these settings"
