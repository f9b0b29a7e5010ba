# SPDX-License-Identifier: Apache-2.0
"""Point and line loss of equipotential learning, with their gradient: direction by direction, a few classes at a time.

Each value depends on one item and class alone, so the forward pass finds the gradient too and keeps one tensor of the
probability's size; nothing of a direction outlives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary.ops.anisotropic import ray_directions, ray_sum, ray_sum_adjoint
from monai_boundary.ops.equipotential_lines import line_values

_CHUNK = {"cpu": 2**18, "cuda": 2**24}  # voxels that are worked on at a time


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


def equipotential_values(
    probability: Tensor,
    masks: Tensor,
    terms: Sequence[PotentialTerm],
    *,
    potential: Tensor | None = None,
    counted: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the weighted total of the terms, and each of them, for every item and class.

    Args:
        probability: (B, C, H, W[, D]), floating.
        masks: truth, boolean, same shape.
        terms: what is computed. A term of weight 0 is computed too, and gives no gradient.
        potential: fields of the truth for the rays of the first term, (B, directions, C, spatial), of whole numbers.
        counted: (B, 1, spatial), voxels that count; the others hold 0 in prediction and truth, and their own energy
            is not looked at.

    Returns:
        total (B, C), and the terms unweighted and without gradient, (len(terms), B, C). A pooled line term has the
        same value for all items and classes, and their mean is the released value.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 8, 8)
        >>> mask[..., 4:] = 1
        >>> total, _ = equipotential_values(0 * mask, mask.bool(), [PotentialTerm("point", Rays(w=3))])
        >>> float(total)  # left (4 - 1/4...), right, up and down
        1.9375
    """
    total, each = _Equipotential.apply(probability, masks, tuple(terms), potential, counted)
    return total, each


class _Equipotential(torch.autograd.Function):
    """Values with the gradient computed alongside, for once differentiation."""

    @staticmethod
    def forward(
        ctx: Any,
        probability: Tensor,
        masks: Tensor,
        terms: tuple[PotentialTerm, ...],
        potential: Tensor | None,
        counted: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        shape = tuple(probability.shape)
        wants = ctx.needs_input_grad[0]
        rows, voxels = shape[0] * shape[1], probability[0, 0].numel()
        known = None if counted is None else counted.expand(shape).reshape(rows, *shape[2:])
        prediction = probability.reshape(rows, *shape[2:])
        truth = masks.reshape(rows, *shape[2:]).view(torch.uint8)
        gradient = torch.zeros_like(prediction) if wants else None
        values = probability.new_zeros((len(terms), rows))
        room = _CHUNK.get(probability.device.type, _CHUNK["cpu"]) // voxels
        size = rows if any(term.pooled for term in terms) else max(1, room)
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            fields = _Fields(prediction[part], truth[part], None if known is None else known[part])
            given = None if potential is None else _given_rows(potential, part, shape[1])
            for rays in dict.fromkeys(term.rays for term in terms):
                group = [(i, term) for i, term in enumerate(terms) if term.rays == rays]
                ready = given if rays == terms[0].rays else None
                fields.add(rays, group, ready, values[:, part], None if gradient is None else gradient[part])
        weights = values.new_tensor([term.weight for term in terms])
        if gradient is not None:
            ctx.save_for_backward(gradient.view(shape))
        each = values.view(len(terms), *shape[:2])
        ctx.mark_non_differentiable(each)
        return torch.einsum("t,tbc->bc", weights, each), each

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream.view(*upstream.shape, *(1,) * (gradient.ndim - 2)), None, None, None, None


class _Fields:
    """A few rows (item and class) of prediction and truth."""

    def __init__(self, prediction: Tensor, truth: Tensor, known: Tensor | None) -> None:
        self.prediction = prediction if known is None else torch.where(known, prediction, 0)
        self.truth = truth if known is None else truth * known
        self.known = known
        self.counts = None if known is None else known.flatten(1).sum(1)

    def add(
        self,
        rays: Rays,
        group: list[tuple[int, PotentialTerm]],
        ready: Tensor | None,
        values: Tensor,
        gradient: Tensor | None,
    ) -> None:
        """Add the terms of one set of rays to ``values`` (terms, rows), and their gradient to ``gradient``."""
        directions = ray_directions(rays.splitter, self.prediction.ndim - 1)
        for index, direction in enumerate(directions):
            energy = ray_sum(self.prediction, direction, rays.w // 2, rays.padding)
            if ready is None:
                true_energy = ray_sum(self.truth, direction, rays.w // 2, rays.padding)
            else:
                true_energy = ready[:, index]
            slope = torch.zeros_like(energy) if gradient is not None else None
            for number, term in group:
                add = self._point if term.kind == "point" else self._line
                values[number] += add(energy, true_energy, term, slope, len(directions))
            if gradient is not None and slope is not None:
                if self.known is not None:
                    slope *= self.known
                pulled = ray_sum_adjoint(slope, direction, rays.w // 2, rays.padding)
                gradient += pulled if self.known is None else pulled * self.known

    def _point(
        self, energy: Tensor, true_energy: Tensor, term: PotentialTerm, slope: Tensor | None, directions: int
    ) -> Tensor:
        """The mean difference of the fields over the voxels that count, as its share of the mean over directions."""
        apart = energy - true_energy
        if self.known is not None:
            apart = torch.where(self.known, apart, 0)
        voxels = apart[0].numel() if self.counts is None else self.counts.clamp(min=1)
        flat = apart.flatten(1)
        value: Tensor = (flat.square() if term.norm == 2 else flat.abs()).sum(1) / (voxels * directions)
        if slope is not None and term.weight:
            scale = torch.as_tensor(term.weight / (voxels * directions), dtype=energy.dtype, device=energy.device)
            factor = 2 * apart if term.norm == 2 else apart.sign()
            slope += factor * scale.view(-1, *(1,) * (energy.ndim - 1))
        return value

    def _line(
        self, energy: Tensor, true_energy: Tensor, term: PotentialTerm, slope: Tensor | None, directions: int
    ) -> Tensor:
        flat, true_flat = energy.flatten(1), true_energy.flatten(1)
        known = None if self.known is None else self.known.flatten(1)
        lines = line_values(flat, true_flat, term.rays.w // 2, term.mu, pooled=term.pooled, known=known)
        if slope is not None and term.weight:
            share = term.weight / directions * (len(flat) if term.pooled else 1)
            slope.view(-1)[lines.voxels] += share * lines.slope
        return lines.value / directions


def _given_rows(potential: Tensor, part: slice, classes: int) -> Tensor:
    """The rows (item and class) of ready fields, (rows, directions, spatial); items and classes may be cut anywhere."""
    index = np.arange(part.start, part.stop)
    return torch.stack([potential[row // classes, :, row % classes] for row in index.tolist()])
