# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.inspection.intensity_measures import intensity_measures


def test_foreground_and_image() -> None:
    values = np.arange(1000, dtype=np.int16).reshape(10, 10, 10)
    inside = values >= 900
    found = intensity_measures(values, inside)
    assert (found["image"]["min"], found["image"]["max"], found["image"]["mean"]) == (0, 999, 499.5)
    assert found["foreground"]["p50"] == 949.5
    assert found["foreground"]["sd"] == pytest.approx(np.arange(100).std())
    assert found["sample"] == list(range(900, 1000))
    assert found["zero_share"] == 0.001


@pytest.mark.parametrize("foreground", [None, np.zeros(4, dtype=bool)])
def test_without_foreground_the_image_stands_for_it(foreground: np.ndarray | None) -> None:
    found = intensity_measures(np.array([1.0, 2.0, 3.0, np.inf]), foreground)
    assert (found["not_finite"], found["foreground"]["mean"]) == (1, 2.0)


def test_nothing_finite_and_large_numbers() -> None:
    found = intensity_measures(np.full(3, np.nan), None)
    assert (found["not_finite"], found["image"], found["sample"]) == (3, {}, [])
    large = intensity_measures(np.full(70_000, 60_000.0, dtype=np.float16), None)
    assert large["image"]["mean"] == np.float16(60_000)  # the sum overflows half precision
