# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.data import CacheDataset, DataLoader
from monai.transforms import Compose, Lambdad, RandLambdad

from monai_boundary.data import write_tumour_phantom
from monai_boundary.workflows.volumes.dataset import SliceDataset, case_names, volume_dataset
from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_transforms
from monai_boundary.workflows.volumes.tasks.brats import BRATS, brats_task


def cases(number: int = 3) -> list[dict[str, object]]:
    return [{"case": str(k), "value": torch.tensor([float(k)])} for k in range(number)]


def three_slices(item: dict[str, object]) -> list[dict[str, object]]:
    return [{**item, "slice": k} for k in range(3)]


def test_items_are_slices_of_all_cases() -> None:
    dataset = SliceDataset([three_slices(case) for case in cases()], count=3)
    assert len(dataset) == 9
    assert [(item["case"], item["slice"]) for item in (dataset[i] for i in (0, 2, 3, 8))] == [
        ("0", 0),
        ("0", 2),
        ("1", 0),
        ("2", 2),
    ]
    assert dataset.names()[4] == {"case": "1", "slice": 1}
    loader = DataLoader(dataset, batch_size=9, shuffle=True)
    (batch,) = list(loader)
    assert sorted(batch["case"]) == sorted("012" * 3)
    assert batch["case"] != sorted(batch["case"]), "shuffled over the cases"


def test_random_transforms_are_per_slice_and_seeded() -> None:
    jitter = RandLambdad("value", lambda x: x + torch.rand(1), prob=1.0)
    dataset = SliceDataset(CacheDataset(cases(), Compose([three_slices]), progress=False), 3, Compose([jitter]))
    torch.manual_seed(0)
    first = [float(dataset[k]["value"]) for k in range(3)]
    assert len(set(first)) == 3
    torch.manual_seed(0)
    assert [float(dataset[k]["value"]) for k in range(3)] == first
    assert float(cases()[0]["value"]) == 0


def test_lists_of_another_length() -> None:
    dataset = SliceDataset([three_slices(case) for case in cases()], count=2)
    with pytest.raises(ValueError, match="`data` needs lists of 2 items, got 3"):
        dataset[0]
    with pytest.raises(ValueError, match="`count` needs a finite number > 0"):
        SliceDataset([], count=0)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_slices_of_phantoms_by_any_cache(tmp_path: Path, cache: str) -> None:
    data = write_tumour_phantom(tmp_path / "data", patients=2, shape=(32, 32, 16))
    steps = volume_transforms(
        brats_task(list(BRATS.channels), ["tc"], "unit"), training=True, edges={}, slices=3, slice_size=(24, 40)
    )
    random = volume_crops(BRATS, (), 0, edges=True, sliced=True)
    dataset = volume_dataset(data, Compose([*steps, *random]), cache, tmp_path / "cache", slices=3)
    assert len(dataset) == 6
    for _ in range(2):
        assert {key: tuple(value.shape) for key, value in dataset[4].items()} == {
            "image": (4, 24, 40),
            "label": (1, 24, 40),
            "label_counted": (1, 24, 40),
            "edge_label": (1, 24, 40),
        }
    scored = volume_dataset(data, Compose(steps), cache, tmp_path / "cache", slices=3)
    assert [name["case"] for name in case_names(scored)] == ["BraTS2021_00000"] * 3 + ["BraTS2021_00001"] * 3
    assert bool((tmp_path / "cache").exists()) == (cache == "disk")


def test_volumes() -> None:
    dataset = volume_dataset(cases(2), Compose([Lambdad("value", lambda x: x + 1)]))
    assert [float(item["value"]) for item in dataset] == [1, 2]
    assert case_names(dataset) == [{"case": "0"}, {"case": "1"}]
