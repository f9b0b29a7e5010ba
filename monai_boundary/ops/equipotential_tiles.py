# SPDX-License-Identifier: Apache-2.0
"""Point and line loss of one large image on the host, some of its rows at a time.

The energies of a direction are made anew for each look at them, which costs less than to write them down: two looks
find the energies of the ranks that the line region takes, one the sums over the lines, one the gradient. Beside
prediction and gradient, nothing but a byte for each voxel has the size of the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from monai_boundary.ops.anisotropic import ray_directions, ray_sum, ray_sum_adjoint
from monai_boundary.ops.equipotential_lines import line_change, line_overlap, line_sums, row_counts
from monai_boundary.ops.equipotential_terms import PotentialTerm, Rays
from monai_boundary.ops.ranked_values import RankedValue, values_of_ranks


class _Tile(NamedTuple):
    """Rows of the image: in the image, and what a ray reaches from them: in the image, and where they are in it."""

    rows: slice
    reach: slice
    inner: slice


class LargeField:
    """Prediction and truth of one item and class, (1, spatial), too large to be worked on at once."""

    def __init__(self, prediction: Tensor, truth: Tensor, known: Tensor | None, room: int) -> None:
        self.prediction = prediction[0]
        self.truth = truth[0]
        self.known = None if known is None else known[0]
        self.room = room  # voxels that are looked at together

    def add(
        self,
        rays: Rays,
        group: Sequence[tuple[int, PotentialTerm]],
        ready: Tensor | None,
        values: list[Tensor],
        gradient: Tensor | None,
    ) -> None:
        """Add the terms of one set of rays to ``values`` (1,) of each, and their gradient to ``gradient``."""
        directions = ray_directions(rays.splitter, self.prediction.ndim)
        for index, direction in enumerate(directions):
            true = ray_sum(self.truth, direction, rays.w // 2, rays.padding) if ready is None else ready[0, index]
            look = _Direction(self, true, rays, direction)
            found = look.values([term for _, term in group], None if gradient is None else gradient[0], len(directions))
            for (number, _), value in zip(group, found, strict=True):
                values[number] = values[number] + value / len(directions)


class _Direction:
    """One direction of a large field."""

    def __init__(self, field: LargeField, true: Tensor, rays: Rays, direction: tuple[int, ...]) -> None:
        self.prediction = field.prediction
        self.known = known = field.known
        self.room = field.room
        self.true = true
        self.direction = direction
        self.steps = rays.w // 2
        self.padding = rays.padding
        self.seen: Tensor | None = None
        if known is not None:
            self.seen = ray_sum((~known).view(torch.uint8), direction, self.steps, self.padding) == 0

    def values(self, terms: Sequence[PotentialTerm], gradient: Tensor | None, share: int) -> list[float]:
        """The value of each term; their gradient, over ``share``, is added to ``gradient``."""
        voxels = self.true.numel() if self.seen is None else int(torch.count_nonzero(self.seen))
        works = [_Point(term, voxels) if term.kind == "point" else _Line(term, voxels, self) for term in terms]
        for work in works:
            work.prepare()
        for tile in self.tiles():
            energy, true, seen = self.energy(tile), self.true_energy(tile), self.seen_voxels(tile)
            slope = None if gradient is None else torch.zeros_like(energy)
            for work in works:
                work.add(energy, true, seen, slope)
            if gradient is not None and slope is not None:
                reach = self.prediction[tile.reach]
                around = torch.zeros_like(reach)
                around[tile.inner] = slope.view(-1, *reach.shape[1:]) / share
                gradient[tile.reach] += ray_sum_adjoint(around, self.direction, self.steps, self.padding)
        return [work.value() for work in works]

    def tiles(self) -> Iterator[_Tile]:
        """The rows of the image in order."""
        length, step = len(self.prediction), self.direction[0]
        size = max(1, self.room // math.prod(self.prediction.shape[1:]))
        for start in range(0, length, size):
            stop = min(start + size, length)
            first = max(0, start - self.steps) if step < 0 else start
            last = min(length, stop + self.steps) if step > 0 else stop
            yield _Tile(slice(start, stop), slice(first, last), slice(start - first, stop - first))

    def energy(self, tile: _Tile) -> Tensor:
        """The predicted energies, flat; no -0."""
        field = self.prediction[tile.reach]
        if self.known is not None:
            field = torch.where(self.known[tile.reach], field, 0)
        return ray_sum(field, self.direction, self.steps, self.padding)[tile.inner].flatten() + 0.0

    def true_energy(self, tile: _Tile) -> Tensor:
        """The true energies, flat."""
        return self.true[tile.rows].flatten()

    def seen_voxels(self, tile: _Tile) -> Tensor | None:
        """Which voxels have a known energy, flat; ``None`` for all."""
        return None if self.seen is None else self.seen[tile.rows].flatten()


class _Point:
    """The sum of the differences of the fields."""

    def __init__(self, term: PotentialTerm, voxels: int) -> None:
        self.term = term
        self.voxels = max(1, voxels)
        self.total = 0.0

    def prepare(self) -> None:
        """Nothing is to be known before."""

    def add(self, energy: Tensor, true: Tensor, seen: Tensor | None, slope: Tensor | None) -> None:
        """Add the voxels of a tile."""
        apart = energy - true
        if seen is not None:
            apart = torch.where(seen, apart, 0)
        self.total += float((apart.square() if self.term.norm == 2 else apart.abs()).sum())
        if slope is not None and self.term.weight:
            factor = 2 * apart if self.term.norm == 2 else apart.sign()
            slope.add_(factor, alpha=self.term.weight / self.voxels)

    def value(self) -> float:
        """The mean difference."""
        return self.total / self.voxels


class _Line:
    """The overlap of the lines; or how many lines are passed, where the truth has none."""

    def __init__(self, term: PotentialTerm, voxels: int, look: _Direction) -> None:
        self.term = term
        self.look = look
        self.steps = look.steps
        ends = (look.true < bound for bound in (1, self.steps + 1))
        chosen = (end if look.seen is None else end & look.seen for end in ends)
        self.first, self.last = (int(row_counts(end.view(1, -1))) for end in chosen)
        side = 0 if voxels == 0 else (self.first == voxels) - (self.last == 0)
        self.passed = side * self.steps / ((self.steps + 1) * max(1, voxels))  # for each voxel
        self.inside = self.last == 0
        self.total, self.checked = 0.0, 0.0
        self.region: _Region | None = None

    def prepare(self) -> None:
        """Find the region and the sums over its lines."""
        if self.last <= self.first:
            return
        look = self.look

        def ranked() -> Iterator[Tensor]:
            for tile in look.tiles():
                energy, seen = look.energy(tile), look.seen_voxels(tile)
                yield energy if seen is None else energy[seen]

        ends = values_of_ranks(ranked, (self.first, self.last - 1))
        sums = torch.zeros(self.steps, 5, dtype=torch.float64)
        region = _Region(ends, self.first, self.last)
        for tile in look.tiles():
            energy, true = look.energy(tile), look.true_energy(tile)
            union = region.choose(energy, look.seen_voxels(tile)) | self._on_lines(true, look.seen_voxels(tile))
            sums += line_sums(energy[union], true[union].long(), self.steps, self.term.mu)
        losses, self.pull, self.push = line_overlap(sums)
        self.total = float(losses.sum())
        self.region = _Region(ends, self.first, self.last)

    def add(self, energy: Tensor, true: Tensor, seen: Tensor | None, slope: Tensor | None) -> None:
        """Add the voxels of a tile."""
        counted = energy if seen is None else torch.where(seen, energy, 0)
        self.checked += float(energy.sum())
        wanted = slope is not None and self.term.weight != 0
        if self.passed:
            count = energy.numel() if seen is None else int(torch.count_nonzero(seen))
            self.total += (float(counted.sum()) - self.inside * (self.steps + 1) * count) * self.passed
            if slope is not None and wanted:
                slope += self.term.weight * self.passed * (1 if seen is None else seen)
        elif slope is not None and wanted and self.region is not None:
            union = self.region.choose(energy, seen) | self._on_lines(true, seen)
            places = union.nonzero().squeeze(1)
            change = line_change(energy[places], true[places].long(), self.term.mu, self.pull, self.push)
            slope[places] += self.term.weight * change

    def value(self) -> float:
        """The loss; NaN where an energy is no number."""
        return self.total if math.isfinite(self.checked) else math.nan

    def _on_lines(self, true: Tensor, seen: Tensor | None) -> Tensor:
        lines = (true - 1) < self.steps  # 0 - 1 is 255
        return lines if seen is None else lines & seen


class _Region:
    """The predicted line region, of tiles that come in the order of the image: it counts the equal energies."""

    def __init__(self, ends: Sequence[RankedValue], first: int, last: int) -> None:
        self.low, self.high = ends[0].value, ends[1].value
        self.first, self.last = first, last
        self.whole = all(first <= end.smaller and end.smaller + end.equal <= last for end in ends)
        self.next_rank = {end.value: end.smaller for end in ends}  # of the next voxel of this energy

    def choose(self, energy: Tensor, seen: Tensor | None) -> Tensor:
        """Return which voxels of the next tile are in the region."""
        if self.whole:
            region = (energy >= self.low) & (energy <= self.high)
            return region if seen is None else region & seen
        region = (energy > self.low) & (energy < self.high)
        for value, rank in self.next_rank.items():
            places = (energy == value if seen is None else (energy == value) & seen).nonzero().squeeze(1)
            start, stop = (min(max(end - rank, 0), len(places)) for end in (self.first, self.last))
            region[places[start:stop]] = True
            self.next_rank[value] = rank + len(places)
        return region if seen is None else region & seen
