# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.inspection.dataset_fingerprint import dataset_fingerprint
from tests.inspection.records import dataset, record, structure


def test_numbers_over_cases() -> None:
    touching = [{"classes": ["a", "b"], "faces": 4, "mm2": 8.0}]
    records = [
        record("a", classes={"a": structure(60), "b": structure()}, label_values={0: 940, 1: 60}),
        record("b", classes={"a": structure(30, 10, thin=1, radius=1.0), "b": structure(20)}, touching=touching,
               label_values={0: 940, 1: 40, 2: 20}, canonical_shape=[30, 20, 30], orientation="LPS"),
        {"case": "c", "patient": "b", "files": ["c.nii"], "findings": []},
    ]  # fmt: skip
    found = dataset_fingerprint(dataset(labels={"a": 1, "b": 2}), records)  # of four cases, one has no files
    assert (found["dataset"]["cases"], found["dataset"]["cases_read"], found["dataset"]["patients"]) == (4, 2, 2)
    assert (found["shape"]["min"], found["shape"]["median"]) == ([10, 20, 30], [20, 20, 30])
    assert (found["orientations"], found["dims"]) == ({"RAS": 1, "LPS": 1}, {"3": 2})
    assert found["label_values"]["1"] == {"voxels": 100, "share": 0.05, "cases": 2}
    first, second = found["classes"]["a"], found["classes"]["b"]
    assert (first["cases"], first["voxels"], first["share"]) == (2, 100, 0.05)
    assert first["ml"]["median"] == pytest.approx(0.05)
    assert first["component_voxels"]["max"] == 60
    assert first["component_ml"]["min"] == pytest.approx(0.01)
    assert (first["thin_components_share"], first["thin_voxels_share"]) == (pytest.approx(1 / 3), 0.1)
    assert (second["cases"], second["components"]["median"]) == (1, 1)
    assert found["touching"][0]["cases"] == 1
    assert found["touching"][0]["faces"]["median"] == 4


def test_grey_values_weigh_each_case_alike() -> None:
    few = record("a", channels=[{**record()["channels"][0], "sample": [0.0]}])
    many = record("b", channels=[{**record()["channels"][0], "sample": [10.0] * 9}])
    pooled = dataset_fingerprint(dataset(), [few, many])["intensities"]["mri"]["foreground"]
    assert (pooled["mean"], pooled["sd"]) == (5.0, 5.0)


def test_no_case_that_could_be_read() -> None:
    found = dataset_fingerprint(dataset(), [{"case": "c", "patient": "b", "files": [], "findings": []}])
    assert (found["shape"], found["intensities"], found["label_values"]) == ({}, {"mri": {}}, {})
    assert found["classes"]["a"]["cases"] == 0
