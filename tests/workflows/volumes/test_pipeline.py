# SPDX-License-Identifier: Apache-2.0
"""The transforms of any task: classes and regions, slices and patches, grids, ids that do not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_boundary.ops import label_edges, signed_distance_map
from monai_boundary.workflows.volumes.pipeline import (
    KeepProbabilityd,
    not_zero,
    volume_crops,
    volume_postprocessing,
    volume_transforms,
)
from monai_boundary.workflows.volumes.task import VolumeTask
from tests.data.nifti_files import write

AFFINE = np.diag([-1.0, 1, 2, 1])  # the first axis runs to the left; 2 mm slices
CLASSES = VolumeTask(
    {"t1": "unit", "t2": "zscore"}, {"background": 0, "front": 3, "back": 7}, ignore_labels=[9], foreground_share=1.0
)
REGIONS = VolumeTask({"t1": "unit", "t2": "zscore"}, {"whole": [3, 7, 9], "core": [7]})


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("case")
    image = np.random.default_rng(0).random((12, 10, 6), np.float32)
    label = np.zeros((12, 10, 6), np.uint8)
    label[1:5, 2:6, 1:4], label[5:8, 2:6, 1:4], label[11, 9, 5] = 3, 7, 9
    for name, values in (("t1", image), ("t2", image**2), ("label", label)):
        write(folder / f"{name}.nii.gz", values, AFFINE)
    return {
        "image": [str(folder / f"{n}.nii.gz") for n in ("t1", "t2")],
        "label": str(folder / "label.nii.gz"),
        "case": "p",
    }


def ids(item: dict[str, Any]) -> torch.Tensor:
    """The label in RAS orientation: front 3, back 7, not counted 9."""
    label = torch.zeros(12, 10, 6)
    label[1:5, 2:6, 1:4], label[5:8, 2:6, 1:4], label[11, 9, 5] = 3, 7, 9
    return label.flip(0)


def test_a_validation_of_classes(item: dict[str, Any]) -> None:
    out = Compose(volume_transforms(CLASSES))(item)
    assert set(out) == {"image", "label", "label_ids", "label_counted", "spacing", "case"}
    assert out["image"].shape == (2, 12, 10, 6)
    assert not any(isinstance(value, MetaTensor) for value in out.values())
    assert out["spacing"].tolist() == [1, 1, 2]
    truth = ids(item)
    expected = torch.where(truth == 3, 1, torch.where(truth == 7, 2, 0))
    assert torch.equal(out["label"][0].long(), expected)
    assert torch.equal(out["label_ids"][0] == 3, truth == 9)
    assert torch.equal(out["label_counted"][0] == 0, truth == 9)


def test_targets_of_a_training_of_classes(item: dict[str, Any]) -> None:
    out = Compose(volume_transforms(CLASSES, training=True, maps=True, edges={"side": "inner"}))(item)
    assert out["sdm_label"].shape == (3, 12, 10, 6)
    truth = ids(item)
    for k, value in enumerate((0, 3, 7)):
        inside = (truth == value) | ((truth == 9) & (value == 0))  # far from the others: only its own voxel differs
        expected = np.where(truth == 9, 0, signed_distance_map(inside.numpy(), (1, 1, 2)))
        np.testing.assert_allclose(out["sdm_label"][k].float(), expected, atol=0.01)
    index = out["label_ids"].long()[None]
    expected = label_edges(index, 3, ignore_index=3, classes="any", side="inner")[0]
    np.testing.assert_array_equal(out["edge_label"], expected)
    assert int(out["where_cls_indices"][1].numel()) == int((out["label"] > 0).sum())


def test_targets_of_a_training_of_regions(item: dict[str, Any]) -> None:
    out = Compose(volume_transforms(REGIONS, training=True, maps=True))(item)
    assert set(out) == {"image", "label", "label_counted", "sdm_label", "spacing", "case", "where_cls_indices"}
    truth = ids(item)
    assert torch.equal(out["label"] > 0, torch.stack([truth > 0, truth == 7]))
    expected = signed_distance_map((truth == 7).numpy(), (1, 1, 2))
    np.testing.assert_allclose(out["sdm_label"][1].float(), expected, atol=0.01)


@pytest.mark.parametrize("by_item", [False, True])
def test_where_a_region_meets_voxels_that_do_not_count_is_no_border(item: dict[str, Any], by_item: bool) -> None:
    """The same rule as for classes, whether the task or the item names the id."""
    task = REGIONS.changed(labels={"whole": [3], "core": [3]}, ignore_labels=[] if by_item else [7, 9])
    more = {"ignore_labels": [7, 9]} if by_item else {}
    out = Compose(volume_transforms(task, training=True, maps=True, edges={"side": "inner"}))({**item, **more})
    truth = ids(item)
    index = torch.where(truth == 3, 1, torch.where(truth == 0, 0, 2))[None, None]
    expected = label_edges(index, 2, ignore_index=2, classes="any", include_background=False, side="inner")[0]
    np.testing.assert_array_equal(out["edge_label"], expected)
    assert float(out["sdm_label"][0][7, 3, 2]) == -1.5, "to the background in y, not 0.5 mm to the ids beside it in x"


def test_edges_of_a_task_of_slices_are_found_within_each(item: dict[str, Any]) -> None:
    """A voxel whose only neighbour of another class lies in the next slice has no edge there."""
    flat, solid = (
        Compose(volume_transforms(task, training=True, edges={"side": "inner"}))(item)
        for task in (CLASSES.changed(spatial_dims=2), CLASSES)
    )
    index = solid["label_ids"].long()[None]
    for k in range(6):
        expected = label_edges(index[..., k], 3, ignore_index=3, classes="any", side="inner")[0]
        np.testing.assert_array_equal(flat["edge_label"][..., k], expected)
    assert not torch.equal(flat["edge_label"], solid["edge_label"])


@pytest.mark.parametrize("task", [CLASSES, REGIONS])
@pytest.mark.parametrize("patch", [[8, 8, 4], [16, 8, 8], [8, 16]])
def test_crops_of_any_size(item: dict[str, Any], task: VolumeTask, patch: list[int]) -> None:
    whole = Compose(volume_transforms(task, training=True, maps=True, edges={}))(item)
    steps = volume_crops(task, patch, 6, maps=True, edges=True)
    samples = Compose(steps).set_random_state(0)(whole)
    assert len(samples) == 6
    for sample in samples:
        assert set(sample) == {"image", "label", "label_counted", "edge_label", "sdm_label"}
        assert {tuple(value.shape[1:]) for value in sample.values()} == {tuple(patch)}
        floats = {"image", "edge_label", "sdm_label", *(["label"] if task.is_regions else [])}
        assert {key for key, value in sample.items() if value.dtype == torch.float32} == floats
        inside = sample["label"][-1] > (0 if task.is_regions else 1)
        assert float(sample["sdm_label"][-1][inside].max() if inside.any() else -1) < 0
        if patch[0] == 16:
            assert int((sample["label_counted"] == 0).sum()) >= 4 * 8 * 8, "the padding does not count"
            assert float(sample["sdm_label"][-1][sample["label_counted"][0] == 0].min()) >= 0
    if task is CLASSES:
        assert all(bool(sample["label"].any()) for sample in samples), "each is centred on a class"


def test_slices_along_another_axis(item: dict[str, Any]) -> None:
    task = CLASSES.changed(slice_axis=0, flips=[0, 1, 2], intensity_scale=0, intensity_shift=0)
    whole = Compose(volume_transforms(task, training=True))(item)
    for sample in Compose(volume_crops(task, [10, 6], 8)).set_random_state(0)(whole):
        image = sample["image"]
        turned = [image, image.flip(1), image.flip(2), image.flip(1, 2)]
        found = [k for k in range(12) for one in turned if torch.allclose(one, whole["image"][:, k])]
        assert len(found) == 1


def test_a_spacing_for_the_network_and_scores_on_the_own_grid(item: dict[str, Any]) -> None:
    task = CLASSES.changed(spacing=(1.0, 1.0, 1.0))
    training = Compose(volume_transforms(task, training=True))(item)
    assert training["image"].shape[1:] == training["label"].shape[1:] == (12, 10, 12)
    assert training["spacing"].tolist() == [1, 1, 1]
    assert int((training["label"] == 2).sum()) == 2 * 3 * 4 * 3
    out = Compose(volume_transforms(task))(item)
    assert out["image"].shape[1:] == (12, 10, 12)
    assert out["label_ids"].shape[1:] == (12, 10, 6)
    assert out["spacing"].tolist() == [1, 1, 2]
    logits = 9 * torch.stack([(training["label"][0] == k).float() for k in range(3)])
    back = Compose(volume_postprocessing(task))({**out, "pred": logits})
    assert back["image"].shape[1:] == back["pred"].shape[1:] == (12, 10, 6)
    assert torch.equal(back["pred"][0].long(), out["label"][0].long())


def test_without_labels_and_back_to_ids(item: dict[str, Any]) -> None:
    for task in (CLASSES, CLASSES.changed(spacing=(2.0, 2.0, 2.0))):
        out = Compose(volume_transforms(task, labels=False))({k: item[k] for k in ("image", "case")})
        assert isinstance(out["image"], MetaTensor)
        assert set(out) >= {"image", "case", "native_affine", "native_header"}
        logits = torch.zeros(3, *out["image"].shape[1:])
        logits[2] = 5
        done = Compose(volume_postprocessing(task, save=True, probability=True))({**out, "pred": logits})
        assert done["pred"].shape == (1, 12, 10, 6)
        assert done["pred"].unique().tolist() == [7]
        assert done["probability"].shape == (3, 12, 10, 6)
        file = nibabel.load(item["image"] if isinstance(item["image"], str) else item["image"][0])
        for key in ("image", "pred", "probability"):
            np.testing.assert_allclose(done[key].affine, file.affine, atol=1e-6)
        assert float(done["probability"].sum(0).min()) == pytest.approx(1)


def test_regions_are_scored_as_they_are_written() -> None:
    task = VolumeTask({"t1": "unit"}, {"whole": [1, 2], "core": [2]})
    logits = torch.tensor([[-1.0, 1, -1], [-1.0, -1, 1]]).reshape(2, 3, 1, 1)  # a core outside of the whole
    scored = Compose(volume_postprocessing(task))({"pred": logits})["pred"]
    assert scored.flatten(1).tolist() == [[0, 1, 1], [0, 0, 1]]
    saved = Compose(volume_postprocessing(task, save=True))({"pred": logits})["pred"]
    assert saved.flatten().tolist() == [0, 1, 2]


def test_bad_options(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`patch_size` needs 2 or 3 spatial dimensions, got 1"):
        volume_crops(CLASSES, [16], 1)
    with pytest.raises(ValueError, match="`task` needs a spacing in mm or None, got 'median'"):
        volume_transforms(CLASSES.changed(spacing="median"))


def test_small_parts() -> None:
    assert not_zero(torch.tensor([0.0, -1, 2])).tolist() == [False, True, True]
    data = KeepProbabilityd()({"pred": torch.ones(1)})
    data["pred"] += 1
    assert data["probability"].tolist() == [1]
