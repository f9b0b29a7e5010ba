# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Invertd, SpatialPadd

from monai_boundary import transforms
from monai_boundary.transforms import (
    MembraneToInstancesd,
    RelabelRegions,
    RelabelRegionsd,
    RemoveSmallRegions,
    RemoveSmallRegionsd,
)
from tests.transforms.images import em_tensor

PREDICTION = np.array([[0.1, 0.2, 0.9, 0.3], [0.1, 0.2, 0.9, 0.3]], dtype=np.float32)
LABELS = np.array([[5, 5, 0, 9, 2, 2], [5, 5, 0, 0, 2, 2]], dtype=np.int32)


def test_instances_beside_the_prediction_or_in_its_place() -> None:
    data = {"pred": em_tensor(PREDICTION)}
    beside = MembraneToInstancesd("pred", output_keys="instances")(data)
    assert beside["instances"][0].tolist() == [[1, 1, 0, 2], [1, 1, 0, 2]]
    assert beside["pred"] is data["pred"]
    assert set(data) == {"pred"}
    assert MembraneToInstancesd("pred")(data)["pred"].dtype == torch.int32
    with pytest.raises(ValueError, match=r"`output_keys` needs one key for each of \('a', 'b'\), got \('x',\)\."):
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
