# SPDX-License-Identifier: Apache-2.0
"""Equipotential lines: the voxels of equal rank in truth and prediction, and how much their energies overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_UNDERFLOW = 750.0  # exp(-750) is 0, also in float64
_ENERGIES = 256  # w is at most 509


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
        boolean, same shape; empty for a row without lines. No gradient: the ranks are constant but where two change.

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
    first, last = row_counts(below)[:, None], row_counts(upto)[:, None]
    low, high = _values_at(ranked, first, last)
    region = (ranked >= low) & (ranked <= high)
    if _on_host(energy) and bool((row_counts(region)[:, None] == (last - first).clamp(min=0)).all()):
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
        value, voxels and slope; a row that holds NaN has the value NaN. The value is differentiable too, as often as
        wanted; the slope is what one derivative costs least.

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
    sums = _sums_of(union, known, pooled)
    predicted, true = sums.chosen(energy), sums.chosen(true_energy).long()
    if pooled:
        predicted, true = predicted * sums.chosen(region), true * sums.chosen(on_lines)
    value = energy.new_zeros(sums.rows, dtype=torch.float64)
    slope = torch.zeros_like(predicted)
    for line in range(1, steps + 1):
        value = value + sums.add_line(predicted, true, line, mu, slope)
    if pooled:
        slope *= sums.chosen(region)
    whole = torch.where(energy.detach().sum(1).isfinite(), 0.0, torch.nan)
    return LineValues(value.to(energy.dtype) + whole, sums.voxels, slope)


def lines_passed(energy: Tensor, true_energy: Tensor, steps: int, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return how many lines too many the voxels of a row lie beyond, where the truth is all one class; and the slope.

    The truth then has no line to overlap with. But a voxel of energy E has passed E h / (h + 1) of the h lines that a
    border would have, all of them inside the class and none outside. So the value is the mean of that where the class
    is absent, and of (h + 1 - E) h / (h + 1) where it fills the image: 0 for the perfect prediction, h for its
    opposite. Not in the paper.

    Args:
        energy: predicted, (N, voxels), floating.
        true_energy: whole numbers, same shape.
        steps: number of lines, h = w // 2.
        known: boolean, same shape: the voxels that count.

    Returns:
        value (N,), differentiable, and its derivative with respect to the energy of each voxel that counts, (N,). Both
        are 0 for a row that has both sides, and for one without known voxels.

    Example:
        >>> import torch
        >>> value, slope = lines_passed(torch.tensor([[0.0, 1.5], [3.0, 2.5]]), torch.tensor([[0, 0], [3, 3]]), 2)
        >>> value.tolist(), slope.tolist()  # 0.75 * 2 / 3, (0.5 / 2) * 2 / 3
        ([0.5, 0.1666666716337204], [0.3333333432674408, -0.3333333432674408])
    """
    outside, inside = true_energy < 1, true_energy > steps
    count: Tensor | int = energy.shape[1]
    if known is not None:
        outside, inside = outside & known, inside & known
        count = row_counts(known).to(energy.device)
    absent, fills = (row_counts(side).to(energy.device) == count for side in (outside, inside))
    side = (absent.int() - fills.int()).to(energy.dtype)
    counted = torch.as_tensor(count, device=energy.device).clamp(min=1)
    slope = side * steps / ((steps + 1) * counted)
    if _on_host(energy) and not bool(side.any()):
        return slope, slope
    apart = torch.where(fills[:, None], energy - (steps + 1), energy)
    apart = apart if known is None else torch.where(known, apart, 0)
    return torch.where(side != 0, apart.sum(1) * slope, 0), slope


def line_sums(predicted: Tensor, true: Tensor, steps: int, mu: int) -> Tensor:
    """Return the sums of the line loss over some voxels of one row, for `line_overlap`; those of parts add up.

    Args:
        predicted: energies of the voxels, (M,).
        true: true energies, (M,), int64.
        steps: number of lines.
        mu: even exponent.

    Returns:
        (steps, 5), float64: the voxels on each line, sum d, sum d d, sum d d^, sum d^.

    Example:
        >>> import torch
        >>> line_sums(torch.tensor([1.0, 1.0]), torch.tensor([1, 1]), 1, 10).tolist()
        [[2.0, 2.0, 2.0, 2.0, 2.0]]
    """
    sums = []
    for line in range(1, steps + 1):
        near, _ = _nearness(predicted, line, mu)
        true_near = _table(line, mu, near)[true]
        each = (true == line, true_near, true_near * true_near, near * true_near, near)
        sums.append(torch.stack([values.sum(dtype=torch.float64) for values in each]))
    return torch.stack(sums)


