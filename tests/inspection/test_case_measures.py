# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_boundary.inspection.case_measures import MeasureJob, measure_case
from tests.data.volume_layouts import SHAPE, blob, save

LABELS = {"front": 1, "back": 2}


def _job(folder: Path, image: np.ndarray, label: np.ndarray, *, affine: Any = None, **options: Any) -> MeasureJob:
    places = {"affine": affine, "label_affine": affine, **options}
    images = [image] if image.ndim < 5 else list(image)
    paths = [str(save(folder / f"i{k}.nii.gz", values, places["affine"])) for k, values in enumerate(images)]
    label_path = str(save(folder / "l.nii.gz", label, places["label_affine"]))
    item = {"image": paths if len(paths) > 1 else paths[0], "label": label_path, "case": "x", "patient": "p"}
    return MeasureJob(item, options.get("channels", 1), options.get("labels", LABELS), options.get("ignore_label"))


def _kinds(record: dict[str, Any]) -> list[str]:
    return [finding.kind for finding in record["findings"]]


def test_a_sound_case(tmp_path: Path) -> None:
    image, label = blob(0)
    affine = np.diag([-0.5, 1.0, 2.0, 1.0])[[0, 2, 1, 3]]  # x to the left, y to the head, z to the front
    record = measure_case(_job(tmp_path, image, label, affine=affine))
    assert record["findings"] == []
    assert (record["shape"], record["dims"], record["orientation"]) == ([12, 10, 8], 3, "LSA")
    assert (record["canonical_shape"], record["canonical_spacing"]) == ([12, 8, 10], [0.5, 2.0, 1.0])
    assert record["label_values"] == {0: 960 - 60, 1: 36, 2: 24}
    assert record["classes"]["front"]["voxels"] == 36
    assert record["touching"] == [{"classes": ["front", "back"], "faces": 12, "mm2": 24.0}]
    (channel,) = record["channels"]
    assert channel["foreground"]["mean"] == pytest.approx(image[label > 0].mean(), rel=1e-5)


def test_regions_and_what_is_ignored(tmp_path: Path) -> None:
    image, label = blob(0)
    label[label == 0] = 3
    record = measure_case(_job(tmp_path, image, label, labels={"all": (1, 2), "back": 2}, ignore_label=3))
    assert record["findings"] == []
    assert [of["voxels"] for of in record["classes"].values()] == [60, 24]
    assert record["channels"][0]["foreground"]["mean"] == pytest.approx(image[label < 3].mean(), rel=1e-5)


