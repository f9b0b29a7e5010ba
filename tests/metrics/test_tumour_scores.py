# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou

from monai_boundary.metrics import RegionScores, TumourScoresMetric, compute_tumour_scores
from monai_boundary.ops import tumour_regions
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks
from tests.oracles.surfaces import voxel_hausdorff

SPACING = (1.0, 2.0, 5.0)
NAN = math.nan
DIAGONAL = math.hypot(4, 8, 10)


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Whole: 3 true voxels in a row and 2 predicted, one of them right. Core: one voxel, predicted one slice away."""
    pred, truth = np.zeros((2, 2, 6, 6, 4))
    truth[0, 1, 1:4, 1] = 1
    pred[0, 0:2, 1, 1] = 1
    truth[1, 2, 2, 1] = pred[1, 2, 2, 2] = 1
    return pred, truth


def test_drawn() -> None:
    scores = compute_tumour_scores(*drawn(), spacing=SPACING, regions=("wt", "tc"))
    # true to predicted: 0, 2 and 4 mm; predicted to true: 1 and 0 mm; the 95th percentile of 0, 2, 4 is 3.8
    assert scores["wt"] == pytest.approx((2 / 5, 1 / 4, 4.0, 3.8, 0, 0))
    assert scores["tc"] == pytest.approx((0, 0, 5.0, 5.0, 0, 0))
    assert list(scores) == ["wt", "tc"]
    assert isinstance(scores["wt"], RegionScores)


@each_seed(ALL)
def test_equal_to_voxels_counted_and_distances_between_all(seed: int) -> None:
    """The second region is the first with prediction and truth changed over."""
    pred, true, spacing = seeded_masks(seed)
    scores = compute_tumour_scores([pred, true], [true, pred], spacing=spacing, regions=("a", "b"))
    both, either, total = int((pred & true).sum()), int((pred | true).sum()), int(pred.sum() + true.sum())
    overlaps = (2 * both / total, both / either) if either else (NAN, NAN)
    distances = [voxel_hausdorff(pred, true, spacing, q) for q in (100, 95)]
    counts = bool(true.any()) and not pred.any(), bool(pred.any()) and not true.any()
    np.testing.assert_allclose(scores["a"], (*overlaps, *distances, *counts), atol=1e-9)
    np.testing.assert_allclose(scores["b"], (*overlaps, *distances, *counts[::-1]), atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("shape", [(9, 8), (7, 6, 5)])
def test_against_monai(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    pred, truth = (rng.random((2, 3, *shape)) < 0.2).astype(np.float32)
    spacing = SPACING[: len(shape)]
    scores = compute_tumour_scores(pred, truth, spacing=spacing)
    tensors = [torch.from_numpy(x)[None] for x in (pred, truth)]
    expected = [
        compute_dice(*tensors)[0],
        compute_iou(*tensors)[0],
        compute_hausdorff_distance(*tensors, include_background=True, spacing=spacing)[0],
        compute_hausdorff_distance(*tensors, include_background=True, spacing=spacing, percentile=95)[0],
    ]
    found = np.array([scores[region][:4] for region in ("wt", "tc", "et")])
    np.testing.assert_allclose(found, torch.stack(expected, dim=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        (False, True, (0, 0, DIAGONAL, DIAGONAL, 1, 0)),
        (True, False, (0, 0, DIAGONAL, DIAGONAL, 0, 1)),
        (False, False, (NAN, NAN, NAN, NAN, 0, 0)),
        (True, True, (1, 1, 0, 0, 0, 0)),
    ],
)
def test_empty_regions(predicted: bool, true: bool, expected: tuple[float, ...]) -> None:
    mask = np.zeros((1, 4, 4, 2))
    mask[0, 2, 2, 1] = 1
    options: dict[str, Any] = {"spacing": SPACING, "regions": ("et",)}
    np.testing.assert_allclose(compute_tumour_scores(mask * predicted, mask * true, **options)["et"], expected)
    perfect = compute_tumour_scores(mask * predicted, mask * true, both_empty="perfect", **options)["et"]
    np.testing.assert_allclose(perfect, expected if predicted or true else (1, 1, 0, 0, 0, 0))
    priced = compute_tumour_scores(mask * predicted, mask * true, missed_mm=7.0, **options)["et"]
    assert (priced.hd95_mm == 7) == (predicted != true)


def test_the_price_of_a_miss_is_that_of_brats() -> None:
    truth = np.zeros((1, 240, 240, 155), dtype=bool)
    truth[0, 100, 100, 100] = True
    scores = compute_tumour_scores(np.zeros_like(truth), truth, spacing=1.0, regions=("et",))
    assert scores["et"].hausdorff_mm == pytest.approx(373.1287)


def test_a_union_is_not_an_intersection() -> None:
    """Jaccard follows from Dice: J = D / (2 - D)."""
    pred, truth = np.zeros((2, 1, 4, 4))
    pred[0, :3, :2] = 1
    truth[0, 1:, :3] = 1
    scores = compute_tumour_scores(pred, truth, spacing=1.0, regions=("tc",))["tc"]
    assert scores.jaccard == pytest.approx(4 / 11)
    assert scores.jaccard == pytest.approx(scores.dice / (2 - scores.dice))


def batch(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Three patients; the second's enhancing tumour is missed, the third has none and none is predicted."""
    pred, truth = torch.from_numpy(rng.random((2, 3, 3, 6, 5, 4)) < 0.3).float()
    pred[1, 2] = 0
    pred[2, 2] = truth[2, 2] = 0
    return pred, truth


