# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

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


def test_a_patient_on_both_sides_of_a_stated_split_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """By a column or by folds beside the data; what the data set states counts all the same."""
    column = tuple({**item, "split": "val" if item["case"] in ("b2", "f1", "f2") else "train"} for item in ITEMS)
    train, val = VolumeDataset("table", "t.csv", ("image",), items=column).split()
    assert (len(train), len(val)) == (9, 3)
    assert "1 patients are in the training and the validation of the split of t.csv: b. Scores" in caplog.text
    caplog.clear()
    cases = [item["case"] for item in ITEMS]
    VolumeDataset("nnunet", "d", ("image",), items=ITEMS, folds=((tuple(cases[:9]), tuple(cases[10:])),)).split()
    assert not caplog.text
    VolumeDataset("nnunet", "d", ("image",), items=ITEMS, folds=((tuple(cases[::2]), tuple(cases[1::2])),)).split()
    assert (
        "6 patients are in the training and the validation of fold 0 beside d: a, b, c, d, e and 1 more." in caplog.text
    )


def test_ids_of_classes_regions_and_what_is_ignored() -> None:
    dataset = VolumeDataset("nnunet", "d", ("ct",), {"whole": (1, 5), "core": 5, "other": 2}, 7)
    assert dataset.label_ids == (1, 2, 5, 7)
