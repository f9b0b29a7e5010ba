# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.metrics import MillimetreMetric
from monai_boundary.metrics.millimetre_metric import known_spacing


class FirstSize(MillimetreMetric):
    score_names = ("size",)

    def _score(self, y_pred: Any, y: Any, spacing: Any) -> list[float]:
        return [float(known_spacing(spacing, y.ndim)[0])]  # type: ignore[index]


AFFINE = torch.tensor([[0.0, -3.0, 0], [2.0, 0, 0], [0, 0, 1]], dtype=torch.float64)  # rows and columns swapped


def test_the_affine_says_the_size_of_array_axes() -> None:
    image = MetaTensor(torch.zeros(2, 1, 3, 3), affine=AFFINE)
    assert FirstSize()(image, image).tolist() == [[2.0], [2.0]]
    each = MetaTensor(torch.zeros(2, 1, 3, 3))
    each.affine = torch.stack([AFFINE, 2 * AFFINE])
    assert FirstSize()(each, each).tolist() == [[2.0], [4.0]]
    assert FirstSize(spacing=(5.0, 1.0))(each, each).tolist() == [[5.0], [5.0]]


def test_none_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"`spacing` needs 2 entries .* \(a cache may have dropped it\)"):
        FirstSize()(torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3))
