# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops import boundary_weights, label_regions, quantise_probability, region_cells, region_seeds
from monai_boundary.ops.boundary_batch import _to_host, batch_boundary_weights


@pytest.fixture
def batch(rng):
    """Return probability, target and the maps of two items with two channels each, (2, 2, 16, 18)."""
    target = torch.zeros(2, 2, 16, 18)
    target[0, 0, 8], target[0, 1, :, 5], target[1, 0, 3] = 1, 1, 1
    target[1, 1, :, 9] = target[1, 1, 4] = 1
    probability = (0.3 * target + 0.7 * torch.from_numpy(rng.random(target.shape))).float()
    maps = {"regions": [], "seeds": [], "cells": []}
    for item in target.reshape(4, 16, 18).numpy():
        maps["regions"].append(label_regions(item == 0))
        maps["seeds"].append(region_seeds(maps["regions"][-1]))
        maps["cells"].append(region_cells(maps["regions"][-1]))
    return probability, target, {k: torch.from_numpy(np.stack(v)).reshape(target.shape) for k, v in maps.items()}


@pytest.mark.parametrize("contour", ["partition", "per_region", "leak"])
def test_a_batch_equals_its_items_with_maps_given_or_derived(batch, contour):
    probability, target, maps = batch
    given = batch_boundary_weights(probability, target, contour=contour, **maps)
    derived = batch_boundary_weights(probability, target, contour=contour)
    points = [np.argwhere(item.numpy()) for item in maps["seeds"].reshape(4, 16, 18)]
    listed = batch_boundary_weights(probability, target, seeds=points, contour=contour)
    assert given.dtype == torch.float32
    assert given.any()
    torch.testing.assert_close(given, derived)
    torch.testing.assert_close(given, listed)
    for i in range(2):
        for c in range(2):
            alone = boundary_weights(
                quantise_probability(probability[i, c].numpy()),
                target[i, c].numpy() > 0,
                maps["seeds"][i, c].numpy(),
                contour=contour,
            )
            np.testing.assert_array_equal(given[i, c].numpy(), alone)


def test_what_lies_on_another_device_comes_in_one_copy(batch, monkeypatch):
    probability, target, maps = batch
    tensors = {"input": torch.floor(255 * probability).int(), "target": target.int(), **maps}
    copies = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: copies.append(self.shape) or self)
    arrays = _to_host(tensors, host="elsewhere")  # on this host, everything is away from "elsewhere"
    assert len(copies) == 1
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"probability": torch.full((2, 2, 16, 18), float("nan"))},
            r"`probability` needs values in \[0, 1\].* 1152 NaN",
        ),
        ({"probability": torch.full((2, 2, 16, 18), 1.5)}, r"`probability` needs values in \[0, 1\], got 1.5 to 1.5"),
        ({"target": torch.full((2, 2, 16, 18), 255.0)}, r"`target` needs values in \[0, 1\], got 255 to 255"),
        ({"seeds": torch.zeros(2, 2, 16, 17)}, r"`seeds` needs the shape of `target`"),
        ({"cells": torch.zeros(1, 2, 16, 18)}, r"`cells` needs the shape of `target`"),
        ({"seeds": torch.full((2, 2, 16, 18), 2**40)}, "`seeds` needs ids that fit int32, got 1099511627776"),
        ({"target": torch.zeros(2, 2, 16, 17)}, r"`target` needs the shape of `probability`"),
        ({"probability": torch.zeros(0, 2, 16, 18)}, r"`probability` needs at least one item, channel and voxel, got"),
        ({"seeds": [[[1, 1]]]}, "`seeds` needs one list of seeds for each of 4 items, got 1"),
        ({"seeds": [[[1, 1]], [[1, 99]], [[1, 1]], [[1, 1]]]}, "seeds inside the image"),
        ({"seeds": [[[1, 1], [1, 1]], [[1, 1]], [[1, 1]], [[1, 1]]]}, "seeds that do not overlap"),
    ],
)
def test_bad_input_is_named(batch, change, message):
    probability, target, _ = batch
    with pytest.raises(ValueError, match=message):
        batch_boundary_weights(**{"probability": probability, "target": target, **change})
