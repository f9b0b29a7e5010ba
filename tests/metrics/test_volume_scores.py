# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_boundary.metrics import (
    BettiErrorMetric,
    ComponentScoresMetric,
    LesionScoresMetric,
    LesionWiseScoresMetric,
    SurfaceScoresMetric,
    TrimapIoUMetric,
    TumourScoresMetric,
    VolumeDifferenceMetric,
)
from monai_boundary.metrics.mask_score_names import LESION_SCORES
from monai_boundary.metrics.volume_scores import VolumeScoresMetric

CLASSES = {"front": 1, "back": 2}


def masks(seed: int, channels: int, items: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(items, channels, 8, 7, 6, generator=generator) > 0.8).float()


def test_classes_by_hand() -> None:
    truth, pred = torch.zeros(1, 1, 1, 8), torch.zeros(1, 1, 1, 8)
    truth[..., :2], truth[..., 4:8] = 1, 2
    pred[..., :2], pred[..., 4:6] = 1, 2
    metric = VolumeScoresMetric(CLASSES, ("dice", "hausdorff_mm"), spacing=(1.0, 0.5))
    metric(pred, truth)
    found = {name: float(value) for name, value in metric.aggregate().items()}
    assert found["front_dice"] == 1
    assert found["back_dice"] == pytest.approx(2 / 3)
    assert (found["front_hausdorff_mm"], found["back_hausdorff_mm"]) == (0, 1.0)
    assert found["dice"] == pytest.approx(5 / 6)
    assert found["back_missed"] == found["back_false_alarm"] == 0


def test_regions_are_scored_as_brats_does() -> None:
    pred, truth = masks(0, 3), masks(1, 3)
    truth[1, 2] = 0
    names = ("wt", "tc", "et")
    for options in ({}, {"both_empty": "perfect", "missed_mm": 50.0}):
        ours, theirs = VolumeScoresMetric(names, spacing=2.0, **options), TumourScoresMetric(spacing=2.0, **options)
        torch.testing.assert_close(ours(pred, truth), theirs(pred, truth), rtol=0, atol=0, equal_nan=True)
        assert ours.score_names == theirs.score_names
        assert ours.counted == theirs.counted
        assert ours.count_undefined() == theirs.count_undefined()


def test_lesions_are_scored_as_their_challenges_do() -> None:
    pred, truth = masks(2, 1, 3), masks(3, 1, 3)
    truth[0, :, :4] *= 2
    pred[2] = truth[2] = 0
    for options in ({"section_axis": 2}, {"both_empty": "perfect", "f1_rule": "isles2022"}):
        ours = VolumeScoresMetric({"lesion": 1}, LESION_SCORES, spacing=(1, 1, 3), ignore_labels=(2,), **options)
        theirs = LesionScoresMetric(spacing=(1, 1, 3), ignore_labels=(2,), **options)
        torch.testing.assert_close(ours(pred, truth), theirs(pred, truth), rtol=0, atol=0, equal_nan=True)
        assert ours.score_names == theirs.score_names
        assert ours.count_undefined() == theirs.count_undefined()


def test_surface_scores_are_those_of_their_metric() -> None:
    pred, truth = masks(4, 1), masks(5, 1)
    names = ("assd_mm", "nsd_1mm", "nsd_2mm", "boundary_f_2mm", "boundary_iou")
    ours, theirs = VolumeScoresMetric(None, ("dice", *names), spacing=1.0), SurfaceScoresMetric(spacing=1.0)
    rows, expected = ours(pred, truth), theirs(pred, truth)
    for name in names:
        torch.testing.assert_close(
            rows[:, ours.score_names.index(name)], expected[:, theirs.score_names.index(name)], rtol=0, atol=0
        )


def test_every_other_score_is_that_of_its_metric() -> None:
    pred, truth = masks(6, 2), masks(7, 2)
    pred[1, 0] = 0  # missed
    structures, spacing = ("a", "b"), (1.0, 1.5, 2.0)
    theirs = [
        ComponentScoresMetric(structures, spacing=spacing, tolerances_mm=(1.5, 3.0)),
        TrimapIoUMetric(structures, spacing=spacing, widths_mm=(1.0, 4.0)),
        BettiErrorMetric(structures),
        VolumeDifferenceMetric(structures, spacing=spacing),
        LesionWiseScoresMetric(structures, spacing=spacing, challenge="met"),
    ]
    names = (
        "component_dice",
        "component_hd95_mm",
        "component_nsd_1.5mm",
        "component_nsd_3mm",
        "missed_components",
        "trimap_iou_1mm",
        "trimap_iou_4mm",
        "betti_error",
        "signed_volume_difference_ml",
        "signed_volume_difference_percent",
        "lesion_wise_dice",
        "lesion_wise_hd95_mm",
    )
    ours = VolumeScoresMetric(structures, names, spacing=spacing, challenge="met")
    rows = dict(zip(ours.score_names, ours(pred, truth).T, strict=True))
    seen = set()
    for metric in theirs:
        for name, values in zip(metric.score_names, metric(pred, truth).T, strict=True):
            if name in rows:
                torch.testing.assert_close(rows[name], values, rtol=0, atol=0, equal_nan=True)
                seen.add(name)
    assert seen >= {f"{structure}_{name}" for structure in structures for name in (*names, "missed")}