def line_overlap(sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return 1 - EDC of each line from the sums of a whole row, and the factors of its derivative for `line_change`.

    Example:
        >>> import torch
        >>> line_overlap(line_sums(torch.tensor([1.0, 1.0]), torch.tensor([1, 1]), 1, 10))[0].tolist()
        [0.0]
    """
    return _overlap(*sums.unbind(1), smooth=0.0)


def line_change(predicted: Tensor, true: Tensor, mu: int, pull: Tensor, push: Tensor) -> Tensor:
    """Return the derivative of the sum over the lines of 1 - EDC with respect to the energies of some voxels, (M,).

    Example:
        >>> import torch
        >>> energy, true = torch.tensor([1.25, 1.0]), torch.tensor([1, 1])
        >>> _, pull, push = line_overlap(line_sums(energy, true, 1, 2))
        >>> line_change(energy, true, 2, pull, push)
        tensor([0.1211, 0.0000])
    """
    change = torch.zeros_like(predicted)
    for line, (toward, away) in enumerate(zip(pull.tolist(), push.tolist(), strict=True), start=1):
        if toward:
            near, steep = _nearness(predicted, line, mu)
            change += (toward * _table(line, mu, near)[true] - away) * mu * steep * near
    return change


def row_counts(masks: Tensor) -> Tensor:
    """Return how many voxels of each row of boolean masks (N, voxels) are set, (N,).

    Args:
        masks: boolean.

    Example:
        >>> row_counts(torch.tensor([[True, False, True], [False, False, False]])).tolist()
        [2, 0]
    """
    if not _on_host(masks):
        return masks.sum(1)
    return torch.tensor([np.count_nonzero(row) for row in masks.numpy()])  # torch's sum makes int64 of every voxel


def _on_host(values: Tensor) -> bool:
    return values.device.type == "cpu" and not torch.compiler.is_compiling()


def _sums_of(union: Tensor, known: Tensor | None, pooled: bool) -> _Sums:
    """Sums over the voxels of the ``union`` of the regions, of each row or of all."""
    everywhere: Tensor | int = union.numel() if known is None else known.sum()
    if torch.compiler.is_compiling():  # the number of voxels must not shape a tensor
        zeros = everywhere - union.sum() if pooled else 0
        return _MaskedSums(union, zeros, float(pooled))
    counts = row_counts(union)
    zeros = int(everywhere) - int(counts.sum()) if pooled else 0
    voxels = union.flatten().nonzero().squeeze(1)
    counts = counts.sum().view(1) if pooled else counts
    return _Sums(voxels, counts.to(union.device), zeros, float(pooled))


class _Sums:
    """Sums over the voxels of each row (or of all), in float64; ``zeros`` voxels of energy 0 in both come on top."""

    def __init__(self, voxels: Tensor, counts: Tensor, zeros: Tensor | int, smooth: float) -> None:
        self.voxels = voxels
        self.counts = counts
        self.rows = len(counts)
        self.zeros = zeros
        self.smooth = smooth

    def chosen(self, values: Tensor) -> Tensor:
        """Return the values of the voxels that are summed."""
        return values.flatten()[self.voxels]

    def add_line(self, predicted: Tensor, true: Tensor, line: int, mu: int, slope: Tensor) -> Tensor:
        """Return 1 - EDC of each row for one line; add its derivative to ``slope``."""
        near, steep = _nearness(predicted, line, mu)
        true_near = _table(line, mu, near)[true]
        rest = math.exp(-(float(min(line, _UNDERFLOW)) ** mu)) if line**mu < _UNDERFLOW else 0.0
        sums = (
            self._of(true == line),
            self._of(true_near, rest),
            self._of(true_near * true_near, rest * rest),
            self._of(near * true_near, rest * rest),
            self._of(near, rest),
        )
        loss, pull, push = _overlap(*sums, smooth=self.smooth)
        with torch.no_grad():
            change = self._spread(pull, near) * true_near - self._spread(push, near)
            slope += change * mu * steep * near
        return loss

    def _of(self, values: Tensor, rest: float = 0.0) -> Tensor:
        if self.rows == 1:
            total = values.sum(dtype=torch.float64).view(1)
        elif values.requires_grad:  # which can be differentiated twice
            row = torch.arange(self.rows, device=values.device).repeat_interleave(self.counts)
            total = values.new_zeros(self.rows, dtype=torch.float64).index_add(0, row, values.double())
        else:
            total = torch.segment_reduce(values.double(), "sum", lengths=self.counts, unsafe=True)
        return total + self.zeros * rest

    def _spread(self, per_row: Tensor, like: Tensor) -> Tensor:
        if self.rows == 1:
            return per_row.to(like.dtype)
        return per_row.to(like.dtype).repeat_interleave(self.counts, output_size=len(like))


class _MaskedSums(_Sums):
    """The same sums with every voxel in its place, for `torch.compile`; slower, but for a compiler that fuses them."""

    def __init__(self, union: Tensor, zeros: Tensor | int, smooth: float) -> None:
        super().__init__(torch.empty(0), union[:1, 0] if smooth else union[:, 0], zeros, smooth)
        self.union = union

    def chosen(self, values: Tensor) -> Tensor:
        """Return all values: the mask comes with the sum."""
        return values

    def _of(self, values: Tensor, rest: float = 0.0) -> Tensor:
        kept = torch.where(self.union, values, 0)
        total = kept.sum(dtype=torch.float64).view(1) if self.smooth else kept.sum(1, dtype=torch.float64)
        return total + self.zeros * rest

    def _spread(self, per_row: Tensor, like: Tensor) -> Tensor:
        return per_row.to(like.dtype)[:, None]


def _nearness(energy: Tensor, line: int, mu: int) -> tuple[Tensor, Tensor]:
    """How near energies are to a line, d, and (E - line)^(mu - 1)."""
    away = _within_underflow(energy - line, mu)
    steep = _power(away, mu - 1)
    return torch.exp(-(steep * away)), steep


def _table(line: int, mu: int, like: Tensor) -> Tensor:
    """How near each whole energy is to a line: the truth's are whole numbers."""
    energies = torch.arange(_ENERGIES, dtype=like.dtype, device=like.device)
    return torch.exp(-_power(_within_underflow(energies - line, mu), mu))


def _overlap(
    voxels: Tensor, true_sum: Tensor, squares: Tensor, common: Tensor, near_sum: Tensor, *, smooth: float
) -> tuple[Tensor, Tensor, Tensor]:
    """1 - EDC from the sums, and the factors of d and of 1 in its derivative; 0 for a line without voxels."""
    present = voxels > 0
    true_sum, squares = (torch.where(present, total, 1.0) for total in (true_sum, squares))
    common = common + smooth
    both = true_sum + near_sum + smooth
    loss = 1 - 2 * (true_sum / both) * (common / squares)
    counts = present if smooth else present & (loss > 0)
    pull = torch.where(counts, 2 * true_sum / (both * squares), 0.0)
    return torch.where(counts, loss, 0.0), pull, pull * common / both


def _within_underflow(values: Tensor, mu: int) -> Tensor:
    """The values cut off where exp(-x^mu) is 0, so that their power stays finite."""
    return values.clamp(-(_UNDERFLOW ** (1 / mu)), _UNDERFLOW ** (1 / mu))


def _power(values: Tensor, exponent: int) -> Tensor:
    """A whole power by squaring, which is faster than `torch.pow`."""
    if exponent == 1:
        return values
    half = _power(values, exponent // 2)
    return half * half * values if exponent % 2 else half * half


def _values_at(ranked: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The values of rank ``first`` and ``last - 1`` of each row, (N, 1); NaN where the row has no lines."""
    places = torch.cat([first, last - 1], dim=1).clamp(0, ranked.shape[1] - 1)
    if not _on_host(ranked):
        found = ranked.sort(dim=1).values.gather(1, places)
    else:  # a partition takes a tenth of the time of torch's sort
        found = ranked.new_full(places.shape, torch.nan)
        for row, place, out in zip(ranked.contiguous().numpy(), places.numpy(), found.numpy(), strict=True):
            if place[0] <= place[1]:
                out[:] = np.partition(row, place)[place]
    return found[:, :1], found[:, 1:]
