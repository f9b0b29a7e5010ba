# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Rotate90

from monai_boundary.metrics import CREMIScoreMetric, VariationOfInformationMetric
from tests.gloo import in_two_processes
from tests.metrics.segmentations import two_cells
from tests.metrics.uneven_items import scored

TRUTH = torch.from_numpy(two_cells())[None, None]
MERGED = torch.ones_like(TRUTH)
NOTHING = torch.zeros_like(TRUTH)


def filled(*items: tuple[torch.Tensor, torch.Tensor]) -> VariationOfInformationMetric:
    metric = VariationOfInformationMetric()
    for pred, truth in items:
        metric(pred, truth)
    return metric


def test_the_mean_leaves_undefined_items_out() -> None:
    metric = filled((MERGED, TRUTH), (TRUTH, TRUTH), (MERGED, NOTHING))
    assert metric.aggregate()["voi_merge"].item() == 0.5
    assert metric.count_undefined() == 1


@pytest.mark.parametrize("reduction", ["mean", "sum", "mean_batch", "sum_batch", "mean_channel", "sum_channel", "none"])
def test_nothing_defined_is_nan_and_never_perfect(reduction: str) -> None:
    for metric in (filled((TRUTH, NOTHING), (MERGED, NOTHING)), filled()):
        for value in metric.aggregate(reduction).values():
            assert value.isnan().all()


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("mean", 1.0),
        ("sum", 1.0),
        ("mean_batch", [1.0]),
        ("sum_batch", [1.0]),
        ("mean_channel", [1.0, np.nan]),
        ("none", [[1.0], [np.nan]]),
    ],
)
def test_reductions_have_the_shapes_of_monai(reduction: str, expected: object) -> None:
    metric = filled((MERGED, TRUTH), (MERGED, NOTHING))
    np.testing.assert_array_equal(metric.aggregate(reduction)["voi_merge"].numpy(), expected)
    assert metric.aggregate(reduction)["voi_merge"].dtype == torch.float64


def test_aggregating_twice_and_after_a_reset() -> None:
    metric = filled((MERGED, TRUTH))
    assert metric.aggregate()["voi_merge"].item() == metric.aggregate()["voi_merge"].item() == 1.0
    metric(TRUTH, TRUTH)
    assert metric.aggregate()["voi_merge"].item() == 0.5
    metric.reset()
    metric(TRUTH, TRUTH)
    assert metric.aggregate()["voi_merge"].item() == 0.0


def test_details_hold_every_item() -> None:
    details = filled((MERGED, TRUTH), (MERGED, NOTHING)).details()
    assert details["voi_merge"].shape == (2, 1)
    np.testing.assert_array_equal(details["voi_merge"].numpy(), [[1.0], [np.nan]])


def test_items_of_a_list_may_differ_in_shape() -> None:
    metric = VariationOfInformationMetric()
    rows = metric([MERGED[0], MERGED[0, :, :2]], [TRUTH[0], TRUTH[0, :, :2]])
    np.testing.assert_array_equal(rows.numpy(), [[0.0, 1.0]] * 2)


def wrong_beside_the_boundary() -> tuple[torch.Tensor, torch.Tensor]:
    truth = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2]] * 8)[None, None]
    pred = truth.clone()
    pred[..., 2] = 2  # one column further from the boundary than its own voxels
    return pred, truth


def as_image(ids: torch.Tensor, spacing: tuple[float, ...], units: str | None) -> MetaTensor:
    meta = {} if units is None else {"units": units}
    return MetaTensor(ids, affine=torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64)), meta=meta)


def test_spacing_of_an_image_in_nanometres() -> None:
    pred, truth = wrong_beside_the_boundary()
    metric = CREMIScoreMetric(border_tolerance_nm=5.0)
    for spacing, swallowed in (((30.0, 5.0), True), ((5.0, 30.0), False)):
        image = as_image(truth[0], spacing, "nm")
        assert (metric([pred[0]], [image])[0, 0].item() == 0.0) is swallowed
        # a rotated image has its axes, and so its spacing, exchanged
        turned = Rotate90()(image)
        assert turned.shape == image.shape
        assert (metric([torch.rot90(pred[0], dims=(1, 2))], [turned])[0, 0].item() == 0.0) is swallowed


def test_spacing_of_a_batch_of_images_is_that_of_each_item() -> None:
    pred, truth = wrong_beside_the_boundary()
    items = [{"y": as_image(truth[0], spacing, "nm")} for spacing in ((30.0, 5.0), (5.0, 30.0))]
    batch = list_data_collate(items)["y"]
    metric = CREMIScoreMetric(border_tolerance_nm=5.0)
    rows = metric(torch.cat([pred, pred]), batch)
    assert (rows[:, 0] == 0).tolist() == [True, False]
    apart = metric([pred[0], pred[0]], decollate_batch(batch))
    np.testing.assert_array_equal(apart.numpy(), rows.numpy())


