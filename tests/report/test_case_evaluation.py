# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_boundary.report.case_evaluation import CaseJob, CaseOptions, evaluate_case, load_case, voxel_volume
from tests.report.case_folders import ball, write_nifti


def job(tmp_path: Path, pred: Any, true: Any, *, spacing: Any = (1.0, 1.0, 2.0), **options: Any) -> CaseJob:
    files = write_nifti(tmp_path / "pred.nii.gz", pred, spacing), write_nifti(tmp_path / "true.nii.gz", true)
    return CaseJob("m", "a", *files, CaseOptions(**options), tmp_path / "cases" / "a.json")


def test_a_case(tmp_path: Path) -> None:
    work = job(tmp_path, 2 * ball(), ball() + ball(centre=(9, 9, 2), radius=1.0), tolerance=2.0)
    record = evaluate_case(work)
    assert json.loads(work.record.read_text())["mark"] == record["mark"] == work.mark
    assert (record["unit"], record["volume_unit"], record["tolerance"], record["notes"]) == ("mm", "ml", 2.0, [])
    assert record["classes"]["2"]["scores"]["false_alarm"] == 1
    assert record["classes"]["1"]["scores"]["missed"] == 1
    assert [row["kind"] for row in record["classes"]["1"]["lesions"]] == ["missed", "missed"]
    volume = record["classes"]["1"]["scores"]["volume_truth"]
    assert volume == pytest.approx(0.002 * (ball().sum() + ball(centre=(9, 9, 2), radius=1.0).sum()))


