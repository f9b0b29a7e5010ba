# SPDX-License-Identifier: Apache-2.0
"""The Sobel baseline against SciPy's filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from monai_boundary.losses import SobelEdgeLoss


@pytest.mark.parametrize("shape", [(9, 8), (5, 6, 7)], ids=["2-D", "3-D"])
def test_against_scipy(shape: tuple[int, ...]) -> None:
    ndim = len(shape)
    probability, target = torch.rand(2, 3, *shape), (torch.rand(2, 3, *shape) > 0.5).float()
    value = SobelEdgeLoss(reduction="none")(probability, target)
    for b, c in np.ndindex(2, 3):
        pair = [x[b, c].numpy() for x in (probability, target)]
        gradients = [[ndimage.sobel(x, a, mode="nearest") / 4 ** (ndim - 1) for a in range(ndim)] for x in pair]
        wanted = np.mean([np.abs(p - g).mean() for p, g in zip(*gradients, strict=True)])
        assert float(value[b, c]) == pytest.approx(wanted, rel=1e-5)


def test_background_and_ignored_voxels() -> None:
    logits = torch.randn(1, 3, 8, 8)
    label = torch.randint(0, 3, (1, 1, 8, 8))
    each = SobelEdgeLoss(softmax=True, to_onehot_y=True, reduction="none")(logits, label)
    without = SobelEdgeLoss(softmax=True, to_onehot_y=True, include_background=False)(logits, label)
    torch.testing.assert_close(without, each[:, 1:].mean())
    mask = torch.zeros(1, 1, 8, 8)
    assert float(SobelEdgeLoss(softmax=True, to_onehot_y=True)(logits, label, mask=mask)) == 0


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`target` needs the shape of `input`"):
        SobelEdgeLoss()(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
