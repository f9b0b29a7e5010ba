# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Invertd, SpatialPadd

from monai_boundary import transforms
from monai_boundary.ops import membrane_to_instances
from monai_boundary.transforms import (
    MembraneToInstances,
    MembraneToInstancesd,
    RelabelRegions,
    RelabelRegionsd,
    RemoveSmallRegions,
    RemoveSmallRegionsd,
)
from tests.transforms.images import SPACING, assert_same_geometry, em_tensor

LABELS = np.array([[5, 5, 0, 9, 2, 2], [5, 5, 0, 0, 2, 2]], dtype=np.int32)

PREDICTION = np.array([[0.1, 0.2, 0.9, 0.3], [0.1, 0.2, 0.9, 0.3]], dtype=np.float32)


@pytest.fixture
def probability(rng: np.random.Generator) -> np.ndarray:
    wall = np.zeros((4, 20, 24), dtype=np.float32)
    wall[:, ::6] = wall[:, :, ::8] = 0.6
    return wall + 0.35 * rng.random(wall.shape, dtype=np.float32)


@pytest.mark.parametrize("method", ["components", "watershed", "barrier_cut"])
@pytest.mark.parametrize("section_axis", [None, 0])
@pytest.mark.parametrize("fill", [False, True])
def test_equals_the_function(probability: np.ndarray, method: str, section_axis: int | None, fill: bool) -> None:
    source = em_tensor(probability)
    arguments: dict[str, Any] = {
        "threshold": 0.6,
        "seed_distance": 9.0,
        "min_size": 4,
        "fill": fill,
        "section_axis": section_axis,
    }
    found = MembraneToInstances(method, **arguments)(source)
    assert found.dtype == torch.int32
    assert_same_geometry(found, source)
    expected = membrane_to_instances(probability, method, spacing=SPACING, **arguments)
    np.testing.assert_array_equal(found[0].numpy(), expected)
    assert found.max() > 4


def test_half_precision_and_arrays(probability: np.ndarray) -> None:
    expected = MembraneToInstances(threshold=0.55)(torch.from_numpy(probability)[None])
    assert type(expected) is torch.Tensor
    torch.testing.assert_close(MembraneToInstances(threshold=0.55)(probability[None]), expected)
    half = MembraneToInstances()(torch.tensor([[[0.1, 0.9, 0.2]]], dtype=torch.bfloat16))
    assert half.tolist() == [[[1, 0, 2]]]


def test_clean_up_of_ids() -> None:
    source = em_tensor(LABELS)
    kept = RemoveSmallRegions(2)(source)
    assert kept[0].tolist() == [[5, 5, 0, 0, 2, 2], [5, 5, 0, 0, 2, 2]]
    assert RemoveSmallRegions(2, fill=True)(source)[0].tolist() == [[5, 5, 0, 2, 2, 2], [5, 5, 0, 0, 2, 2]]
    numbered = RelabelRegions()(source)
    assert numbered[0].tolist() == [[1, 1, 0, 2, 3, 3], [1, 1, 0, 0, 3, 3]]
    assert RelabelRegions(split=True)(np.array([[[4, 0, 4]]])).tolist() == [[[1, 0, 2]]]
    for result in (kept, numbered):
        assert result.dtype == torch.int32
        assert_same_geometry(result, source)
    assert source[0].tolist() == LABELS.tolist()


def test_filling_follows_the_affine() -> None:
    labels = np.array([[1, 1, 1], [2, 3, 1], [4, 4, 4], [4, 4, 4]])
    assert RemoveSmallRegions(2, fill=True)(em_tensor(labels, (9.0, 1.0)))[0, 1].tolist() == [1, 1, 1]
    assert RemoveSmallRegions(2, fill=True, spacing=(9, 1))(labels[None])[0, 1].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: MembraneToInstances("cut"),
            ValueError,
            "`method` needs one of 'components', 'watershed', 'barrier_cut'",
        ),
        (lambda: MembraneToInstances()(torch.tensor([[[2.0, 0.0]]])), ValueError, "apply a sigmoid to logits first."),
        (lambda: MembraneToInstances()(torch.tensor([[[torch.nan, 0.0]]])), ValueError, "got NaN or infinity."),
        (lambda: MembraneToInstances()(torch.zeros(2, 3, 3)), ValueError, "`probability` needs one channel"),
        (lambda: MembraneToInstances()(torch.zeros(1, 3, 3, dtype=torch.uint8)), TypeError, "needs a floating array"),
        (lambda: RemoveSmallRegions(-1)(LABELS[None]), ValueError, "`min_size` needs a whole number of voxels >= 0"),
        (lambda: RelabelRegions()(np.array([[[0.5]]])), ValueError, "`labels` needs whole numbers, got 0.5"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_instances_beside_the_prediction_or_in_its_place() -> None:
    data = {"pred": em_tensor(PREDICTION)}
    beside = MembraneToInstancesd("pred", output_keys="instances")(data)
    assert beside["instances"][0].tolist() == [[1, 1, 0, 2], [1, 1, 0, 2]]
    assert beside["pred"] is data["pred"]
    assert set(data) == {"pred"}
    assert MembraneToInstancesd("pred")(data)["pred"].dtype == torch.int32
    with pytest.raises(ValueError, match=r"`output_keys` needs one for each of .*, all different, got \('x',\)"):
        MembraneToInstancesd(["a", "b"], "x")


def test_a_chain() -> None:
    data = {"pred": em_tensor(LABELS)}
    chain = Compose([RemoveSmallRegionsd("pred", 2), RelabelRegionsd("pred")])
    expected = RelabelRegions()(RemoveSmallRegions(2)(data["pred"]))
    torch.testing.assert_close(chain(data)["pred"], expected)
    assert expected[0].tolist() == [[1, 1, 0, 0, 2, 2], [1, 1, 0, 0, 2, 2]]


def test_the_history_of_the_prediction_stays_invertible() -> None:
    pad = Compose([SpatialPadd("image", (6, 8))])
    data = pad({"image": em_tensor(PREDICTION)})
    data["pred"] = data["image"]
    data = MembraneToInstancesd("pred", output_keys="instances")(data)
    undo = Invertd("instances", transform=pad, orig_keys="image", nearest_interp=True, to_tensor=True)
    undone = undo(data)["instances"]
    assert undone.shape == (1, 2, 4)
    assert undone[0, :, 2].tolist() == [0, 0]


def test_arguments_reach_the_array_transform() -> None:
    made = MembraneToInstancesd("p", None, "watershed", 0.4, 2.0, 7, True, (1, 2), 0).transform
    assert (made.method, made.threshold, made.seed_distance, made.min_size) == ("watershed", 0.4, 2.0, 7)
    assert (made.fill, made.spacing, made.section_axis) == (True, (1, 2), 0)
    removed = RemoveSmallRegionsd("p", 3, True, (1, 2)).transform
    assert (removed.min_size, removed.fill, removed.spacing) == (3, True, (1, 2))
    assert RelabelRegionsd("p", split=True).transform.split


@pytest.mark.parametrize(
    "transform",
    [MembraneToInstancesd, RelabelRegionsd, lambda *a, **k: RemoveSmallRegionsd(*a, min_size=2, **k)],
)
def test_missing_keys(transform: type) -> None:
    assert transform("pred", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="pred"):
        transform("pred")({"image": 1})


@pytest.mark.parametrize("name", ["MembraneToInstances", "RelabelRegions", "RemoveSmallRegions"])
def test_aliases(name: str) -> None:
    assert getattr(transforms, f"{name}d") is getattr(transforms, f"{name}D") is getattr(transforms, f"{name}Dict")
