# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_boundary.volumes.block_floods import grey_steps


def test_grey_steps() -> None:
    assert grey_steps(np.array([0, 1, 254, 255], np.uint8)).tolist()[::3] == [0, 255]
    assert grey_steps(np.array([0, 2**15, 2**16 - 1], np.uint16)).tolist() == [0, 127, 255]
    assert grey_steps(np.array([0, 2**31, 2**32 - 1], np.uint32)).tolist() == [0, 127, 255]
    assert grey_steps(np.array([0, 0.25, 1], np.float16)).tolist() == [0, 63, 255]