def test_spacing_given_wins_over_the_image() -> None:
    pred, truth = wrong_beside_the_boundary()
    image = as_image(truth[0], (5.0, 30.0), "nm")
    assert CREMIScoreMetric(border_tolerance_nm=5.0, spacing=(30.0, 5.0))([pred[0]], [image])[0, 0].item() == 0.0
    by_call = CREMIScoreMetric(border_tolerance_nm=5.0, spacing=30.0)
    assert by_call([pred[0]], [image], spacing=(30.0, 5.0))[0, 0].item() == 0.0
    assert by_call([pred[0]], [image])[0, 0].item() > 0.0


@pytest.mark.parametrize("units", [None, "mm"])
def test_a_tolerance_without_nanometres_is_an_error(units: str | None) -> None:
    _, truth = wrong_beside_the_boundary()
    metric = CREMIScoreMetric(border_tolerance_nm=5.0)
    with pytest.raises(ValueError, match=r"`spacing` needs 2 entries \(nm per axis\) for a border tolerance in nm"):
        metric([truth[0]], [as_image(truth[0], (5.0, 5.0), units)])


def test_volumes_and_options_reach_the_score() -> None:
    truth = torch.stack([TRUTH[0, 0], TRUTH[0, 0]])[None, None]
    pred = torch.stack([MERGED[0, 0], TRUTH[0, 0]])[None, None]
    assert VariationOfInformationMetric(per_section=True)(pred, truth)[0, 1].item() == 0.5
    assert VariationOfInformationMetric()(pred, truth)[0, 1].item() != 0.5
    everything = VariationOfInformationMetric(ignore_labels=(0, 1, 2))(pred, truth)
    assert everything.isnan().all()


def test_metrics_pickle_and_are_named() -> None:
    metric = pickle.loads(pickle.dumps(CREMIScoreMetric(border_tolerance_nm=5.0, spacing=5.0)))
    assert metric.options["border_tolerance_nm"] == 5.0
    assert str(metric) == "CREMIScoreMetric"


@pytest.mark.parametrize(
    ("pred", "truth", "message"),
    [
        (TRUTH, None, "`y` needs the truth of the batch, got None"),
        ([TRUTH[0]], None, "`y` needs the truth of the batch, got None"),
        (TRUTH[..., 1:], TRUTH, r"`y_pred` needs the shape of `y`, \(1, 1, 4, 5\), got \(1, 1, 4, 4\)"),
        (TRUTH[0], TRUTH[0], r"`y` needs shape \(B, 1, H, W\[, D\]\) .*, got \(1, 4, 5\)"),
        (TRUTH.repeat(1, 2, 1, 1), TRUTH.repeat(1, 2, 1, 1), r"one channel.*, got \(1, 2, 4, 5\)"),
        (TRUTH[:0], TRUTH[:0], "`y` needs at least one item, got an empty batch"),
        ([TRUTH[0]], [TRUTH[0]] * 2, r"`y_pred` needs as many items as `y`, 2 \(at least one\), got 1"),
        ([], [], r"`y_pred` needs as many items as `y`, 0 \(at least one\), got 0"),
    ],
)
def test_bad_batches(pred: object, truth: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariationOfInformationMetric()(pred, truth)  # type: ignore[arg-type]


def test_bad_options() -> None:
    with pytest.raises(ValueError, match=r"`border_tolerance_nm` needs a finite number >= 0, got -1"):
        CREMIScoreMetric(border_tolerance_nm=-1)
    with pytest.raises(ValueError, match=r"`reduction` needs one of 'none', 'mean', .*, got 'median'"):
        CREMIScoreMetric(reduction="median")
    with pytest.raises(ValueError, match=r"`reduction` needs one of .*, got 'median'"):
        filled((MERGED, TRUTH)).aggregate("median")


def test_two_processes_with_uneven_items(tmp_path: Path) -> None:
    found = in_two_processes(scored, tmp_path)
    assert found[0] == found[1]
    # 3 items here and 1 there, 3 and none, none at all, and only undefined ones: as if one process had seen them
    assert found[0]["uneven"] == {"voi_split": 0.0, "voi_merge": 0.75, "items": 4}
    assert found[0]["one empty"] == {"voi_split": 0.0, "voi_merge": pytest.approx(2 / 3), "items": 3}
    assert found[0]["both empty"] == {"voi_split": None, "voi_merge": None, "items": 0}
    assert found[0]["undefined"] == {"voi_split": None, "voi_merge": None, "items": 2}
    assert found[0]["curve"] == {"ari_best": 1.0, "items": 3}
    assert found[0]["handler"] == {"key": -0.75, "voi_merge": 0.75, "items": 4}
