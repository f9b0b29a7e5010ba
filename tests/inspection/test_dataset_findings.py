# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.dataset_findings import dataset_findings
from monai_boundary.inspection.finding import ERROR, WARNING, Finding
from tests.inspection.records import dataset, record, structure


def _found(*records: dict[str, Any], of: VolumeDataset | None = None, **options: Any) -> list[tuple[str, str, str]]:
    findings = dataset_findings(of or dataset(), records, **options)
    return [(f.level, f.kind, f.where) for f in findings]


def test_nothing() -> None:
    assert _found(*(record(c) for c in "abcd")) == []


def test_those_of_the_listing_and_of_cases_are_among_them_errors_first() -> None:
    problems = (DatasetProblem("missing files", "gone.nii", "case g"),)
    warned = record("a", findings=[Finding(WARNING, "empty labels", "a_label.nii")])
    found = _found(warned, record("b"), of=dataset(problems=problems))
    assert found == [(ERROR, "missing files", "gone.nii"), (WARNING, "empty labels", "a_label.nii")]


def test_slices_among_volumes() -> None:
    flat = record(
        "c",
        dims=2,
        shape=[10, 20, 1],
        orientation="RAS",
        canonical_shape=[10, 20, 1],
        canonical_spacing=[1.0, 1.0, 1.0],
    )
    assert _found(record("a"), record("b"), flat) == [(ERROR, "2-D and 3-D images mixed", "c.nii")]
    (finding,) = dataset_findings(dataset(), [record("a"), record("b"), flat])
    assert "a.nii" in finding.message, "both files are named"
    assert not _found(flat)


def test_twins() -> None:
    twin = record("c", image_hash="a")
    assert _found(record("a"), record("b"), twin) == [(ERROR, "cases that are there twice", "c.nii")]


def test_orientations_and_voxel_sizes() -> None:
    turned = record("c", orientation="LPS")
    coarse = record("d", canonical_spacing=[1.0, 1.0, 2.5])
    assert _found(record("a"), record("b"), turned, coarse) == [
        (WARNING, "mixed orientations", "c.nii"),
        (WARNING, "voxel sizes far from the others'", "d.nii"),
    ]


def test_grey_values_of_another_scale() -> None:
    image = {name: 100 * value for name, value in record()["channels"][0]["image"].items()}
    bright = record("c", channels=[{**record()["channels"][0], "image": image}])
    assert _found(record("a"), record("b"), bright) == [(WARNING, "grey values of another scale", "c.nii")]


def test_a_class_that_no_label_has() -> None:
    found = _found(record("a"), record("b"), of=dataset(labels={"a": 1, "b": 2}))
    assert found == [(ERROR, "declared classes that no label has", "b")]


def test_specks_beside_a_structure_that_is_one_piece_elsewhere() -> None:
    speck = record("d", classes={"a": structure(60, 2)})
    assert _found(record("a"), record("b"), record("c"), speck) == [(WARNING, "stray components", "d_label.nii")]
    many = [record(c, classes={"a": structure(60, 2)}) for c in "abcd"]
    assert _found(*many) == []  # lesions come in several


def test_a_split_without_validation() -> None:
    items = [{**item, "split": "train"} for item in dataset().items]
    found = _found(record("a"), of=dataset(items=tuple(items)))
    assert found == [(ERROR, "folds without cases", "dataset.json")]


def test_folders_of_the_decathlon_without_its_description() -> None:
    source = "data/imagesTr and data/labelsTr"
    found = _found(record("a"), of=dataset(layout="paired_folders", source=source))
    assert found == [(WARNING, "no dataset.json", source)]
    assert _found(record("a"), of=dataset(layout="paired_folders", source="data/images and data/labels")) == []


def test_images_smaller_than_a_patch() -> None:
    small = record("c", canonical_shape=[10, 20, 29])
    found = _found(record("a"), record("b"), small, patch_size=(10, 20, 30))
    assert found == [(WARNING, "images smaller than the patch", "c.nii")]
