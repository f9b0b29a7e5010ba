# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.handlers import TumourPictures


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
    shown = TumourPictures("unused", slices=3, channel=2).select(case())
    assert shown.positions == [2, 4, 7] or shown.positions == [2, 5, 7]
    assert shown.image.shape == (3, 14, 12)
    assert shown.truth.shape == shown.prediction.shape == (3, 3, 14, 12)
    np.testing.assert_array_equal(shown.image[0], case()["image"][2, ..., 2])
    np.testing.assert_array_equal(shown.prediction[0, 0], case()["pred"][0, ..., 2])


def test_an_item_that_is_a_slice() -> None:
    shown = TumourPictures("unused").select(case(flat=True))
    assert shown.positions == [0]
    np.testing.assert_array_equal(shown.truth[:, 0], case()["label"][..., 4])


@pytest.mark.parametrize("flat", [False, True])
def test_every_region_has_its_outline(flat: bool) -> None:
    pictures = TumourPictures("unused", slices=2)
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


def test_without_a_tumour_the_false_alarms_are_shown() -> None:
    item = case()
    item["label"] = torch.zeros_like(item["label"])
    pictures = TumourPictures("unused", slices=2)
    assert pictures.select(item).positions == [2, 7]
    pictures.figure(pictures.select({**item, "pred": torch.ones_like(item["pred"])}), "full masks have no outline")


def test_file(tmp_path: Path) -> None:
    from tests.handlers.pictures.test_cases import evaluator

    evaluator(TumourPictures(tmp_path, cases=1), case()).run(3)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_0003_case_0.png"]
