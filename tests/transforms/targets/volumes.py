# SPDX-License-Identifier: Apache-2.0
"""A volume in mm for the tests of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

SPACING = (0.8, 1.5, 3.0)


def affine_of(spacing: tuple[float, ...] = SPACING, angle: float = 0.0) -> torch.Tensor:
    c, s = np.cos(angle), np.sin(angle)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag(spacing)
    affine[:3, 3] = (-20, 10, 5)
    return torch.from_numpy(affine)


def volume(affine: torch.Tensor | None = None, shape: tuple[int, ...] = (24, 20, 10)) -> dict[str, Any]:
    """An image and a label with one off-centre ellipsoid, of class 1."""
    grid = np.indices(shape).astype(float)
    centre, radius = np.array(shape) * 0.35, np.array(shape) * 0.22
    inside = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radius, strict=True)) < 1
    affine = affine_of() if affine is None else affine
    label = MetaTensor(torch.from_numpy(inside[None].astype(np.float32)), affine=affine)
    image = MetaTensor(torch.from_numpy(np.random.default_rng(0).random((1, *shape), dtype=np.float32)), affine=affine)
    return {"image": image, "label": label}