def test_batches_equal_singles_and_names_are_in_order(rng: np.random.Generator) -> None:
    pred, truth = batch(rng)
    metric = TumourScoresMetric(spacing=SPACING)
    rows = metric(pred, truth)
    names = metric.score_names
    assert names[:6] == ("wt_dice", "wt_jaccard", "wt_hausdorff_mm", "wt_hd95_mm", "wt_missed", "wt_false_alarm")
    assert names[12] == "et_dice"
    assert names[18:] == ("dice", "jaccard", "hausdorff_mm", "hd95_mm")
    for row, p, t in zip(rows.numpy(), pred, truth, strict=True):
        scores = compute_tumour_scores(p, t, spacing=SPACING)
        np.testing.assert_array_equal(row[:18], [value for region in scores.values() for value in region])
        np.testing.assert_allclose(row[18:], np.nanmean([region[:4] for region in scores.values()], axis=0))
    np.testing.assert_array_equal(metric(list(pred), list(truth)), rows)


def test_means_counts_and_undefined(rng: np.random.Generator) -> None:
    pred, truth = batch(rng)
    metric = TumourScoresMetric(spacing=SPACING)
    rows = metric(pred, truth)
    scores = metric.aggregate()
    assert (scores["et_missed"].item(), scores["et_false_alarm"].item(), scores["wt_missed"].item()) == (1, 0, 0)
    assert scores["et_dice"].item() == pytest.approx(rows[0, 12].item() / 2), "the third patient is left out"
    assert scores["et_hd95_mm"].item() == pytest.approx((rows[0, 15].item() + math.hypot(6, 10, 20)) / 2)
    assert metric.count_undefined() == 1
    assert metric.aggregate("none")["et_missed"].flatten().tolist() == [0, 1, 0]


def test_nothing_defined_is_nan_and_nothing_found_is_never_zero_mm() -> None:
    nothing, all_of_it = torch.zeros(1, 3, 3, 3, 3), torch.ones(1, 3, 3, 3, 3)
    metric = TumourScoresMetric(spacing=1.0)
    metric(nothing, nothing)
    assert all(math.isnan(metric.aggregate()[name].item()) for name in ("dice", "hd95_mm", "et_hd95_mm"))
    metric.reset()
    metric(nothing, all_of_it)
    assert metric.aggregate()["hd95_mm"].item() == pytest.approx(math.sqrt(27))


def test_one_region_and_slices() -> None:
    truth = torch.zeros(2, 1, 5, 5)
    truth[:, :, 1:3, 1:3] = 1
    metric = TumourScoresMetric("tc", spacing=(2.0, 2.0))
    rows = metric(torch.roll(truth, 1, dims=2), truth)
    assert metric.regions == ("tc",)
    np.testing.assert_allclose(rows[:, 0], 0.5)
    np.testing.assert_allclose(rows[:, metric.score_names.index("hausdorff_mm")], 2.0)


