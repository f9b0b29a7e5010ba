# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.utils import TransformBackends

from monai_boundary import transforms
from monai_boundary.ops import instances_to_membrane
from monai_boundary.transforms import (
    InstancesToMembrane,
    InstancesToMembraned,
)
from tests.transforms.images import assert_same_geometry, em_tensor

IDS = np.array([[[1 + 2 * (k > 1) + (j > 7) for j in range(16)]] * 6 for k in range(4)], dtype=np.int32)
SMALL_IDS = np.repeat([[1, 1, 1, 1, 0, 5, 5, 7, 7]], 4, axis=0)


def test_thickness_in_voxels_and_in_the_unit_of_the_affine() -> None:
    source = em_tensor(IDS)
    for transform, thickness, spacing in (
        (InstancesToMembrane(3), 3, None),
        (InstancesToMembrane(20, unit="physical"), 20, (50, 4, 4)),
        (InstancesToMembrane(20, unit="physical", spacing=(50, 2, 2)), 20, (50, 2, 2)),
    ):
        membrane = transform(source)
        assert membrane.dtype == torch.float32
        assert_same_geometry(membrane, source)
        np.testing.assert_array_equal(membrane[0].numpy(), instances_to_membrane(IDS, thickness, spacing))
    assert InstancesToMembrane(3)(source)[0, :, 0].sum(1).tolist() == [3, 16, 16, 16]  # and three between sections
    assert InstancesToMembrane(section_axis=0)(source)[0, :, 0].sum(1).tolist() == [1, 1, 1, 1]


def test_unlabelled_passes_on() -> None:
    ids = np.array([[[1, 0, 0, 0, 0, 2]]])
    assert InstancesToMembrane()(ids).sum() == 4
    assert InstancesToMembrane(unlabelled="nearest")(ids).sum() == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InstancesToMembrane(-1), "`thickness` needs a finite number > 0, got -1."),
        (lambda: InstancesToMembrane(unit="mm"), "`unit` needs one of 'voxel', 'physical', got 'mm'."),
        (lambda: InstancesToMembrane(unlabelled="x"), "`unlabelled` needs one of 'membrane', 'nearest', got 'x'."),
        (lambda: InstancesToMembrane(spacing=(1, 2)), '`spacing` needs unit="physical", got unit="voxel"'),
        (lambda: InstancesToMembrane()(np.array([[[0.5]]])), "`instances` needs whole numbers, got 0.5"),
        (lambda: InstancesToMembrane()(np.array([[[np.nan]]])), "`instances` needs finite values"),
        (lambda: InstancesToMembrane()(np.zeros((2, 3, 3))), "`instances` needs one channel"),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_membranes_beside_their_instances_or_in_their_place() -> None:
    data = {"label_instances": em_tensor(SMALL_IDS)}
    expected = InstancesToMembrane(2)(data["label_instances"])
    beside = InstancesToMembraned("label_instances", output_keys="label", thickness=2)(data)
    torch.testing.assert_close(beside["label"], expected)
    assert beside["label_instances"] is data["label_instances"]
    assert set(data) == {"label_instances"}
    instead = InstancesToMembraned("label_instances", thickness=2)(data)
    torch.testing.assert_close(instead["label_instances"], expected)
    assert InstancesToMembrane.backend == InstancesToMembraned.backend == [TransformBackends.NUMPY]


def test_several_keys() -> None:
    data = {"a": em_tensor(SMALL_IDS), "b": em_tensor(SMALL_IDS * 2)}
    new = InstancesToMembraned(["a", "b"], ["x", "y"])(data)
    torch.testing.assert_close(new["x"], new["y"])
    with pytest.raises(ValueError, match=r"`output_keys` needs one for each of .*, all different, got \('x',\)"):
        InstancesToMembraned(["a", "b"], "x")


def test_missing_keys() -> None:
    assert InstancesToMembraned("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="label"):
        InstancesToMembraned("label")({"image": 1})


def test_arguments_reach_the_array_transform() -> None:
    draw = InstancesToMembraned("label", None, 9.0, "physical", (1, 2), "nearest", 1).transform
    assert (draw.thickness, draw.unit, draw.spacing) == (9.0, "physical", (1, 2))
    assert (draw.unlabelled, draw.section_axis) == ("nearest", 1)
    assert transforms.InstancesToMembraneD is transforms.InstancesToMembraneDict is InstancesToMembraned
