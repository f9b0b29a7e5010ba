# SPDX-License-Identifier: Apache-2.0
"""Point and line loss of equipotential learning, with their gradient: direction by direction, a few classes at a time.

Each value depends on one item and class alone, so the forward pass finds the gradient too and keeps one tensor of the
probability's size; nothing of a direction outlives it. On the host a large image is worked on by tiles. A second
derivative, and `torch.compile`, go through the same
sums with the graph of autograd.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary.ops.anisotropic import ray_directions, ray_sum, ray_sum_adjoint
from monai_boundary.ops.equipotential_lines import line_values, lines_passed, row_counts
from monai_boundary.ops.equipotential_terms import PotentialTerm, Rays
from monai_boundary.ops.equipotential_tiles import LargeField

_CHUNK = {"cpu": 2**18, "cuda": 2**24}  # voxels that are worked on at a time
_LARGE = 2**21  # a larger image is worked on by tiles, on the host: below it takes longer than all at once


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
        counted: (B, 1, spatial), voxels that count; a voxel whose ray meets another has no known energy in that
            direction, and is not looked at there.

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
    if torch.compiler.is_compiling():
        each = _all_values(probability, masks, tuple(terms), potential, counted)
        return _total(each, terms), each.detach()
    total, detached = _Equipotential.apply(probability, masks, tuple(terms), potential, counted)
    return total, detached


def _total(each: Tensor, terms: Sequence[PotentialTerm]) -> Tensor:
    return torch.einsum("t,tbc->bc", each.new_tensor([term.weight for term in terms]), each)


def _all_values(
    probability: Tensor,
    masks: Tensor,
    terms: tuple[PotentialTerm, ...],
    potential: Tensor | None,
    counted: Tensor | None,
    gradient: Tensor | None = None,
) -> Tensor:
    """The terms of every item and class, (len(terms), B, C); their gradient is added to ``gradient``.

    Differentiable too where gradients are enabled: all is done at once then.
    """
    shape = tuple(probability.shape)
    rows, voxels = shape[0] * shape[1], math.prod(shape[2:])
    known = None if counted is None else counted.expand(shape).reshape(rows, *shape[2:])
    prediction = probability.reshape(rows, *shape[2:]).contiguous()
    truth = masks.reshape(rows, *shape[2:]).contiguous().view(torch.uint8)
    slopes = None if gradient is None else gradient.view(rows, *shape[2:])
    chunk = _CHUNK.get(probability.device.type, _CHUNK["cpu"])
    with_graph = torch.compiler.is_compiling() or torch.is_grad_enabled()
    whole = with_graph or any(term.pooled for term in terms)
    large = not whole and voxels > _LARGE and probability.device.type == "cpu"
    size = rows if whole else 1 if large else max(1, chunk // voxels)
    parts = []
    for start in range(0, rows, size):
        part = slice(start, min(start + size, rows))
        rest = None if known is None else known[part]
        fields = (
            LargeField(prediction[part], truth[part], rest, chunk)
            if large
            else _Fields(prediction[part], truth[part], rest)
        )
        given = None if potential is None else _given_rows(potential, part, shape[1])
        values: list[Tensor] = [prediction.new_zeros(part.stop - part.start)] * len(terms)
        for rays in dict.fromkeys(term.rays for term in terms):
            group = [(i, term) for i, term in enumerate(terms) if term.rays == rays]
            ready = given if rays == terms[0].rays else None
            fields.add(rays, group, ready, values, None if slopes is None else slopes[part])
        parts.append(torch.stack(values))
    return torch.cat(parts, dim=1).view(len(terms), *shape[:2])


class _Equipotential(torch.autograd.Function):
    """Values with the gradient computed alongside; a derivative of the gradient computes them again with a graph."""

    @staticmethod
    def forward(
        ctx: Any,
        probability: Tensor,
        masks: Tensor,
        terms: tuple[PotentialTerm, ...],
        potential: Tensor | None,
        counted: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        gradient = probability.new_zeros(probability.shape) if ctx.needs_input_grad[0] else None
        each = _all_values(probability, masks, terms, potential, counted, gradient)
        ctx.terms = terms
        ctx.gradient = gradient
        ctx.save_for_backward(probability, masks, potential, counted)
        ctx.mark_non_differentiable(each)
        return _total(each, terms), each

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        probability, masks, potential, counted = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: somebody wants the curvature
            total = _total(_all_values(probability, masks, ctx.terms, potential, counted), ctx.terms)
            (slope,) = torch.autograd.grad(total, probability, upstream, create_graph=True)
            return slope, None, None, None, None
        gradient, ctx.gradient = ctx.gradient, None  # handed over, not copied
        if gradient is None:  # a second time through a graph that was retained
            gradient = probability.new_zeros(probability.shape)
            _all_values(probability, masks, ctx.terms, potential, counted, gradient)
        gradient *= upstream.view(*upstream.shape, *(1,) * (gradient.ndim - 2))
        return gradient, None, None, None, None


class _Fields:
    """A few rows (item and class) of prediction and truth."""

    def __init__(self, prediction: Tensor, truth: Tensor, known: Tensor | None) -> None:
        self.prediction = prediction if known is None else torch.where(known, prediction, 0)
        self.truth = truth
        self.unknown = None if known is None else ~known

    def add(
        self,
        rays: Rays,
        group: list[tuple[int, PotentialTerm]],
        ready: Tensor | None,
        values: list[Tensor],
        gradient: Tensor | None,
    ) -> None:
        """Add the terms of one set of rays to ``values`` (rows) of each, and their gradient to ``gradient``."""
        directions = ray_directions(rays.splitter, self.prediction.ndim - 1)
        seen = None
        for index, direction in enumerate(directions):
            energy = ray_sum(self.prediction, direction, rays.w // 2, rays.padding)
            if ready is None:
                true_energy = ray_sum(self.truth, direction, rays.w // 2, rays.padding)
            else:
                true_energy = ready[:, index]
            if self.unknown is not None:
                seen = ray_sum(self.unknown.view(torch.uint8), direction, rays.w // 2, rays.padding) == 0
            slope = torch.zeros_like(energy) if gradient is not None else None
            for number, term in group:
                add = self._point if term.kind == "point" else self._line
                values[number] = values[number] + add(energy, true_energy, term, slope, seen) / len(directions)
            if gradient is not None and slope is not None:
                slope /= len(directions)
                gradient += ray_sum_adjoint(slope, direction, rays.w // 2, rays.padding)

    @staticmethod
    def _point(
        energy: Tensor, true_energy: Tensor, term: PotentialTerm, slope: Tensor | None, seen: Tensor | None
    ) -> Tensor:
        """The mean difference of the fields over the voxels that are seen."""
        apart = energy - true_energy
        if seen is not None:
            apart = torch.where(seen, apart, 0)
        voxels = math.prod(apart.shape[1:]) if seen is None else row_counts(seen.flatten(1)).clamp(min=1)
        flat = apart.flatten(1)
        value: Tensor = (flat.square() if term.norm == 2 else flat.abs()).sum(1) / voxels
        if slope is not None and term.weight:
            scale = torch.as_tensor(term.weight / voxels, dtype=energy.dtype, device=energy.device)
            factor = 2 * apart if term.norm == 2 else apart.sign()
            slope += factor * scale.view(-1, *(1,) * (energy.ndim - 1))
        return value

    @staticmethod
    def _line(
        energy: Tensor, true_energy: Tensor, term: PotentialTerm, slope: Tensor | None, seen: Tensor | None
    ) -> Tensor:
        flat, true_flat = energy.flatten(1), true_energy.flatten(1)
        known = None if seen is None else seen.flatten(1)
        lines = line_values(flat, true_flat, term.rays.w // 2, term.mu, pooled=term.pooled, known=known)
        if slope is not None and term.weight:
            share = term.weight * (len(flat) if term.pooled else 1)
            slope.view(-1)[lines.voxels] += share * lines.slope
        if term.pooled:  # as it was released
            return lines.value
        passed, each = lines_passed(flat, true_flat, term.rays.w // 2, known)
        if slope is not None and term.weight and (each.device.type != "cpu" or bool(each.any())):
            pull = term.weight * each[:, None]
            slope.view(flat.shape).add_(pull if known is None else pull * known)
        return lines.value + passed


def _given_rows(potential: Tensor, part: slice, classes: int) -> Tensor:
    """The rows (item and class) of ready fields, (rows, directions, spatial); items and classes may be cut anywhere."""
    index = np.arange(part.start, part.stop)
    if len(index) == 1:
        return potential[part.start // classes, None, :, part.start % classes]
    return torch.stack([potential[row // classes, :, row % classes] for row in index.tolist()])
