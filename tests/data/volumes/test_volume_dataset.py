# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_boundary.data.volumes.volume_dataset import VolumeDataset

ITEMS = tuple({"image": f"{p}{k}.nii", "label": "l", "case": f"{p}{k}", "patient": p} for p in "abcdef" for k in (1, 2))


def test_patients_stay_together() -> None:
    dataset = VolumeDataset("table", "t.csv", ("image",), items=ITEMS)
    held = []
    for fold in range(3):
        train, val = dataset.split(fold, num_folds=3, seed=4)
        assert not {item["patient"] for item in train} & {item["patient"] for item in val}
        assert len(train) + len(val) == len(ITEMS)
        held += [item["case"] for item in val]
    assert sorted(held) == sorted(item["case"] for item in ITEMS)
    assert dataset.split(0, 3, seed=4) == dataset.split(0, 3, seed=4)


def test_ids_of_classes_regions_and_what_is_ignored() -> None:
    dataset = VolumeDataset("nnunet", "d", ("ct",), {"whole": (1, 5), "core": 5, "other": 2}, 7)
    assert dataset.label_ids == (1, 2, 5, 7)
