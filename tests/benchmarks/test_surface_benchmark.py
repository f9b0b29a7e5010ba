# SPDX-License-Identifier: Apache-2.0
"""All surface scores of a case against MONAI's Hausdorff distance alone, and against surface-distance's two scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance

from monai_boundary.metrics import compute_surface_scores

SHAPE = (240, 240, 155)
SPACING = (0.9, 0.9, 1.2)


def nested(shift: float) -> np.ndarray:
    """Three regions with bumps, one within the other, (3, *SHAPE)."""
    grid = np.ogrid[tuple(slice(n) for n in SHAPE)]
    radius = np.sqrt(sum(((g - 0.45 * n - shift) / n) ** 2 for g, n in zip(grid, SHAPE, strict=True)))
    radius = radius + 0.02 * np.sin(grid[0] / 4 + shift) * np.cos(grid[1] / 5)
    return np.stack([radius < r for r in (0.22, 0.15, 0.08)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*always_return_as_numpy")
def test_all_scores_of_three_regions(race: Any) -> None:
    oracle = pytest.importorskip("surface_distance", reason="needs surface-distance, of the extra `test`")
    true, predicted = nested(0.0), nested(1.5)
    tensors = [torch.from_numpy(masks)[None].float() for masks in (predicted, true)]
    found: dict[str, Any] = {}

    def theirs() -> list[tuple[float, float]]:
        pairs = [oracle.compute_surface_distances(t, p, SPACING) for p, t in zip(predicted, true, strict=True)]
        return [
            (oracle.compute_robust_hausdorff(d, 95), oracle.compute_surface_dice_at_tolerance(d, 1.0)) for d in pairs
        ]

    compute_surface_scores(predicted[2], true[2], SPACING)  # compiled
    race.run(
        3,
        ours=lambda: found.update(
            ours=[compute_surface_scores(p, t, SPACING, (1.0, 2.0, 3.0)) for p, t in zip(predicted, true, strict=True)]
        ),
        monai=lambda: compute_hausdorff_distance(*tensors, include_background=True, spacing=list(SPACING)),
        surface_distance=lambda: found.update(theirs=theirs()),
    )
    for ours, (hd95, nsd) in zip(found["ours"], found["theirs"], strict=True):
        assert (ours.hd95_mm, ours.nsd[0]) == pytest.approx((hd95, nsd))
    assert race.report(f"surface scores of 3 regions of {SHAPE}", "ours", "monai", "<= 1") <= 1
    assert race.report("HD95 and surface Dice alone by surface-distance", "ours", "surface_distance", "<= 0.5") <= 0.5
