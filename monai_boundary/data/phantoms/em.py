# SPDX-License-Identifier: Apache-2.0
"""An electron-microscopy phantom: sections or anisotropic stacks that look like ssTEM, with exact instance truth.

The tissue is a power diagram (a Voronoi diagram with a radius per cell) whose seeds drift from section to section, seen
through a smooth random warp: neurites of very different calibre, curved walls, profiles that move, grow and end. The
truth is read off that diagram, never off the picture. The picture adds what makes membranes hard: walls of different
contrast, weak and missing spots, walls smeared where they run obliquely through the section, mitochondria and vesicles
whose edges are no membranes, grain, blur, and brightness that changes from section to section.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from monai_boundary._typing import FloatArray, IntArray, UInt8Array
from monai_boundary._validation import check_positive, check_spacing
from monai_boundary.data.phantoms.smooth_noise import smooth_noise

__all__ = ["EMPhantom", "make_em_phantom"]


@dataclass(frozen=True)
class EMPhantom:
    """Recipe of a phantom: :meth:`draw` makes image and truth, and the same seed makes the same voxels.

    Args:
        shape: ``(z, y, x)``, or ``(y, x)`` for one section. At least 16 voxels along y and x.
        spacing: nanometres per voxel, as many entries as ``shape``; y and x must agree. The default is ssTEM,
            50 x 4 x 4 nm (4 x 4 nm for one section).
        cell_diameter_nm: median diameter of a cell's profile. Diameters are log-normal with ``cell_spread``.
        cell_spread: standard deviation of the diameters' logarithm; 0 makes cells of one size.
        drift: slope of the neurites, voxels sideways per voxel of depth *in nm*: 0 makes every section alike.
        membrane_width: width of the truth's membrane within a section, voxels, >= 1.
        separate_sections: also put membrane where the next section holds another cell, so that no two cells share a
            face in 3-D. ``None`` does so where voxels are at most twice as thick as wide; thick sections are labelled
            one by one, as annotators do, and cells of neighbouring sections then touch. No effect on one section.
        membrane_contrast: darkness of the strongest wall, 0..1 of the grey range.
        contrast_spread: 0..1; the weakest wall has ``1 - contrast_spread`` of the strongest wall's contrast.
        gaps_per_section: weak or missing spots of the walls, for 256 x 256 voxels.
        gap_radius: radius of such a spot, voxels.
        mitochondria: expected number in a section, for 256 x 256 voxels.
        vesicles: expected number in a section, for 256 x 256 voxels.
        texture: standard deviation of the cytoplasm's grain, 0..1 of the grey range.
        noise: standard deviation of the noise of single voxels.
        blur: standard deviation of the point spread, voxels.
        section_jitter: standard deviation of each section's brightness and contrast.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
        >>> image, instances = EMPhantom(shape=(2, 64, 64)).draw(seed=0)
        >>> image.shape, image.dtype.name, instances.dtype.name, int(instances.min())
        ((2, 64, 64), 'uint8', 'int32', 0)
    """

    shape: tuple[int, ...] = (24, 256, 256)
    spacing: tuple[float, ...] | None = None
    cell_diameter_nm: float = 120.0
    cell_spread: float = 0.55
    drift: float = 0.12
    membrane_width: int = 3
    separate_sections: bool | None = None
    membrane_contrast: float = 0.55
    contrast_spread: float = 0.55
    gaps_per_section: float = 24.0
    gap_radius: float = 5.0
    mitochondria: float = 3.0
    vesicles: float = 120.0
    texture: float = 0.07
    noise: float = 0.05
    blur: float = 0.8
    section_jitter: float = 0.05

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) not in (2, 3) or min(shape[-2:]) < 16 or min(shape) < 1:
            raise ValueError(f"`shape` needs (z, y, x) or (y, x) with y, x >= 16 and z >= 1, got {tuple(self.shape)}.")
        default = (50.0, 4.0, 4.0)[-len(shape) :]
        spacing = check_spacing(default if self.spacing is None else self.spacing, len(shape), unit="nm")
        if spacing[-1] != spacing[-2]:
            raise ValueError(f"`spacing` needs equal entries for y and x, got {spacing}.")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        if int(self.membrane_width) != self.membrane_width or self.membrane_width < 1:
            raise ValueError(f"`membrane_width` needs an integer >= 1 (voxels), got {self.membrane_width!r}.")
        check_positive("cell_diameter_nm", self.cell_diameter_nm)
        check_positive("gap_radius", self.gap_radius)
        zero_allowed = "cell_spread drift gaps_per_section mitochondria vesicles texture noise blur section_jitter"
        for name in zero_allowed.split():
            check_positive(name, getattr(self, name), zero=True)
        for name in ("membrane_contrast", "contrast_spread"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` needs a number in 0..1, got {getattr(self, name)!r}.")

    @property
    def geometry(self) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
        """Shape and spacing as ``(z, y, x)``; one section has depth 1 and a thickness of 50 nm."""
        assert self.spacing is not None
        depth, height, width = (1, *self.shape)[-3:]
        dz, dy, dx = (50.0, *self.spacing)[-3:]
        return (depth, height, width), (dz, dy, dx)

    def draw(self, seed: int | np.random.Generator = 0) -> tuple[UInt8Array, IntArray]:
        """Return ``(image, instances)`` of shape :attr:`shape`.

        Args:
            seed: seed of ``numpy.random.default_rng``, or a generator (which is advanced).

        Returns:
            ``image`` uint8, membranes dark. ``instances`` int32: 0 = membrane, cells 1..K without a missing id; one
            neurite keeps its id through all sections. Within a section two cells are at least ``membrane_width`` zero
            voxels apart along rows and columns. Pieces of a cell under 12 voxels in a section count as membrane.
        """
        rng = np.random.default_rng(seed)
        cells, radii = _tissue(self, rng)
        edges = _edges(cells, both_sides=self.membrane_width % 2 == 0)
        distance, nearest = _edge_distance(edges)
        instances = _truth(self, cells, distance)
        image = _picture(self, rng, cells, radii, edges, distance, nearest)
        return image.reshape(self.shape), instances.reshape(self.shape)


def make_em_phantom(
    shape: tuple[int, ...] = (24, 256, 256), seed: int = 0, **recipe: Any
) -> tuple[UInt8Array, IntArray]:
    """Return ``(image, instances)`` of one phantom: ``EMPhantom(shape=shape, **recipe).draw(seed)``.

    Args:
        shape: ``(z, y, x)`` or ``(y, x)``.
        seed: the same seed gives the same voxels.
        recipe: how else it is drawn, by fields of :class:`EMPhantom`: ``spacing``, ``cell_diameter_nm``, ``drift``,
            ``membrane_width``, ``membrane_contrast``, ``gaps_per_section``, ``mitochondria``, ``noise``, ...

    Example:
        >>> image, instances = make_em_phantom((64, 64), seed=1, gaps_per_section=0.0)
        >>> image.shape == instances.shape == (64, 64)
        True
    """
    return EMPhantom(shape=tuple(shape), **recipe).draw(seed)


def _seeds(spec: EMPhantom, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Positions ``(depth, N, 2)`` and radii ``(depth, N)`` of the seeds, voxels: a drifting packing of discs."""
    (depth, height, width), (dz, _, dx) = spec.geometry
    median = spec.cell_diameter_nm / dx / 2
    margin = 4 * median + 10
    size = np.array([height + 2 * margin, width + 2 * margin])
    wanted = int(np.ceil(1.3 * size.prod() / (np.pi * median**2 * np.exp(2 * spec.cell_spread**2)))) + 4
    radii = np.sort(median * np.exp(spec.cell_spread * rng.standard_normal(wanted)))[::-1]
    radii = np.minimum(radii, 4 * median)
    placed = np.empty((0, 2))
    kept: list[float] = []
    for radius in radii:
        tries = rng.random((40, 2)) * size - margin
        if len(kept):
            gap = np.linalg.norm(tries[:, None] - placed[None], axis=2) - 0.9 * (radius + np.array(kept))
            tries = tries[gap.min(axis=1) > 0]
        if len(tries):
            placed = np.vstack([placed, tries[:1]])
            kept.append(float(radius))
    count = len(kept)
    step = spec.drift * dz / dx
    turns = max(4.0, 400.0 / dz)
    path = np.stack([smooth_noise(rng, (depth, count), (turns, 1.0)) for _ in range(2)], axis=-1)
    path = step * np.cumsum(path, axis=0)
    swell = np.exp(0.15 * min(1.0, step) * smooth_noise(rng, (depth, count), (turns, 1.0)))
    return (placed[None] + path - path[depth // 2]).astype(np.float32), (np.array(kept)[None] * swell).astype(
        np.float32
    )


def _tissue(spec: EMPhantom, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Cell index of every voxel (power diagram seen through a warp), and the cells' radii."""
    (depth, height, width), (dz, _, dx) = spec.geometry
    seeds, radii = _seeds(spec, rng)
    median = spec.cell_diameter_nm / dx / 2
    in_z = max(2.0, 300.0 / dz)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    points = []
    for grid in (rows, columns):
        wide = smooth_noise(rng, (depth, height, width), (in_z, 1.6 * median, 1.6 * median))
        fine = smooth_noise(rng, (depth, height, width), (in_z, 0.5 * median, 0.5 * median))
        bend = smooth_noise(rng, (depth, height, width), (6 * in_z, 5 * median, 5 * median))
        points.append(grid + median * (1.1 * bend + 0.38 * wide + 0.1 * fine))
    cells = np.empty((depth, height, width), dtype=np.int32)
    centre = np.array([height / 2, width / 2], dtype=np.float32)
    for z in range(depth):
        at = np.stack([points[0][z].ravel() - centre[0], points[1][z].ravel() - centre[1]], axis=1)
        seed = seeds[z] - centre
        # |x - p|^2 - r^2 without the term that all seeds share: one matrix product and the smallest entry of each row.
        power = at @ (-2 * seed.T)
        power += (seed**2).sum(axis=1) - radii[z] ** 2
        cells[z] = power.argmin(axis=1).reshape(height, width)
    return cells, radii.mean(axis=0)


def _edges(cells: IntArray, both_sides: bool) -> IntArray:
    """1 + the index of the cell beyond the wall, at voxels on a wall of their section (on one side or both); else 0."""
    beyond = np.zeros_like(cells)
    for axis in (1, 2):
        near = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        far = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        differ = cells[near] != cells[far]
        beyond[near] = np.where(differ, cells[far] + 1, beyond[near])
        if both_sides:
            beyond[far] = np.where(differ, cells[near] + 1, beyond[far])
    return beyond


def _edge_distance(edges: IntArray) -> tuple[FloatArray, IntArray]:
    """Distance of every voxel to the nearest wall voxel of its section, and that voxel's flat index in the section."""
    distance = np.empty(edges.shape, dtype=np.float32)
    nearest = np.zeros(edges.shape, dtype=np.int32)
    for z, section in enumerate(edges):
        if not section.any():
            distance[z] = np.inf
            continue
        distance[z], at = ndimage.distance_transform_edt(section == 0, return_indices=True)
        nearest[z] = np.ravel_multi_index(tuple(at), section.shape)
    return distance, nearest


def _truth(spec: EMPhantom, cells: IntArray, distance: FloatArray) -> IntArray:
    """Instances 1..K, 0 on the membrane, by the rules of :meth:`EMPhantom.draw`."""
    reach = (spec.membrane_width - 1) // 2
    inside = distance > reach
    (_, _, _), (dz, _, dx) = spec.geometry
    if dz <= 2 * dx if spec.separate_sections is None else spec.separate_sections:
        inside[:-1] &= cells[:-1] == cells[1:]
    for z in range(len(inside)):
        pieces, _ = ndimage.label(inside[z])
        small = np.bincount(pieces.ravel()) < 12
        inside[z] &= ~small[pieces]
    instances = np.where(inside, cells + 1, 0)
    present = np.bincount(instances.ravel()) > 0
    present[0] = False
    table = np.where(present, np.cumsum(present), 0).astype(np.int32)
    return table[instances]


def _picture(
    spec: EMPhantom,
    rng: np.random.Generator,
    cells: IntArray,
    radii: FloatArray,
    edges: IntArray,
    distance: FloatArray,
    nearest: IntArray,
) -> UInt8Array:
    """The grey image: cytoplasm, organelles, walls, grain, point spread, noise and brightness, in that order."""
    plane = (0.0, spec.blur, spec.blur)
    grey = (0.64 + 0.06 * rng.standard_normal(len(radii))).clip(0.48, 0.8).astype(np.float32)[cells]
    grain = rng.standard_normal(cells.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0, 1.1, 1.1)) - 0.8 * ndimage.gaussian_filter(grain, (0, 4, 4))
    grey += spec.texture / max(float(grain.std()), 1e-6) * grain
    _add_vesicles(spec, rng, grey)
    _add_mitochondria(spec, rng, grey, cells, radii, distance)
    wall = _walls(spec, rng, cells, edges, distance, nearest)
    grey -= spec.membrane_contrast * wall * (grey / 0.6).clip(0.4, 1)
    grey = ndimage.gaussian_filter(grey, plane)
    depth = len(cells)
    gain = 1 + spec.section_jitter * rng.standard_normal((depth, 1, 1))
    shift = spec.section_jitter * rng.standard_normal((depth, 1, 1))
    scale = tuple(max(2.0, n / 2) for n in cells.shape[1:])
    shade = 0.5 * spec.section_jitter * smooth_noise(rng, cells.shape, (1.0, *scale))
    grey = (grey - 0.6) * gain + 0.6 + shift + shade + spec.noise * rng.standard_normal(cells.shape, dtype=np.float32)
    picture: UInt8Array = np.rint(255 * grey.clip(0, 1)).astype(np.uint8)
    return picture


def _spots(
    spec: EMPhantom, rng: np.random.Generator, allowed: IntArray, per_section: float, radius: float
) -> FloatArray:
    """Spots, round in nm, at random voxels where ``allowed`` is not 0: about 1 at their centres, 0 away from them."""
    (_, height, width), (dz, _, dx) = spec.geometry
    field = np.zeros(allowed.shape, dtype=np.float32)
    sigma = radius / 1.5
    in_z = sigma * dx / dz if sigma * dx / dz > 0.5 and len(allowed) > 1 else 0.0
    seen_in = max(1.0, np.sqrt(2 * np.pi) * in_z)  # sections that one spot shows in
    expected = per_section * height * width / 256**2 / seen_in
    for z, section in enumerate(allowed):
        where = np.flatnonzero(section)
        count = min(int(rng.poisson(expected)), len(where))
        field[z].flat[rng.choice(where, count, replace=False)] = rng.uniform(0.8, 1.6, count)
    field = ndimage.gaussian_filter(field, (in_z, sigma, sigma)) * np.float32(2 * np.pi * sigma**2 * seen_in)
    return field.clip(0, 1)


def _walls(
    spec: EMPhantom,
    rng: np.random.Generator,
    cells: IntArray,
    edges: IntArray,
    distance: FloatArray,
    nearest: IntArray,
) -> FloatArray:
    """Darkness of the walls, 0..1: a profile over the distance, scaled by pair of cells, place, gaps and densities."""
    count = int(max(cells.max(), edges.max())) + 2
    pair = 1 - spec.contrast_spread * rng.random((count, count), dtype=np.float32)
    low, high = np.minimum(cells + 1, edges), np.maximum(cells + 1, edges)
    strength = pair[low, high]
    strength *= 1 + 0.2 * spec.contrast_spread * smooth_noise(rng, cells.shape, (1.0, 10.0, 10.0))
    strength *= 1 - _spots(spec, rng, edges, spec.gaps_per_section, spec.gap_radius)
    strength = np.take_along_axis(strength.reshape(len(cells), -1), nearest.reshape(len(cells), -1), axis=1)
    width = 0.5 * spec.membrane_width + 0.4
    wall = strength.reshape(cells.shape) * np.exp(-((distance / width) ** 2))
    if len(wall) > 1:
        # A section is a slab: where a wall runs obliquely, the next section's wall shows through and smears it.
        wall[:-1] = np.maximum(0.72 * wall[:-1] + 0.28 * wall[1:], 0.9 * wall[:-1])
    density = _spots(spec, rng, edges, 1.5, 7.0)
    wall = wall + 0.8 * density * np.exp(-((distance / (width + 2)) ** 2))
    return np.asarray(wall.clip(0, 1.3), dtype=np.float32)


def _add_vesicles(spec: EMPhantom, rng: np.random.Generator, grey: FloatArray) -> None:
    """Rings of three voxels' radius with a bright middle, in clusters, drawn into ``grey``."""
    dots = np.zeros_like(grey)
    chance = spec.vesicles / 256**2 * np.exp(1.2 * smooth_noise(rng, grey.shape, (2.0, 24.0, 24.0)) - 0.7)
    dots[rng.random(grey.shape, dtype=np.float32) < chance] = 1
    ring = 60 * ndimage.gaussian_filter(dots, (0, 1.9, 1.9)) - 32 * ndimage.gaussian_filter(dots, (0, 1.2, 1.2))
    grey -= 0.24 * ring.clip(-1, 1)


def _add_mitochondria(
    spec: EMPhantom,
    rng: np.random.Generator,
    grey: FloatArray,
    cells: IntArray,
    radii: FloatArray,
    distance: FloatArray,
) -> None:
    """Dark ellipses with a rim and stripes, inside large cells, over a few sections, drawn into ``grey``."""
    (depth, height, width), (dz, _, dx) = spec.geometry
    run = max(1, round(300 / dz))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(rng.poisson(spec.mitochondria * height * width / 256**2 * (depth + run) / run)):
        long, short = np.array([rng.uniform(60, 150), rng.uniform(32, 65)]) / dx
        start, angle, tilt = int(rng.integers(1 - run, depth)), rng.uniform(0, np.pi), rng.uniform(0, np.pi)
        first = max(0, start)
        roomy = np.flatnonzero(distance[first].ravel() > 0.8 * short)
        if not np.isfinite(distance[first]).all() or not len(roomy):
            continue
        y, x = np.unravel_index(int(rng.choice(roomy)), (height, width))
        owner = cells[first, y, x]
        box = (slice(max(0, y - int(long) - 3), y + int(long) + 4), slice(max(0, x - int(long) - 3), x + int(long) + 4))
        dy, dx_ = rows[box] - y, columns[box] - x
        u, v = dy * np.cos(angle) + dx_ * np.sin(angle), dx_ * np.cos(angle) - dy * np.sin(angle)
        q = np.hypot(u / long, v / short)
        stripes = np.sin((u * np.cos(tilt) + v * np.sin(tilt)) * 2 * np.pi / rng.uniform(5, 7))
        body = 0.15 + 0.05 * stripes + 0.22 * np.exp(-(((q - 0.95) * short / 1.3) ** 2))
        for z in range(first, min(depth, start + run)):
            inside = (q < 1.02) & (cells[z][box] == owner) & (distance[z][box] > 0.5 * spec.membrane_width + 1)
            grey[z][box] -= np.where(inside, body, 0).astype(np.float32)
