# SPDX-License-Identifier: Apache-2.0
"""Equipotential lines: the voxels of equal rank in truth and prediction, and how much their energies overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_UNDERFLOW = 750.0  # exp(-750) is 0, also in float64


@dataclass(frozen=True)
class LineValues:
    """The line loss of some fields of one direction.

    Attributes:
        value: sum over the lines of 1 - EDC, (N,).
        voxels: indices, into the flattened fields, of the voxels that were looked at, (M,).
        slope: derivative of the value of its row (pooled: of the one value) with respect to the energy there, (M,).
    """

    value: Tensor
    voxels: Tensor
    slope: Tensor


def line_region(energy: Tensor, true_energy: Tensor, steps: int, known: Tensor | None = None) -> Tensor:
    """Return the predicted line region: as many voxels as lie on the true lines, of the same ranks.

    The true lines are the voxels of energy 1..``steps``. When all voxels of a row are sorted by their true energy, they
    take the ranks from the number of voxels below 1 onward; the region is the voxels that take these ranks when the row
    is sorted by ``energy`` (Yin et al., Eq. 4). Equal energies are ranked in the order of the array.

    Args:
        energy: (N, voxels), floating.
        true_energy: whole numbers, same shape.
        steps: number of lines, w // 2.
        known: boolean, same shape: the voxels that are ranked.

    Returns:
        boolean, same shape; empty for a row without lines. No gradient.

    Example:
        >>> import torch
        >>> line_region(torch.tensor([[0.1, 0.9, 1.4, 2.6, 0.9]]), torch.tensor([[0, 1, 2, 3, 3]]), steps=2).int()
        tensor([[0, 1, 0, 0, 1]], dtype=torch.int32)
    """
    ranked = energy.detach()
    below, upto = true_energy < 1, true_energy <= steps
    if known is not None:
        ranked = torch.where(known, ranked, torch.inf)
        below, upto = below & known, upto & known
    first, last = below.sum(1, keepdim=True), upto.sum(1, keepdim=True)
    low, high = _values_at(ranked, first, last)
    region = (ranked >= low) & (ranked <= high)
    if energy.device.type == "cpu" and bool((region.sum(1, keepdim=True) == (last - first).clamp(min=0)).all()):
        return region  # no equal energies at either end
    region = (ranked > low) & (ranked < high)
    for value in (low, high):
        equal = ranked == value
        rank = (ranked < value).sum(1, keepdim=True) + equal.cumsum(1, dtype=torch.int32) - 1
        region |= equal & (rank >= first) & (rank < last)
    return region & (last > first)


def line_values(
    energy: Tensor, true_energy: Tensor, steps: int, mu: int, *, pooled: bool = False, known: Tensor | None = None
) -> LineValues:
    """Return the line loss of each row, and its derivative with respect to the energy.

    For every line tau = 1..``steps``, d = exp(-(E - tau)^mu) says how near a voxel is to it, and

        EDC = 2 C sum(d d^) / (sum d + sum d^), C = sum d / sum(d d)

    compares truth d and prediction d^ (Algorithm 1). The sums are over the voxels of both line regions, of each row by
    itself. A line on which the truth has no voxel adds nothing. EDC can exceed 1 by some percent (d^ sharper than d);
    it is cut off there, so that 0 is the least loss.

    ``pooled`` is the released code: energies outside a field's own region become 0, the sums are over *all* voxels of
    all rows, 1 is added to sum(d d^) and to the denominator, and nothing is cut off: a perfect prediction scores below
    0.

    Args:
        energy: predicted, (N, voxels), floating.
        true_energy: whole numbers, same shape.
        steps: number of lines, w // 2.
        mu: even exponent.
        pooled: as released.
        known: boolean, same shape: the voxels that count.

    Returns:
        value, voxels and slope; a row that holds NaN has the value NaN.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[0, 0, 1, 2, 3, 3]])
        >>> line_values(truth.float(), truth, steps=2, mu=10).value
        tensor([0.])
    """
    on_lines = (true_energy >= 1) & (true_energy <= steps)
    if known is not None:
        on_lines &= known
    region = line_region(energy, true_energy, steps, known)
    union = region | on_lines
    voxels = union.flatten().nonzero().squeeze(1)
    predicted = energy.flatten()[voxels]
    true = true_energy.flatten()[voxels].to(energy.dtype)
    inside = region.flatten()[voxels] if pooled else None
    if inside is not None:
        predicted = predicted * inside
        true = true * on_lines.flatten()[voxels]
    counts = union.sum(1)
    all_voxels = union.numel() if known is None else int(known.sum())
    zeros = all_voxels - len(voxels) if pooled else 0
    sums = _Sums(counts.sum().view(1) if pooled else counts, zeros, float(pooled))
    value = energy.new_zeros(len(sums.counts), dtype=torch.float64)
    slope = torch.zeros_like(predicted)
    for line in range(1, steps + 1):
        value += sums.add_line(predicted, true, line, mu, slope)
    if inside is not None:
        slope *= inside
    whole = torch.where(energy.sum(1).isfinite(), 0.0, torch.nan)
    return LineValues(value.to(energy.dtype) + whole, voxels, slope)


class _Sums:
    """Sums over the voxels of each row (or of all), in float64; ``zeros`` voxels of energy 0 in both come on top."""

    def __init__(self, counts: Tensor, zeros: int, smooth: float) -> None:
        self.counts = counts
        self.zeros = zeros
        self.smooth = smooth

    def add_line(self, predicted: Tensor, true: Tensor, line: int, mu: int, slope: Tensor) -> Tensor:
        """Return 1 - EDC of each row for one line; add its derivative to ``slope``."""
        away = (predicted - line).clamp(-(_UNDERFLOW ** (1 / mu)), _UNDERFLOW ** (1 / mu))
        near = torch.exp(-(away**mu))
        true_near = torch.exp(-((true - line).clamp(-(_UNDERFLOW ** (1 / mu)), _UNDERFLOW ** (1 / mu)) ** mu))
        rest = math.exp(-(float(min(line, _UNDERFLOW)) ** mu)) if line**mu < _UNDERFLOW else 0.0
        present = self._of(true == line) > 0
        true_sum = torch.where(present, self._of(true_near, rest), 1.0)
        squares = torch.where(present, self._of(true_near * true_near, rest * rest), 1.0)
        common = self._of(near * true_near, rest * rest) + self.smooth
        both = true_sum + self._of(near, rest) + self.smooth
        loss = 1 - 2 * (true_sum / both) * (common / squares)
        counts = present if self.smooth else present & (loss > 0)
        pull = torch.where(counts, 2 * true_sum / (both * squares), 0.0)
        push = pull * common / both
        slope += (self._spread(pull, near) * true_near - self._spread(push, near)) * (mu * away ** (mu - 1)) * near
        return torch.where(counts, loss, 0.0)

    def _of(self, values: Tensor, rest: float = 0.0) -> Tensor:
        return torch.segment_reduce(values.double(), "sum", lengths=self.counts, unsafe=True) + self.zeros * rest

    def _spread(self, per_row: Tensor, like: Tensor) -> Tensor:
        return per_row.to(like.dtype).repeat_interleave(self.counts, output_size=len(like))


def _values_at(ranked: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The values of rank ``first`` and ``last - 1`` of each row, (N, 1); NaN where the row has no lines."""
    places = torch.cat([first, last - 1], dim=1).clamp(0, ranked.shape[1] - 1)
    if ranked.device.type != "cpu":
        found = ranked.sort(dim=1).values.gather(1, places)
    else:  # a partition takes a tenth of the time of torch's sort
        found = ranked.new_full(places.shape, torch.nan)
        for row, place, out in zip(ranked.contiguous().numpy(), places.numpy(), found.numpy(), strict=True):
            if place[0] <= place[1]:
                out[:] = np.partition(row, place)[place]
    return found[:, :1], found[:, 1:]