def test_mm_by_the_affine_of_each_patient() -> None:
    truth, pred = torch.zeros(2, 1, 6, 6, 4)
    truth[0, 1, 1, 1] = pred[0, 1, 1, 3] = 1
    images = [
        MetaTensor(truth, affine=torch.diag(torch.tensor([-1.0, -1.0, size, 1.0]).double())) for size in (3.0, 8.0)
    ]
    collated = list_data_collate([{"y": image} for image in images])["y"]
    metric = TumourScoresMetric(["wt"])
    column = metric.score_names.index("wt_hausdorff_mm")
    assert metric(torch.stack([pred, pred]), collated)[:, column].tolist() == [6, 16]
    assert metric([pred, pred], decollate_batch(collated))[:, column].tolist() == [6, 16]
    with pytest.raises(ValueError, match=r"`spacing` needs 3 entries \(mm per axis\): `y` is no MetaTensor"):
        metric(pred[None], truth[None])


def test_pickles_with_its_options() -> None:
    metric = pickle.loads(pickle.dumps(TumourScoresMetric(("a", "b"), spacing=1.0, missed_mm=9.0)))
    truth = torch.ones(1, 2, 3, 3)
    assert metric(torch.zeros_like(truth), truth)[0, 2].item() == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_pred": np.zeros((2, 3, 3))}, r"`y_pred` needs the shape of `y`, \(3, 3, 3\), got \(2, 3, 3\)"),
        (
            {"y": np.full((3, 3, 3), 4.0)},
            "`y` needs a mask of 0 and 1, got 4 .* One mask for each region",
        ),
        ({"y_pred": np.full((3, 3, 3), NAN)}, "`y_pred` needs finite values, got NaN"),
        ({"regions": ("wt", "tc")}, "`y` needs 2 channels, wt, tc, got 3"),
        ({"spacing": None}, "`spacing` needs 2 entries"),
        ({"spacing": (1.0,) * 3}, "`spacing` needs 2 entries"),
        ({"both_empty": "nan"}, "`both_empty` needs one of 'undefined', 'perfect', got 'nan'"),
        ({"missed_mm": -1.0}, "`missed_mm` needs a finite number > 0"),
    ],
)
def test_bad_input(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"y_pred": np.zeros((3, 3, 3)), "y": np.zeros((3, 3, 3)), "spacing": 1.0}
    with pytest.raises(ValueError, match=message):
        compute_tumour_scores(**{**given, **change})


def test_bad_metrics() -> None:
    with pytest.raises(ValueError, match="`regions` needs different names"):
        TumourScoresMetric(("wt", "wt"))
    with pytest.raises(ValueError, match="`both_empty` needs one of"):
        TumourScoresMetric(both_empty="zero")
    with pytest.raises(ValueError, match=r"`y` needs shape \(B, 3, H, W\[, D\]\) \(3 channels\), got \(1, 1, 4, 4\)"):
        TumourScoresMetric(spacing=1.0)(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(TypeError, match="`y` needs a boolean, integer or floating array"):
        compute_tumour_scores(np.zeros((1, 2, 2)), np.full((1, 2, 2), "a"), spacing=1.0, regions=("wt",))


def test_a_real_tumour_moved(real_data: Callable[[str], Path]) -> None:
    nibabel = pytest.importorskip("nibabel")
    folder = real_data("brats") / "BraTS2021_00006"
    truth = tumour_regions(np.asarray(nibabel.load(folder / "BraTS2021_00006_seg.nii.gz").dataobj))
    scores = compute_tumour_scores(np.roll(truth, 3, axis=1), truth, spacing=(1.0, 1.0, 1.0))
    assert {region: s.hausdorff_mm for region, s in scores.items()} == pytest.approx(dict.fromkeys(scores, 3.0))
    assert all(0 < s.hd95_mm <= 3 for s in scores.values())
    assert all(0.4 < s.dice < 1 for s in scores.values())
