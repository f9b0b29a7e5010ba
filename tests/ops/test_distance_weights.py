# SPDX-License-Identifier: Apache-2.0
"""U-Net's weights by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops.distance_weights import distance_weights
from monai_boundary.ops.signed_distance import batch_signed_distance

MASKS = torch.tensor([[[[1, 1, 1, 1, 0, 0, 1, 1]], [[0, 0, 0, 0, 1, 1, 0, 0]]]])


def test_by_hand() -> None:
    weights = distance_weights(MASKS, batch_signed_distance(MASKS), w0=10, sigma=5)
    distance = np.array([3.5, 2.5, 1.5, 0.5, 0.5, 0.5, 0.5, 1.5])
    frequency = np.where(MASKS[0, 1, 0].numpy(), 0.25, 0.75)
    np.testing.assert_allclose(weights[0, 0, 0], frequency + 10 * np.exp(-(distance**2) / 50), rtol=1e-6)


def test_class_weights() -> None:
    phi = batch_signed_distance(MASKS)
    none = distance_weights(MASKS, phi, class_weight="none")
    inverse = distance_weights(MASKS, phi, class_weight="inverse")
    np.testing.assert_allclose(inverse - none + 1, torch.where(MASKS[:, 1:] == 1, 2.0, 2 / 3), rtol=1e-5)


def test_a_class_without_border_does_not_count() -> None:
    absent = torch.cat([MASKS, torch.zeros_like(MASKS[:, :1])], dim=1)
    both = distance_weights(absent, batch_signed_distance(absent))
    torch.testing.assert_close(both, distance_weights(MASKS, batch_signed_distance(MASKS)))
    nothing = torch.zeros(1, 1, 3, 3)
    assert torch.equal(distance_weights(nothing, nothing), torch.ones(1, 1, 3, 3))  # frequency 1, no border
    assert torch.isfinite(distance_weights(nothing, nothing, class_weight="inverse")).all()


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`sigma` needs a finite number > 0"):
        distance_weights(MASKS, MASKS, sigma=0)
    with pytest.raises(ValueError, match="`class_weight` needs one of"):
        distance_weights(MASKS, MASKS, class_weight="balanced")
    with pytest.raises(ValueError, match="`distance_map` needs the shape of `masks`"):
        distance_weights(MASKS, MASKS[..., 1:])
