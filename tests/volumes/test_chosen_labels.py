# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.volumes.chosen_labels import labels_inside


@pytest.mark.parametrize("kind", ["u1", "u4", "u8", "i8"])
def test_many_labels(kind: str, rng: np.random.Generator) -> None:
    labels = rng.integers(0, 120, (3, 4, 50)).astype(kind)
    labels[0, 0, 0] = np.iinfo(kind).max
    values = tuple(range(1, 100, 2))
    np.testing.assert_array_equal(labels_inside(labels, values), (labels % 2 == 1) & (labels < 100))
