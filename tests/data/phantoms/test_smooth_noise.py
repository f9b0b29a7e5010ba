# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.data.phantoms.smooth_noise import smooth_noise


@pytest.mark.parametrize("scale", [(1.0, 1.0), (3.0, 12.0)])
def test_unit_variance_and_smooth_over_the_scale(scale: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise(rng, (40, 60), scale) for _ in range(200)])
    assert fields.dtype == np.float32
    np.testing.assert_allclose(fields.std(axis=0), 1.0, atol=0.25)
    assert abs(fields.mean()) < 0.05
    # neighbours differ the less, the larger the scale of their axis
    steps = [float(np.diff(fields, axis=axis).std()) for axis in (1, 2)]
    if scale[0] == 3.0:
        assert steps[1] < 0.5 * steps[0] < 0.5
