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
from monai.metrics import compute_dice
from scipy import ndimage

from monai_boundary.metrics import LesionScores, LesionScoresMetric, compute_lesion_scores
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks
from tests.oracles.components import detection
from tests.oracles.surfaces import voxel_hausdorff

SPACING = (1.0, 2.0, 5.0)
NAN = math.nan


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Truth: lesions of 3 and 1 voxels, other pathology of 2. Predicted: 1 right voxel, 1 beside it, 1 ignored."""
    truth, pred = np.zeros((2, 6, 6, 4), dtype=np.int64)
    truth[1, 1:4, 1] = 1
    truth[4, 4, 3] = 1
    truth[4, 0:2, 3] = 2
    pred[1, 1, 1] = pred[0, 1, 1] = pred[4, 0, 3] = 1
    return pred, truth


def test_drawn() -> None:
    pred, truth = drawn()
    scores = compute_lesion_scores(pred, truth, spacing=SPACING, ignore_labels=(2,), missed_mm=100.0)
    # truth to prediction: 0, 2, 4 mm and, from (4, 4, 3) to (1, 1, 1), sqrt(9 + 36 + 100) mm; the other way 0 and 1 mm
    far = math.sqrt(145)
    expected = LesionScores(2 / 6, 0.15 * 4 + 0.85 * far, 50.0, 0.02, 0.5, 1.0, 2 / 3, 1.0, 0.0, 0.0)
    assert scores == pytest.approx(expected)
    assert scores.dice == pytest.approx(
        float(compute_dice(*(torch.from_numpy(a == 1)[None, None] for a in (np.where(truth == 2, 0, pred), truth))))
    )


@each_seed(ALL)
def test_equal_to_voxels_counted_and_distances_between_all(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    scores = compute_lesion_scores(pred, true, spacing=spacing)
    n_pred, n_true, both = (sum(mask.ravel().tolist()) for mask in (pred, true, pred & true))
    recall, precision, f1, lesions, predicted, *_ = detection(pred, true, "wmh2017")
    voxel = math.prod(spacing) / 1000 if true.ndim == 3 else NAN
    expected = (
        *(2 * both / (n_pred + n_true) if n_pred + n_true else NAN, voxel_hausdorff(pred, true, spacing)),
        *(100 * abs(n_pred - n_true) / n_true if n_true else NAN, abs(n_pred - n_true) * voxel),
        *(recall, precision, f1, abs(lesions - predicted), n_true > 0 == n_pred, n_pred > 0 == n_true),
    )
    np.testing.assert_allclose(scores, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("pred", "truth", "expected"),
    [
        (False, True, (0, 30, 100, 0.01, 0, NAN, 0, 1, 1, 0)),
        (True, False, (0, 30, NAN, 0.01, NAN, 0, 0, 1, 0, 1)),
        (False, False, (NAN, NAN, NAN, 0, NAN, NAN, NAN, 0, 0, 0)),
        (True, True, (1, 0, 0, 0, 1, 1, 1, 0, 0, 0)),
    ],
)
def test_empty_cases(pred: bool, truth: bool, expected: tuple[float, ...]) -> None:
    lesion = np.zeros((4, 4, 2))
    lesion[2, 2, 1] = 1
    scores = compute_lesion_scores(lesion * pred, lesion * truth, spacing=SPACING, missed_mm=30.0)
    np.testing.assert_allclose(scores, expected)
    perfect = compute_lesion_scores(
        lesion * pred, lesion * truth, spacing=SPACING, missed_mm=30.0, both_empty="perfect"
    )
    np.testing.assert_allclose(perfect, expected if pred or truth else (1, 0, 0, 0, 1, 1, 1, 0, 0, 0))


def test_a_picture_has_no_volume() -> None:
    scores = compute_lesion_scores(np.ones((2, 2)), np.ones((2, 2)), spacing=1.0)
    assert math.isnan(scores.volume_difference_ml)
    assert scores.dice == 1


def images(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    pred, truth = torch.from_numpy(rng.random((2, 3, 1, 8, 7, 5)) > 0.85).float()
    pred[1] = 0
    truth[2] = 0
    return pred, truth


def test_batches_equal_singles(rng: np.random.Generator) -> None:
    pred, truth = images(rng)
    metric = LesionScoresMetric(spacing=SPACING)
    rows = metric(pred, truth)
    singles = [compute_lesion_scores(p[0], t[0], spacing=SPACING) for p, t in zip(pred, truth, strict=True)]
    np.testing.assert_array_equal(rows.numpy(), singles)
    np.testing.assert_array_equal(metric(list(pred), list(truth)).numpy(), rows.numpy())


def test_means_counts_and_undefined(rng: np.random.Generator) -> None:
    pred, truth = images(rng)
    nothing = torch.zeros_like(pred[:1])
    metric = LesionScoresMetric(spacing=SPACING)
    rows = metric(torch.cat([pred, pred[1:2], nothing]), torch.cat([truth, truth[1:2], nothing]))
    scores = metric.aggregate()
    assert (scores["missed"].item(), scores["false_alarm"].item()) == (2, 1)
    assert scores["dice"].item() == pytest.approx(rows[0, 0].item() / 4)  # four defined: one hit, two missed, one alarm
    diagonal = math.sqrt(8**2 + 14**2 + 25**2)
    assert scores["hd95_mm"].item() == pytest.approx((rows[0, 1].item() + 3 * diagonal) / 4)
    assert metric.count_undefined() == 1
    assert metric.aggregate("sum")["dice"].item() == pytest.approx(rows[0, 0].item())
    np.testing.assert_array_equal(metric.aggregate("none")["missed"].numpy(), [[0], [1], [0], [1], [0]])


def test_all_missed_is_never_zero_nor_nan() -> None:
    truth = torch.ones(2, 1, 3, 3, 3)
    metric = LesionScoresMetric(spacing=1.0)
    metric(torch.zeros_like(truth), truth)
    scores = metric.aggregate()
    assert scores["hd95_mm"].item() == pytest.approx(math.sqrt(27))
    assert (scores["missed"].item(), scores["dice"].item(), scores["lesion_recall"].item()) == (2, 0, 0)


def image(mask: torch.Tensor, affine: np.ndarray) -> MetaTensor:
    return MetaTensor(mask, affine=torch.as_tensor(affine, dtype=torch.float64))


def test_millimetres_by_the_affine_of_each_patient() -> None:
    pred, truth = torch.zeros(2, 1, 6, 6, 4)
    pred[0, 1, 1, 1] = truth[0, 1, 1, 3] = 1
    angle = np.deg2rad(25.0)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    flipped, oblique = np.diag([-1.0, -1.0, 3.0, 1.0]), turn @ np.diag([1.0, -2.0, 8.0, 1.0])
    batch = list_data_collate([{"y": image(truth, flipped)}, {"y": image(truth, oblique)}])["y"]
    metric = LesionScoresMetric()
    rows = metric(torch.stack([pred, pred]), batch)
    np.testing.assert_allclose(rows[:, 1].numpy(), [6.0, 16.0])
    np.testing.assert_allclose(metric([pred, pred], decollate_batch(batch)).numpy(), rows.numpy())
    np.testing.assert_allclose(
        metric(torch.stack([pred, pred]), batch, spacing=[[1.0] * 3, [2.0] * 3])[:, 1], [2.0, 4.0]
    )


def test_a_lost_affine_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"`spacing` needs 3 entries \(mm per axis\): `y` is no MetaTensor"):
        LesionScoresMetric()(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2))


def test_options_reach_the_scores_and_pickle() -> None:
    pred, truth = (torch.from_numpy(a)[None, None] for a in drawn())
    metric = pickle.loads(pickle.dumps(LesionScoresMetric(spacing=SPACING, ignore_labels=[2], missed_mm=9.0)))
    assert metric(pred, truth)[0, 0].item() == pytest.approx(1 / 3)
    assert metric(torch.zeros_like(pred), truth)[0, 1].item() == 9.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"both_empty": "nan"}, "`both_empty` needs one of 'undefined', 'perfect', got 'nan'"),
        ({"missed_mm": -1.0}, "`missed_mm` needs a finite number > 0, got -1.0"),
        ({"reduction": "median"}, "`reduction` needs one of 'none'"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LesionScoresMetric(**options)


def test_real_lesions_against_themselves_moved(real_data: Callable[[str], Path]) -> None:
    nibabel = pytest.importorskip("nibabel")
    truth = np.asarray(nibabel.load(real_data("wmh_open_ms") / "patient07" / "lesion.nii.gz").dataobj)
    pred = np.roll(truth, 2, axis=0)
    scores = compute_lesion_scores(pred, truth, spacing=1.0)
    assert scores.hd95_mm == pytest.approx(2.0)
    assert (scores.volume_difference_percent, scores.missed, scores.lesion_count_difference) == (0, 0, 0)
    lesions, count = ndimage.label(truth, np.ones((3, 3, 3)))
    assert scores.lesion_recall == len(set(lesions[(pred > 0) & (truth > 0)].tolist())) / count
