# SPDX-License-Identifier: Apache-2.0
"""The head that the phantoms of brain scans draw into: healthy tissue in millimetres, and a scanner."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_boundary._typing import BoolArray, FloatArray
from monai_boundary._validation import check_spacing
from monai_boundary.data.phantoms.smooth_noise import smooth_noise

__all__ = ["HEAD_MM", "PhantomHead", "partial_volume", "phantom_spacing"]

# millimetres of a head, along x (to the right), y (to the front) and z (up), half an axis each
HEAD_MM = (64.0, 74.0, 60.0)


class PhantomHead:
    """Tissue of one patient: how much of each voxel is brain, fluid, grey and white matter, 0..1.

    Args:
        shape: ``(x, y, z)``; the head fills it, whatever its size in mm.
        mm: voxel size along each axis.
        rng: each draw is another head.
    """

    def __init__(self, shape: tuple[int, int, int], mm: tuple[float, float, float], rng: np.random.Generator) -> None:
        self.shape = shape
        self.mm = mm
        extent = np.array(shape) * mm
        # the head fills the image: half axes in units of the usual head
        self.size = extent * (0.38, 0.44, 0.46) * (1 + 0.04 * rng.uniform(-1, 1, 3))
        self.scale = float(self.size[1] / HEAD_MM[1])
        axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, mm, strict=True)]
        self.grid = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
        x, y, z = self.grid * (np.array(HEAD_MM) / self.size)[:, None, None, None].astype(np.float32)
        radius = np.sqrt((x / HEAD_MM[0]) ** 2 + (y / HEAD_MM[1]) ** 2 + (z / HEAD_MM[2]) ** 2)
        depth = 63.0 * (1 - radius) + 1.5 * self.noise(rng, 30.0)
        folds, sulci = self.noise(rng, 9.0), self.noise(rng, 8.0)
        edge = 0.6 * mm[0] / self.scale
        self.brain: BoolArray = depth > 0
        fissure = np.maximum(1.4 - np.abs(x + 1.2 * self.noise(rng, 40.0)), 0) * (depth < 22)
        fluid = partial_volume(np.maximum(2.5 + 3.5 * sulci - depth, 3 * fissure - 1.5), edge)
        width = 1 + 0.3 * rng.uniform(-1, 1)
        horns = (np.abs(x) - 5 - 0.009 * y**2) / (5.0 * width)
        lateral = 1 - horns**2 - (y / 30) ** 2 - ((z - 4) / (13 * width)) ** 2
        third = 1 - (x / 2.0) ** 2 - (y / 9) ** 2 - ((z + 8) / 9) ** 2
        self.ventricles = partial_volume(5 * np.maximum(lateral, third), edge)
        self.fluid = np.maximum(fluid, self.ventricles)
        nuclei = 1 - ((np.abs(x) - 20) / 6) ** 2 - (y / 15) ** 2 - ((z + 4) / 10) ** 2
        cortex = partial_volume(9 + 4 * folds - depth, edge)
        self.grey = np.maximum(cortex, partial_volume(6 * nuclei, edge)) * (1 - self.fluid)
        self.white = (1 - self.fluid - self.grey).clip(0, 1) * self.brain

    def noise(self, rng: np.random.Generator, mm: float) -> FloatArray:
        """Smooth noise that varies over ``mm`` of a head of usual size."""
        scale = tuple(max(1.0, mm * self.scale / s) for s in self.mm)
        return smooth_noise(rng, self.shape, scale)

    def blob(self, rng: np.random.Generator, centre: FloatArray, radius: float) -> tuple[tuple[slice, ...], FloatArray]:
        """How much of each voxel an uneven ellipsoid covers, in the box around it."""
        radii = np.maximum(radius * np.exp(0.25 * rng.standard_normal(3)), 0.5 * np.array(self.mm))
        sizes = zip(centre, radii, self.mm, self.shape, strict=True)
        middle = [(c / s + (n - 1) / 2, 1.5 * r / s + 1, n) for c, r, s, n in sizes]
        box = tuple(slice(max(0, int(m - reach)), min(n, int(m + reach) + 2)) for m, reach, n in middle)
        away = (self.grid[(slice(None), *box)] - centre[:, None, None, None]) / radii[:, None, None, None]
        shape = away.shape[1:]
        rough = smooth_noise(rng, shape, tuple(max(1.0, n / 3) for n in shape))
        level = (1 - np.sqrt((away**2).sum(axis=0)) + 0.18 * rough) * radius
        return box, partial_volume(level, 0.35 * self.mm[0])

    def picture(self, fluid: float, grey: float, white: float) -> FloatArray:
        """The ideal picture of a healthy head with these grey values."""
        healthy: FloatArray = fluid * self.fluid + grey * self.grey + white * self.white
        return healthy

    def scanned(
        self, picture: FloatArray, rng: np.random.Generator, *, noise: float, bias: float, blur: float
    ) -> FloatArray:
        """What a scanner makes of a picture: texture, point spread, bias, Rician noise, a grey range; skull-stripped.

        Args:
            picture: 0..1.
            rng: of the noise and all else.
            noise: standard deviation of the noise, 0..1 of the grey range.
            bias: standard deviation of the bias field's logarithm.
            blur: standard deviation of the point spread within slices, voxels.
        """
        picture = picture * (1 + 0.04 * self.noise(rng, 6.0))
        picture = ndimage.gaussian_filter(picture, (blur, blur, 0.0))
        picture = picture * np.exp(bias * self.noise(rng, 70.0))
        real, imaginary = noise * rng.standard_normal((2, *self.shape))
        gain = rng.uniform(300, 900)
        scan: FloatArray = (gain * np.hypot(picture + real, imaginary) * self.brain).astype(np.float32)
        return scan


def partial_volume(level: FloatArray, width: float) -> FloatArray:
    """How much a voxel holds of what begins where ``level`` is 0: 0..1 across ``width`` around it."""
    soft: FloatArray = (1 / (1 + np.exp(-np.clip(4 * level / width, -30, 30)))).astype(np.float32)
    return soft


def phantom_spacing(
    shape: tuple[int, ...], spacing: tuple[float, float, float] | None
) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    """Return a phantom's checked shape, and its voxel size in mm: as given, or such that the head has a usual size.

    Raises:
        ValueError: if the shape is too small, or the spacing is none.
    """
    sizes = tuple(int(n) for n in shape)
    if len(sizes) != 3 or min(sizes[:2]) < 16 or sizes[2] < 4:
        raise ValueError(f"`shape` needs (x, y, z) with x, y >= 16 and z >= 4, got {tuple(shape)}.")
    wide = 2.4 * HEAD_MM[1] / max(sizes[:2])
    thick = 2.25 * HEAD_MM[2] / sizes[2]
    x, y, z = check_spacing((wide, wide, thick) if spacing is None else spacing, 3)
    return (sizes[0], sizes[1], sizes[2]), (x, y, z)
