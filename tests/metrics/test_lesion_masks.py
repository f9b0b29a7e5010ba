# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary.metrics import lesion_masks

TRUTH = np.array([[0, 1, 2, 2, 1]])


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_ignored_voxels_are_in_neither_mask(dtype: Any) -> None:
    predicted, true = lesion_masks(np.array([[1, 1, 1, 0, 0]]).astype(dtype), TRUTH, ignore_labels=(2,))
    assert predicted.tolist() == [[True, True, False, False, False]]
    assert true.tolist() == [[False, True, False, False, True]]


def test_another_label_and_tensors() -> None:
    predicted, true = lesion_masks(torch.ones(1, 5), torch.from_numpy(TRUTH), lesion_label=2, ignore_labels=(1, 255))
    assert predicted.tolist() == [[True, False, True, True, False]]
    assert true.tolist() == [[False, False, True, True, False]]


def test_rounding_of_a_header_is_no_fraction() -> None:
    predicted, true = lesion_masks(np.array([[0, 0.99999997]]), np.array([[1e-8, 1.0000001]], dtype=np.float32))
    assert predicted.tolist() == true.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("pred", "truth", "options", "error", "message"),
    [
        (
            TRUTH,
            TRUTH,
            {"ignore_labels": (2,)},
            ValueError,
            r"`y_pred` needs a mask of 0 and 1, got values from 0 to 2",
        ),
        (TRUTH - 1, TRUTH, {"ignore_labels": (2,)}, ValueError, r"mask of 0 and 1, got values from -1 to 1"),
        (TRUTH > 0, TRUTH, {}, ValueError, r"`y` needs 0, 1 \(lesion\) or an id of `ignore_labels` \(\), got \[2\]"),
        (
            TRUTH * 0.3,
            TRUTH,
            {},
            ValueError,
            r"`y_pred` needs whole numbers, got 0.3 .* 0.001 from one.: threshold",
        ),
        (TRUTH * np.nan, TRUTH, {}, ValueError, "`y_pred` needs finite values, got NaN or infinity"),
        (TRUTH[:, :3] > 0, TRUTH, {}, ValueError, r"`y_pred` needs the shape of `y`, \(1, 5\), got \(1, 3\)"),
        (TRUTH[0] > 0, TRUTH[0], {}, ValueError, "`y` needs 2 or 3 spatial dimensions, got 1"),
        (
            TRUTH > 0,
            TRUTH,
            {"lesion_label": 2, "ignore_labels": (2,)},
            ValueError,
            "`lesion_label` needs an id > 0 that",
        ),
        (
            TRUTH > 0,
            TRUTH,
            {"lesion_label": 0},
            ValueError,
            "`lesion_label` needs an id > 0 that is not ignored, got 0",
        ),
        (np.array([["a"]]), np.array([[1]]), {}, TypeError, "`y_pred` needs a boolean, integer or floating array"),
    ],
)
def test_bad_masks(pred: Any, truth: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lesion_masks(pred, truth, **options)
