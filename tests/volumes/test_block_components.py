# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import numpy as np
import pytest

from monai_boundary.ops import membrane_to_instances
from monai_boundary.volumes.block_components import cell_phase, contacts


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.6, 0.7, 1.0])
def test_the_cell_phase_is_that_of_the_whole_volume_in_memory(threshold: float) -> None:
    levels = np.arange(256, dtype=np.uint8)
    # the share of 255, in exact arithmetic
    assert (cell_phase(levels, threshold) == (levels.astype(int) * 1000 < round(threshold * 1000) * 255)).all()
    for kind in (np.float32, np.float64):
        shares = np.linspace(0, 1, 101, dtype=kind)[None]
        assert (cell_phase(shares, threshold) == (membrane_to_instances(shares, threshold=threshold) > 0)).all()


def test_what_is_no_probability() -> None:
    for values, words in [
        (np.array([0.5, np.nan]), "`membrane` needs values in [0, 1], got nan"),
        (np.array([0.5, 2.5]), "`membrane` needs values in [0, 1], got 0.5 to 2.5: apply a sigmoid"),
        (np.array([-1.0]), "`membrane` needs values in [0, 1]"),
    ]:
        with pytest.raises(ValueError, match=re.escape(words)):
            cell_phase(values, 0.5)
    with pytest.raises(TypeError, match="got int16"):
        cell_phase(np.zeros(3, np.int16), 0.5)


def test_contacts() -> None:
    face, other = np.array([[1, 1, 0], [2, 3, 3]], np.int32), np.array([[4, 0, 4], [4, 4, 4]], np.int32)
    assert contacts(face, other).tolist() == [[1, 4, 1], [2, 4, 1], [3, 4, 2]]
    assert contacts(face, np.zeros_like(face)).shape == (0, 3)
    many = np.array([[2**31 - 1]], np.int32)
    assert contacts(many, many).tolist() == [[2**31 - 1, 2**31 - 1, 1]]
