# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.handlers.pictures.lesions import (
    LesionPictures,
    LesionSlices,
    draw_lesions,
    slices_with_lesions,
)


def scan(lesion: bool = True) -> dict[str, torch.Tensor]:
    generator = np.random.default_rng(0)
    ids = np.zeros((1, 12, 10, 9), np.uint8)
    if lesion:
        ids[0, 3:6, 2:5, 2:6] = 1
        ids[0, 8:10, 6:9, 5] = 2
    pred = np.zeros_like(ids)
    pred[0, 4:7, 2:5, 3:5] = 1
    image = generator.random((2, 12, 10, 9), np.float32)
    return {"image": torch.from_numpy(image), "label_ids": torch.from_numpy(ids), "pred": torch.from_numpy(pred)}


def test_slices_are_spread_over_those_with_lesions() -> None:
    mask = np.zeros((3, 3, 20))
    mask[0, 0, [3, 4, 5, 17]] = 1
    assert slices_with_lesions(mask, 2) == [3, 17]
    assert slices_with_lesions(mask, 9) == [3, 4, 5, 17]
    assert slices_with_lesions(np.zeros((3, 3, 20)), 4) == [10]


def test_what_is_kept_of_a_patient() -> None:
    item = scan()
    shown = LesionPictures("unused", slices=2).select(item)
    assert shown.positions == [2, 5]
    assert shown.image.shape == (2, 12, 10)
    np.testing.assert_array_equal(shown.image[1], item["image"][0, :, :, 5])
    assert shown.truth.sum() == 18
    assert not shown.prediction.any(), "the prediction lies in slices 3 and 4"
    assert shown.ignored[1].sum() == 6
    assert not shown.ignored[0].any()


def test_a_patient_without_lesions_shows_the_false_alarms() -> None:
    assert LesionPictures("unused").select(scan(lesion=False)).positions == [3, 4]


@pytest.mark.parametrize("lesion", [True, False])
def test_outlines_have_their_colours(lesion: bool) -> None:
    shown = LesionPictures("unused", slices=3).select(scan(lesion))
    figure = draw_lesions(shown, "epoch 1")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["truth", "prediction", *(["not scored"] if lesion else [])]
    below = figure.axes[len(shown.positions) :]
    drawn = sum(len([c for c in axes.collections if c.get_array() is not None]) for axes in below)
    assert drawn >= (shown.truth.any(axis=(1, 2)).sum() + shown.prediction.any(axis=(1, 2)).sum())


def test_full_masks_have_no_outline_and_are_drawn() -> None:
    full = np.ones((1, 4, 4), bool)
    draw_lesions(LesionSlices(full.astype(float), full, full, ~full, [0]), "full")


def test_file(tmp_path: Path) -> None:
    from tests.handlers.pictures.test_cases import evaluator

    evaluator(LesionPictures(tmp_path, cases=1), scan()).run(3)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_0003_case_0.png"]