def test_a_record_of_another_version_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a report that was gone on with after an update would have scores of both."""
    work = job(tmp_path, ball(), ball())
    mark = work.mark
    assert work.mark == mark
    monkeypatch.setattr("monai_boundary.report.case_evaluation.__version__", "0.0.1")
    assert work.mark != mark


def test_another_grid_fails_and_is_aligned_on_demand(tmp_path: Path) -> None:
    fine = np.repeat(ball(), 2, axis=2)
    record = evaluate_case(job(tmp_path, fine, ball(), spacing=(1.0, 1.0, 1.0)))
    assert "shape (12, 12, 16) against (12, 12, 8); spacing (1, 1, 1) against (1, 1, 2) mm" in record["error"]
    assert "`align` resamples" in record["error"]
    aligned = evaluate_case(job(tmp_path, fine, ball(), spacing=(1.0, 1.0, 1.0), align=True))
    assert "resampled to the truth's grid by nearest neighbour (shape" in aligned["notes"][0]
    assert aligned["classes"]["1"]["scores"]["dice"] == 1


def test_a_grid_that_one_file_does_not_state(tmp_path: Path) -> None:
    flat = ball((6, 7), (3, 3), 2)
    Image.fromarray(flat).save(tmp_path / "a.png")
    truth = write_nifti(tmp_path / "a.nii", flat)
    loaded = load_case(tmp_path / "a.png", truth, CaseOptions())
    assert loaded.notes == ["the prediction states no grid: only shapes were compared"]
    assert loaded.prediction.unit == loaded.truth.unit == "mm"
    other = load_case(truth, tmp_path / "a.png", CaseOptions())
    assert other.notes == ["the truth states no grid: only shapes were compared"]
    assert other.truth.unit == "mm"


def test_255_of_a_picture_is_1_unless_it_is_a_class(tmp_path: Path) -> None:
    """Of 0, 128 and 255 a side may lack 128: its 255 were another class than those of the truth."""
    both, disc, mask = [[0, 128, 255, 255]], [[0, 0, 255, 255]], [[0, 0, 1, 1]]
    other = [[0, 0, 1, 2]]
    for name, values in {"both": both, "disc": disc, "mask": mask, "other": other}.items():
        Image.fromarray(np.array(values, np.uint8)).save(tmp_path / f"{name}.png")
    named = CaseOptions(classes={"disc": (128,), "cup": (255,)})
    for pred, true, options, expected in [
        ("disc", "both", CaseOptions(), (disc, both)),
        ("both", "disc", CaseOptions(), (both, disc)),
        ("disc", "disc", named, (disc, disc)),
        ("disc", "disc", CaseOptions(), (mask, mask)),
        ("disc", "mask", CaseOptions(), (mask, mask)),
        ("disc", "other", CaseOptions(), (mask, other)),
    ]:
        loaded = load_case(tmp_path / f"{pred}.png", tmp_path / f"{true}.png", options)
        assert (loaded.prediction.values.tolist(), loaded.truth.values.tolist()) == expected


def test_nnunets_probabilities_of_a_stack_are_not_turned(tmp_path: Path) -> None:
    """A cube has the right shape either way."""
    stack = np.zeros((4, 4, 4), np.uint8)
    stack[0, :2] = 1
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    np.savez(tmp_path / "a.npz", probabilities=np.stack([1.0 - stack, stack]))
    files = (tmp_path / "a.tif", tmp_path / "a.tif")
    work = CaseJob("m", "a", *files, CaseOptions(), tmp_path / "cases" / "a.json", tmp_path / "a.npz")
    assert evaluate_case(work)["classes"]["1"]["thresholds"]["dice"] == [1.0] * 19


def test_a_false_alarm_at_a_lower_threshold_counts_with_and_without_a_table(tmp_path: Path) -> None:
    """A case without lesion, in which none is predicted at 0.5: without a table it was in no curve."""
    nothing, chance = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.float32)
    chance[0, 0, 0] = 0.3
    file = write_nifti(tmp_path / "chance.nii", chance)
    for options in ({}, {"classes": {"1": (1,)}}):
        work = job(tmp_path, nothing, nothing, **options)._replace(probability=file)
        record = evaluate_case(work)["classes"]["1"]
        assert record["thresholds"]["dice"][:6] == [0.0] * 6
        assert np.isnan(record["thresholds"]["dice"][6:]).all()
        assert record["scores"]["both_empty"] == 1


def test_what_is_ignored_of_instances_comes_beside_the_background(tmp_path: Path) -> None:
    """--ignore_labels 5 made the background an object."""
    ids = np.zeros((4, 12, 12), np.int32)
    ids[:, 1:6, 1:11], ids[:, 7:11, 1:11] = 1, 5
    one_for_all = np.full(ids.shape, 9, np.int32)  # as a network does that knows no background
    found = evaluate_case(job(tmp_path, one_for_all, ids, instances=True, ignore_labels=(5,)))
    scores = found["classes"]["instances"]["scores"]
    assert (scores["voi_merge"], scores["voi_split"], scores["arand"]) == (0, 0, 0)


def test_instances(tmp_path: Path) -> None:
    ids = np.repeat(np.arange(1, 4, dtype=np.int32), 4)[:, None, None] * np.ones((1, 4, 4), np.int32)
    record = evaluate_case(job(tmp_path, ids, ids, instances=True))
    assert record["classes"]["instances"]["scores"]["pq"] == 1
    Image.fromarray(ids[..., 0].astype(np.uint8)).save(tmp_path / "a.png")
    options = CaseOptions(instances=True, border_tolerance_nm=25.0)
    work = CaseJob("m", "a", tmp_path / "a.png", tmp_path / "a.png", options, tmp_path / "cases" / "b.json")
    error = evaluate_case(work)["error"]
    assert "`border_tolerance_nm` needs a spacing" in error
    assert "give `spacing_nm`" in error


@pytest.mark.parametrize(("value", "pieces", "refused"), [(255, 3, True), (1, 3, True), (255, 2, False), (7, 3, False)])
def test_a_mask_is_no_instances(tmp_path: Path, value: int, pieces: int, refused: bool) -> None:
    """One object may be cut in two by the frame; cells between membranes are more."""
    mask = np.zeros((12, 4, 4), np.int32)
    for k in range(pieces):
        mask[4 * k : 4 * k + 3] = value
    ids = np.repeat(np.arange(1, 4, dtype=np.int32), 4)[:, None, None] * np.ones((1, 4, 4), np.int32)
    for pred, true in ((mask, ids), (ids, mask)):
        record = evaluate_case(job(tmp_path, pred, true, instances=True))
        assert ("error" in record) == refused
        if refused:
            assert f"got a mask in {tmp_path}" in record["error"]
            assert f"{value} in 3 pieces" in record["error"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("library's own"), KeyError("x")])
def test_whatever_fails_is_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("monai_boundary.report.case_evaluation.load_case", fail)
    work = job(tmp_path, ball(), ball())
    record = evaluate_case(work)
    assert record["error"] == json.loads(work.record.read_text())["error"]
    assert record["error"]


def test_missing_files_and_bad_labels_are_records(tmp_path: Path) -> None:
    half = evaluate_case(job(tmp_path, ball() * np.float32(0.5), ball()))
    assert "`prediction` needs whole numbers, got 0.5" in half["error"]
    work = job(tmp_path, ball(), ball())
    work.truth.unlink()
    assert "true.nii.gz" in evaluate_case(work)["error"]


def test_volumes() -> None:
    assert voxel_volume("mm", (2.0, 2.0)) == ("voxels", 1.0)
    assert voxel_volume("nm", (4.0, 4.0, 40.0)) == ("voxels", 1.0)
