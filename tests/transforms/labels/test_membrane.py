# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.utils import TransformBackends

from monai_boundary import transforms
from monai_boundary.transforms import (
    CleanMembraneLabel,
    CleanMembraneLabeld,
)
from tests.transforms.images import assert_same_geometry, em_tensor

SMALL_WALL = np.array([[255 * (i == 3 or j == 4) for j in range(9)] for i in range(6)], dtype=np.uint8)
WALL = np.stack([SMALL_WALL, SMALL_WALL])


@pytest.mark.parametrize("as_file", [WALL, 255 - WALL, WALL // 255, 1 - WALL // 255])
def test_clean_up(as_file: np.ndarray) -> None:
    source = em_tensor(as_file)
    target = CleanMembraneLabel()(source)
    assert target.dtype == torch.float32
    np.testing.assert_array_equal(target[0].numpy(), WALL > 0)
    assert_same_geometry(target, source)
    np.testing.assert_array_equal(source[0].numpy(), as_file)


def test_clean_up_passes_its_arguments_on() -> None:
    grey = np.where(WALL > 0, 90, 0).astype(np.uint8)
    np.testing.assert_array_equal(CleanMembraneLabel("cell", threshold=50)(grey[None])[0].numpy(), WALL == 0)
    mixed = np.stack([WALL[0], WALL[0] // 255])
    np.testing.assert_array_equal(CleanMembraneLabel(section_axis=0)(mixed[None])[0].numpy(), WALL > 0)
    with pytest.raises(ValueError, match="`spacing` needs 3 entries"):
        CleanMembraneLabel(spacing=(1, 1))(WALL[None])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CleanMembraneLabel("dark"), "`polarity` needs one of 'membrane', 'cell', 'auto', got 'dark'."),
        (lambda: CleanMembraneLabel()(np.array([[[np.nan]]])), "`label` needs finite values"),
        (lambda: CleanMembraneLabel()(np.zeros((1, 3, 3))), '`polarity="auto"` needs both membrane and cell'),
    ],
)
def test_bad_labels(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_clean_up_replaces_the_label_and_leaves_the_rest() -> None:
    data = {"label": em_tensor(255 - SMALL_WALL), "other": 3}
    kept = data["label"].clone()
    new = CleanMembraneLabeld("label", polarity="cell")(data)
    assert new["other"] == 3
    torch.testing.assert_close(new["label"], CleanMembraneLabel("cell")(data["label"]))
    torch.testing.assert_close(data["label"], kept)
    assert CleanMembraneLabel.backend == CleanMembraneLabeld.backend == [TransformBackends.NUMPY]


def test_clean_up_of_a_missing_key() -> None:
    assert CleanMembraneLabeld("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="label"):
        CleanMembraneLabeld("label")({"image": 1})


def test_arguments_of_the_clean_up_reach_the_array_transform() -> None:
    clean = CleanMembraneLabeld("label", "membrane", 7.0, (1, 2), 0).transform
    assert (clean.polarity, clean.threshold, clean.spacing, clean.section_axis) == ("membrane", 7.0, (1, 2), 0)
    assert transforms.CleanMembraneLabelD is transforms.CleanMembraneLabelDict is CleanMembraneLabeld