def test_other_scores_of_empty_structures() -> None:
    names = ("component_dice", "component_hd95", "trimap_iou_1mm", "betti_error", "signed_volume_difference_ml")
    nothing, something = torch.zeros(1, 1, 10, 10, 10), torch.zeros(1, 1, 10, 10, 10)
    something[..., 2:5, 2:7, 2:7] = 1
    perfect = VolumeScoresMetric(None, (*names, "lesion_wise_dice"), spacing=1.0, both_empty="perfect", missed_mm=9.0)
    np.testing.assert_allclose(perfect(nothing, nothing)[0], [1, 0, 1, 0, 0, 1, 0, 0])
    np.testing.assert_allclose(perfect(nothing, something)[0], [0, 9, 0, 1, -0.075, 0, 1, 0])
    undefined = VolumeScoresMetric(None, names, spacing=1.0)
    np.testing.assert_allclose(undefined(nothing, nothing)[0], [math.nan, math.nan, math.nan, 0, 0, 0, 0])


def test_lesion_wise_scores_are_of_volumes() -> None:
    with pytest.raises(ValueError, match="3-D images for lesion-wise ones, got 2-D"):
        VolumeScoresMetric(None, ("lesion_wise_dice",), spacing=1.0)(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))


def test_empty_structures() -> None:
    names = ("dice", "assd_mm", "nsd_2mm", "lesion_recall")
    nothing, something = torch.zeros(1, 1, 4, 4, 4), torch.ones(1, 1, 4, 4, 4)
    diagonal = math.sqrt(3 * 16)
    for options, both, lone in (
        ({}, [math.nan] * 4, [0, diagonal, 0, 0]),
        ({"both_empty": "perfect", "missed_mm": 9.0}, [1, 0, 1, 1], [0, 9.0, 0, 0]),
    ):
        metric = VolumeScoresMetric(None, names, spacing=1.0, **options)
        np.testing.assert_allclose(metric(nothing, nothing)[0], [*both, 0, 0])
        np.testing.assert_allclose(metric(nothing, something)[0], [*lone, 1, 0])


def test_voxels_that_do_not_count_may_hold_anything() -> None:
    truth = torch.tensor([0, 1, 1, 2, 3, 3.0]).reshape(1, 1, 1, 6)
    metric = VolumeScoresMetric(CLASSES, ("dice",), spacing=1.0, ignore_labels=(3,))
    for value in (0, 1, 2):
        pred = truth.clone()
        pred[truth == 3] = value
        assert metric(pred, truth)[0, [0, 3, 6]].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": ()}, "`scores` needs different scores, at least one"),
        ({"scores": ("dice", "dice")}, "`scores` needs different scores"),
        ({"scores": ("nsd_xmm",)}, "`scores` needs some of dice, .* nsd_2mm, .* got 'nsd_xmm'"),
        (
            {"scores": ("dyce",)},
            "`scores` needs some of dice, hd95_mm, .* betti_error, .* got 'dyce'",
        ),
        ({"scores": "dice"}, "`scores` needs a list of names, got 'dice'"),
        ({"scores": ("hd95", "hd95_mm")}, "`scores` needs different scores"),
        ({"scores": ("trimap_iou_0mm",)}, "`scores` needs"),
        ({"scores": ("nsd_-1mm",)}, "`tolerances_mm` needs"),
        ({"challenge": "mine"}, "`challenge` needs one of"),
        ({"both_empty": "zero"}, "`both_empty` needs one of"),
        ({"f1_rule": "mine"}, "`f1_rule` needs one of"),
        ({"missed_mm": -1.0}, "`missed_mm`"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VolumeScoresMetric(None, **options)


def test_masks_are_masks() -> None:
    with pytest.raises(ValueError, match=r"`y` needs a mask of 0 and 1, .* One mask for each region"):
        VolumeScoresMetric(None, spacing=1.0)(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 2.0))
