# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.handlers.pictures.volumes import VolumePictures, slices_with_lesions
from monai_boundary.workflows import BRATS, WMH, VolumeTask


def case(flat: bool = False) -> dict[str, torch.Tensor]:
    label = torch.zeros(3, 14, 12, 9)
    label[0, 2:9, 2:9, 2:8] = 1
    label[1, 3:7, 3:7, 3:6] = 1
    label[2, 4:6, 4:6, 4] = 1
    pred = torch.roll(label, 1, dims=1)
    image = torch.rand(4, 14, 12, 9, generator=torch.Generator().manual_seed(0))
    item = {"image": image, "label": label, "pred": pred}
    return {key: value[..., 4] for key, value in item.items()} if flat else item


def test_slices_of_a_volume() -> None:
    shown = VolumePictures("unused", task=BRATS, slices=3, channel=2).select(case())
    assert shown.positions == [2, 4, 7] or shown.positions == [2, 5, 7]
    assert shown.image.shape == (3, 14, 12)
    assert shown.truth.shape == shown.prediction.shape == (3, 3, 14, 12)
    np.testing.assert_array_equal(shown.image[0], case()["image"][2, ..., 2])
    np.testing.assert_array_equal(shown.prediction[0, 0], case()["pred"][0, ..., 2])


def test_an_item_that_is_a_slice() -> None:
    shown = VolumePictures("unused", task=BRATS).select(case(flat=True))
    assert shown.positions == [0]
    np.testing.assert_array_equal(shown.truth[:, 0], case()["label"][..., 4])


@pytest.mark.parametrize("flat", [False, True])
def test_every_region_has_its_outline(flat: bool) -> None:
    pictures = VolumePictures("unused", task=BRATS, slices=2)
    shown = pictures.select(case(flat))
    figure = pictures.figure(shown, "epoch 1")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "WT, whole tumour",
        "TC, tumour core",
        "ET, enhancing tumour",
    ]
    count = len(shown.positions)
    for row, masks in ((1, shown.truth), (2, shown.prediction)):
        for k in range(count):
            drawn = [c for c in figure.axes[row * count + k].collections if c.get_array() is not None]
            assert len(drawn) >= int(masks[:, k].any(axis=(1, 2)).sum())


def test_more_structures_than_colours() -> None:
    """Thirteen organs: each has its outline and its line in the legend, no two of them alike."""
    label = torch.zeros(1, 26, 4, 1)
    for k in range(13):
        label[0, 2 * k, 1:3] = k + 1
    pictures = VolumePictures("unused", structures={f"organ {k}": k for k in range(1, 14)})
    figure = pictures.figure(pictures.select({"image": torch.rand(1, 26, 4, 1), "label": label, "pred": label}), "a")
    lines = figure.legends[0].get_lines()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [f"organ {k}" for k in range(1, 14)]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 13
    for panel in figure.axes[1:3]:
        assert len([c for c in panel.collections if c.get_array() is not None]) == 13


def test_without_a_tumour_the_false_alarms_are_shown() -> None:
    item = case()
    item["label"] = torch.zeros_like(item["label"])
    pictures = VolumePictures("unused", task=BRATS, slices=2)
    assert pictures.select(item).positions == [2, 7]
    pictures.figure(pictures.select({**item, "pred": torch.ones_like(item["pred"])}), "full masks have no outline")


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
    shown = VolumePictures("unused", task=WMH, slices=2).select(item)
    assert shown.positions == [2, 5]
    assert shown.image.shape == (2, 12, 10)
    np.testing.assert_array_equal(shown.image[1], item["image"][0, :, :, 5])
    assert shown.truth.sum() == 18
    assert not shown.prediction.any(), "the prediction lies in slices 3 and 4"
    assert shown.ignored[1].sum() == 6
    assert not shown.ignored[0].any()


def test_a_patient_without_lesions_shows_the_false_alarms() -> None:
    assert VolumePictures("unused", task=WMH).select(scan(lesion=False)).positions == [3, 4]


@pytest.mark.parametrize("lesion", [True, False])
def test_outlines_have_their_colours(lesion: bool) -> None:
    shown = VolumePictures("unused", task=WMH, slices=3).select(scan(lesion))
    figure = VolumePictures("unused", task=WMH).figure(shown, "epoch 1")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["truth", "prediction", *(["not scored"] if lesion else [])]
    below = figure.axes[len(shown.positions) :]
    drawn = sum(len([c for c in axes.collections if c.get_array() is not None]) for axes in below)
    assert drawn >= (shown.truth.any(axis=(2, 3)).sum() + shown.prediction.any(axis=(2, 3)).sum())


def test_classes_by_their_index_along_another_axis() -> None:
    task = VolumeTask({"t1": "unit"}, {"background": 0, "front": 3, "back": 5}, slice_axis=0)
    label = torch.zeros(1, 6, 5, 4)
    label[0, 2, 1:3, 1:3], label[0, 4, 1:3, 1:3], label[0, 4, 4, 3] = 1, 2, 3
    item = {"image": torch.rand(1, 6, 5, 4), "label_ids": label, "label": label, "pred": label * 0}
    pictures = VolumePictures("unused", task=task, slices=9)
    shown = pictures.select(item)
    assert shown.positions == [2, 4]
    assert shown.truth.shape == (2, 2, 5, 4)
    assert shown.truth.sum(axis=(2, 3)).tolist() == [[4, 0], [0, 4]]
    assert shown.ignored.sum(axis=(1, 2)).tolist() == [0, 1]
    names = [text.get_text() for text in pictures.figure(shown, "").legends[0].get_texts()]
    assert names == ["front", "back", "not scored"]
    assert VolumePictures("unused", task=task, slices=9, slice_axis=2).select(item).positions == [1, 2]


def test_file(tmp_path: Path) -> None:
    from tests.handlers.pictures.test_cases import evaluator

    evaluator(VolumePictures(tmp_path, cases=1, structures=["wt", "tc", "et"]), case()).run(3)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_0003_case_0.png"]
