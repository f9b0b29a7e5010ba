# SPDX-License-Identifier: Apache-2.0
"""Structures of a mask metric: one mask, channels, and label values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.metrics import MaskMetric


class Voxels(MaskMetric):
    """Counts voxels, and the first spacing."""

    mask_scores = ("predicted", "true", "spacing", "missed")

    def score_masks(self, y_pred: Any, y: Any, spacing: Any) -> Mapping[str, float]:
        first = spacing if isinstance(spacing, float) else spacing[0]
        return {"predicted": y_pred.sum(), "true": y.sum(), "spacing": first, "missed": float(not y_pred.any())}


LABELS = torch.tensor([[[[0, 1, 2], [3, 3, 0]]]])


def test_one_mask() -> None:
    metric = Voxels(spacing=2.0)
    assert metric((LABELS > 1).float(), (LABELS > 0).bfloat16()).tolist() == [[3, 4, 2, 0]]
    assert metric.score_names == ("predicted", "true", "spacing", "missed")


def test_label_values() -> None:
    metric = Voxels({"a": 1, "b": (2, 3)}, spacing=1.0)
    assert metric(torch.full_like(LABELS, 3), LABELS).tolist() == [[0, 1, 1, 1, 6, 3, 1, 0]]
    assert metric.score_names[:2] == ("a_predicted", "a_true")
    assert metric.counted == ("a_missed", "b_missed")


def test_channels() -> None:
    masks = torch.cat([LABELS > 0, LABELS > 2], dim=1)
    metric = Voxels(("all", "core"), spacing=1.0)
    assert metric(masks, masks).tolist() == [[4, 4, 1, 0, 2, 2, 1, 0]]
    assert metric.aggregate()["core_true"].item() == 2
    with pytest.raises(ValueError, match=r"`y` needs shape \(B, 2, H, W\[, D\]\) \(2 channels\)"):
        metric(LABELS, LABELS)


def test_counts_add_up_and_the_rest_is_averaged() -> None:
    metric = Voxels(spacing=1.0)
    metric(torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2))
    scores = metric.aggregate()
    assert (scores["missed"].item(), scores["true"].item()) == (3, 4)


def test_spacing_of_the_affine_or_an_error() -> None:
    image = MetaTensor(torch.ones(1, 1, 2, 2), affine=torch.diag(torch.tensor([3.0, 1.0, 1.0])))
    assert Voxels()([image[0]], [image[0]])[0, 2].item() == 3
    with pytest.raises(ValueError, match="neither the metric nor the call gives it"):
        Voxels()(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize("structures", [(), {}, ("a", "a")])
def test_names_differ(structures: Any) -> None:
    with pytest.raises(ValueError, match="`structures` needs different names, at least one"):
        Voxels(structures)


def test_rows_are_float64() -> None:
    assert Voxels(spacing=1.0)(LABELS > 0, LABELS > 0).numpy().dtype == np.float64
