# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.data import write_em_segmentation
from monai_boundary.workflows.membranes.normalize import NormalizeSectionsd
from monai_boundary.workflows.membranes.pipeline import em_transforms


def test_sections_are_normalised_one_by_one() -> None:
    stack = torch.rand(1, 3, 5, 6, dtype=torch.float64) * torch.tensor([1, 10, 100.0])[None, :, None, None]
    normalise = NormalizeSectionsd("image")
    out = normalise({"image": stack, "other": 1})
    torch.testing.assert_close(out["image"].mean((-2, -1)), torch.zeros(1, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out["image"].std((-2, -1), correction=0), torch.ones(1, 3))
    single = normalise({"image": stack[:, 1]})["image"]
    torch.testing.assert_close(single, out["image"][:, 1])
    assert out["other"] == 1
    assert stack.max() > 2, "the input is not changed"


def test_a_constant_section_becomes_zero() -> None:
    out = NormalizeSectionsd("image")({"image": torch.full((1, 2, 2), 7.0)})
    torch.testing.assert_close(out["image"], torch.zeros(1, 2, 2))


@pytest.mark.parametrize("value", [0.1, 0.7, -3.3, 4095.0, 65535.0, 1e30, 1e-38])
def test_a_constant_section_is_exactly_zero_whatever_its_size(value: float) -> None:
    image = torch.full((1, 2, 250, 250), value)
    image[0, 1, 3, 4] = 2 * value
    out = NormalizeSectionsd("image")({"image": image})["image"]
    assert not out[0, 0].any()
    assert torch.isfinite(out).all()
    assert abs(float(out[0, 1, 3, 4])) == pytest.approx(62499**0.5, rel=1e-4), "one voxel of n: sqrt(n - 1)"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_an_error(tmp_path: Path, bad: float) -> None:
    stack = np.ones((3, 8, 8), np.float32)
    stack[1, :2, 3] = bad
    stack[2, 0, 0] = bad
    path = write_em_segmentation(tmp_path / "a.tif", stack, spacing=None)
    words = r"got NaN or infinity in 3 voxels of .*a\.tif: section \(voxels\) 1 \(2\), 2 \(1\)\."
    read, normalise = em_transforms(None, 3)
    with pytest.raises(ValueError, match=words):
        normalise(read({"image": str(path)}))
    with pytest.raises(ValueError, match=r"in 2 voxels of .*a\.tif@1: section \(voxels\) 0 \(2\)\."):
        normalise(read({"image": f"{path}@1"}))
