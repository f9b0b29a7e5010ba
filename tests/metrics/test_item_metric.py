# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.metrics import ItemMetric
from monai_boundary.metrics.table_scores import mean_of_defined

# batches, reductions and processes are tested where instances are: test_instance_metric.py


class Sizes(ItemMetric):
    """Scores the spacing itself."""

    score_names = ("first", "second")

    def _score(self, y_pred: Any, y: Any, spacing: Sequence[float] | float | None) -> tuple[float, float]:
        if spacing is None:
            return (float("nan"), float("nan"))
        return (spacing, spacing) if isinstance(spacing, float) else (spacing[0], spacing[1])

    def _image_spacing(self, y: torch.Tensor, item: int) -> tuple[float, ...] | None:
        return (7.0, 8.0) if isinstance(y, MetaTensor) else None


BATCH = torch.zeros(2, 1, 3, 3)


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (None, [[np.nan, np.nan]] * 2),
        (2.0, [[2, 2]] * 2),
        ((2.0, 3.0), [[2, 3]] * 2),
        ([[2.0, 3.0], [4.0, 5.0]], [[2, 3], [4, 5]]),
        (torch.tensor([[2.0, 3.0], [4.0, 5.0]]), [[2, 3], [4, 5]]),
        ([[torch.tensor(2.0), torch.tensor(3.0)], [torch.tensor(4.0), torch.tensor(5.0)]], [[2, 3], [4, 5]]),
    ],
)
def test_spacing_for_all_items_or_for_each(as_list: bool, spacing: Any, expected: Any) -> None:
    batch: Any = list(BATCH) if as_list else BATCH
    np.testing.assert_array_equal(Sizes()(batch, batch, spacing=spacing).numpy(), expected)


def test_the_call_wins_over_the_constructor_and_that_over_the_image() -> None:
    image = MetaTensor(BATCH)
    assert Sizes()(image, image)[1].tolist() == [7, 8]
    assert Sizes(spacing=(2.0, 3.0))(image, image)[1].tolist() == [2, 3]
    assert Sizes(spacing=(2.0, 3.0))(image, image, spacing=(4.0, 5.0))[1].tolist() == [4, 5]


@pytest.mark.parametrize("spacing", [[[1.0, 1.0]], [[1.0, 1.0]] * 3, [[1.0, 1.0], 1.0]])
def test_rows_of_another_number_are_an_error(spacing: Any) -> None:
    with pytest.raises(ValueError, match=r"`spacing` needs one for all items or a row for each of 2, got \d rows"):
        Sizes()(BATCH, BATCH, spacing=spacing)


def test_mean_of_defined() -> None:
    np.testing.assert_array_equal(mean_of_defined([[1.0, np.nan], [3.0, np.nan]]), [2.0, np.nan])
