# SPDX-License-Identifier: Apache-2.0
"""Drawn and recorded pairs of prediction and truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden" / "metrics_cremi.npz"


def seeded_instances(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Prediction and truth in blocks, moved, joined and cut, 2-D or 3-D, with a spacing; one of ten is empty."""
    draw = np.random.default_rng(seed)
    shape, block = ((3, 3), (2, 3)) if seed % 2 else ((2, 3, 2), (1, 2, 3))
    true = np.kron(draw.integers(0, 6, shape), np.ones(block, dtype=np.int64))
    pred = np.where(draw.random(true.shape) < 0.7, np.roll(true, draw.integers(0, 2), axis=-1), draw.integers(0, 6))
    if seed % 20 in (4, 5):
        pred[:] = 0
    if seed % 20 in (8, 9):
        true[:] = 0
    return pred, true, tuple(float(s) for s in draw.choice([30.0, 10.0, 4.0], true.ndim))


def golden_pairs() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def two_cells() -> np.ndarray:
    """Cells 1 and 2 of 8 voxels each, a membrane of 0 between them."""
    return np.array([[1, 1, 0, 2, 2]] * 4)


@st.composite
def pairs(draw: Any, zeros: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A predicted and a true label image of one shape, 2-D or 3-D, the truth with at least one scored voxel."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5))
    lowest = 0 if zeros else 1
    pred = draw(hnp.arrays(np.int64, shape, elements=st.integers(lowest, 4)))
    truth = draw(hnp.arrays(np.int64, shape, elements=st.integers(lowest, 4)))
    truth.flat[0] = 1
    return pred, truth
