# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary import transforms
from monai_boundary.transforms import (
    CleanMembraneLabel,
    CleanMembraneLabeld,
    InstancesToMembrane,
    InstancesToMembraned,
)
from tests.transforms.images import em_tensor

WALL = np.zeros((6, 9), dtype=np.uint8)
WALL[:, 4] = WALL[3] = 255
IDS = np.repeat([[1, 1, 1, 1, 0, 5, 5, 7, 7]], 4, axis=0)


def test_clean_up_replaces_the_label_and_leaves_the_rest() -> None:
    data = {"label": em_tensor(255 - WALL), "other": 3}
    kept = data["label"].clone()
    new = CleanMembraneLabeld("label", polarity="cell")(data)
    assert new["other"] == 3
    torch.testing.assert_close(new["label"], CleanMembraneLabel("cell")(data["label"]))
    torch.testing.assert_close(data["label"], kept)


def test_membranes_beside_their_instances_or_in_their_place() -> None:
    data = {"label_instances": em_tensor(IDS)}
    expected = InstancesToMembrane(2)(data["label_instances"])
    beside = InstancesToMembraned("label_instances", output_keys="label", thickness=2)(data)
    torch.testing.assert_close(beside["label"], expected)
    assert beside["label_instances"] is data["label_instances"]
    assert set(data) == {"label_instances"}
    instead = InstancesToMembraned("label_instances", thickness=2)(data)
    torch.testing.assert_close(instead["label_instances"], expected)


def test_several_keys() -> None:
    data = {"a": em_tensor(IDS), "b": em_tensor(IDS * 2)}
    new = InstancesToMembraned(["a", "b"], ["x", "y"])(data)
    torch.testing.assert_close(new["x"], new["y"])
    with pytest.raises(ValueError, match=r"`output_keys` needs one key for each of \('a', 'b'\), got \('x',\)\."):
        InstancesToMembraned(["a", "b"], "x")


@pytest.mark.parametrize("transform", [CleanMembraneLabeld, InstancesToMembraned])
def test_missing_keys(transform: type) -> None:
    assert transform("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="label"):
        transform("label")({"image": 1})


def test_arguments_reach_the_array_transform() -> None:
    clean = CleanMembraneLabeld("label", "membrane", 7.0, (1, 2), 0).transform
    assert (clean.polarity, clean.threshold, clean.spacing, clean.section_axis) == ("membrane", 7.0, (1, 2), 0)
    draw = InstancesToMembraned("label", None, 9.0, "physical", (1, 2), "nearest", 1).transform
    assert (draw.thickness, draw.unit, draw.spacing) == (9.0, "physical", (1, 2))
    assert (draw.unlabelled, draw.section_axis) == ("nearest", 1)


@pytest.mark.parametrize("name", ["CleanMembraneLabel", "InstancesToMembrane"])
def test_aliases(name: str) -> None:
    assert getattr(transforms, f"{name}d") is getattr(transforms, f"{name}D") is getattr(transforms, f"{name}Dict")
