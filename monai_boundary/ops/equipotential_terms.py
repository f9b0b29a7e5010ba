# SPDX-License-Identifier: Apache-2.0
"""What equipotential learning computes: where the energies come from, and the terms of the loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rays:
    """Where the energies come from: see `monai_boundary.ops.anisotropic_potential`.

    Attributes:
        w: odd width of the kernel.
        splitter: the set of directions.
        padding: what lies outside the image.
    """

    w: int = 7
    splitter: str = "A"
    padding: str = "replicate"


@dataclass(frozen=True)
class PotentialTerm:
    """One term of the loss.

    Attributes:
        kind: ``"point"`` or ``"line"``.
        rays: of its energies.
        weight: in the total.
        norm: of the point term, 1 or 2.
        mu: of the line term.
        pooled: the line term as it was released.
    """

    kind: str
    rays: Rays
    weight: float = 1.0
    norm: int = 2
    mu: int = 10
    pooled: bool = False