def _soft(image: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    return {"label": label * 0.5}


WRONG: dict[str, tuple[str, Any]] = {
    "fractional label values": ("error", _soft),
    "label values that are not declared": ("error", lambda image, label: {"label": label * 4}),
    "negative label values": ("error", lambda image, label: {"label": label.astype(np.int16) - 1}),
    "empty labels": ("warning", lambda image, label: {"label": label * 0}),
    "NaN or infinity in images": ("error", lambda image, label: {"image": np.where(label == 1, np.nan, image)}),
    "images of one value": ("warning", lambda image, label: {"image": image * 0}),
    "image and label on different grids": ("error", lambda image, label: {"label": label[1:]}),
    "images with a fourth axis": ("error", lambda image, label: {"image": np.stack([image, image], -1)}),
    "labels with a fourth axis": ("error", lambda image, label: {"label": np.stack([label, label], -1)}),
    "labels of instances": ("error", lambda image, label: {"label": np.arange(960, dtype=np.int16).reshape(SHAPE)}),
    "cases of another number of channels": ("error", lambda image, label: {"channels": 3}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, kind: str) -> None:
    level, change = WRONG[kind]
    image, label = blob(0)
    given = {"image": image, "label": label, **change(image, label)}
    record = measure_case(_job(tmp_path, **given))
    (finding,) = [f for f in record["findings"] if f.kind == kind]
    assert finding.level == level
    assert finding.where == str(tmp_path / ("l.nii.gz" if "label" in kind else "i0.nii.gz"))
    assert kind == "empty labels" or finding.message


def test_places_are_compared_not_only_shapes(tmp_path: Path) -> None:
    image, label = blob(0)
    moved = np.eye(4)
    moved[1, 3] = 0.5
    record = measure_case(_job(tmp_path, image, label, affine=np.eye(4), label_affine=moved))
    assert _kinds(record) == ["image and label on different grids"]
    assert "differs by up to 0.5 mm" in record["findings"][0].message
    moved[1, 3] = 0.05  # what headers round
    assert _kinds(measure_case(_job(tmp_path, image, label, affine=np.eye(4), label_affine=moved))) == []


def test_channels_of_a_fourth_axis_and_of_files(tmp_path: Path) -> None:
    image, label = blob(0)
    stacked = measure_case(_job(tmp_path, np.stack([image, image + 7], -1), label, channels=2))
    apart = measure_case(_job(tmp_path, np.stack([image, image + 7])[..., None], label, channels=2))
    assert (stacked["findings"], apart["findings"]) == ([], [])
    for record in (stacked, apart):
        means = [channel["image"]["mean"] for channel in record["channels"]]
        assert means[1] - means[0] == pytest.approx(7, abs=1e-3)
    assert stacked["image_hash"] == apart["image_hash"]
    paths = apart["files"]
    moved = np.diag([1.0, 1.0, 2.0, 1.0])
    moved[0, 3] = 3.0
    save(Path(paths[1]), image, moved)
    again = MeasureJob({"image": paths[:2], "label": paths[2], "case": "x", "patient": "p"}, 2, LABELS, None)
    assert _kinds(measure_case(again)) == ["channels on different grids"]


def test_slices(tmp_path: Path) -> None:
    image, label = blob(0, (20, 16))
    for k, shape in enumerate(((20, 16), (20, 16, 1))):
        folder = tmp_path / str(k)
        record = measure_case(_job(folder, image.reshape(shape), label.reshape(shape)))
        assert (record["findings"], record["dims"], record["classes"]["front"]["voxels"]) == ([], 2, 9)


def test_a_damaged_file_is_a_finding(tmp_path: Path) -> None:
    job = _job(tmp_path, *blob(0))
    path = Path(job.item["image"])
    path.write_bytes(path.read_bytes()[:-40])
    record = measure_case(job)
    assert [(f.kind, f.where) for f in record["findings"]] == [("files that cannot be read", str(path))]
    assert "classes" in record  # the label could be read
    assert not {"shape", "channels", "image_hash"} & record.keys()


def test_one_damaged_file_hides_nothing_of_the_others(tmp_path: Path) -> None:
    image, label = blob(0)
    job = _job(tmp_path, np.stack([image, image, np.where(label == 1, np.nan, image)])[..., None], label, channels=3)
    first, second, third = job.item["image"]
    for path in (first, job.item["label"]):
        Path(path).write_bytes(b"nothing")
    save(Path(second), np.stack([image, image], -1))
    record = measure_case(job)
    assert [(f.kind, f.where) for f in record["findings"]] == [
        ("files that cannot be read", job.item["label"]),
        ("files that cannot be read", first),
        ("images with a fourth axis", second),
        ("NaN or infinity in images", third),
    ]


def test_what_a_case_has_beside_a_missing_file_is_looked_at(tmp_path: Path) -> None:
    image, label = blob(0)
    job = _job(tmp_path, np.stack([image, image + 7])[..., None], label * 4, channels=2)
    gone = job.item["image"][0]
    Path(gone).unlink()
    record = measure_case(job._replace(absent=frozenset({gone})))
    assert _kinds(record) == ["label values that are not declared"]
    assert "shape" not in record
    assert _kinds(measure_case(job)) == ["label values that are not declared", "files that cannot be read"]
    record = measure_case(job._replace(absent=frozenset({gone, job.item["label"]})))
    assert (record["findings"], "label_values" in record) == ([], False)


def test_undeclared_classes_have_their_id_as_name(tmp_path: Path) -> None:
    image, label = blob(0)
    record = measure_case(_job(tmp_path, image, label.astype(np.float32) * 0.99997, labels={}))
    assert list(record["classes"]) == ["label_1", "label_2"]
    assert nibabel.load(record["files"][1]).get_data_dtype() == np.float32
