# SPDX-License-Identifier: Apache-2.0
"""A brain phantom with white-matter lesions: FLAIR and T1 of one patient, with exact truth.

A skull-stripped head in millimetres: folded cortex, white matter, ventricles, deep grey nuclei. Lesions are small,
bright on FLAIR and dark on T1, lie in the white matter and mostly near the ventricles, and vary in volume over an order
of magnitude. What makes them hard to find is there too: a bright rim along the ventricles and bright spots outside the
white matter that are no lesions, partial volume in thick slices, noise, and a bias field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from monai_boundary._typing import BoolArray, FloatArray, UInt8Array
from monai_boundary._validation import check_choice, check_positive, check_spacing
from monai_boundary.data.smooth_noise import smooth_noise

__all__ = ["LesionPhantom", "LesionScan", "make_lesion_phantom"]

# grey values of: cerebrospinal fluid, grey matter, white matter, lesion
_GREY = {
    "flair": (0.10, 0.50, 0.40, 0.85),
    "t1": (0.12, 0.50, 0.80, 0.52),
    "dwi": (0.08, 0.45, 0.38, 0.90),
    "adc": (0.95, 0.32, 0.30, 0.14),
    "cbf": (0.04, 0.70, 0.32, 0.08),
    "cbv": (0.06, 0.60, 0.35, 0.15),
    "mtt": (0.08, 0.36, 0.42, 0.80),
    "tmax": (0.06, 0.20, 0.26, 0.85),
}
# how bright what is bright and no lesion is: on DWI, the shine-through of what is bright on FLAIR
_MIMICS = {"flair": 0.30, "dwi": 0.12}
PHANTOM_MODALITIES = tuple(_GREY)
# millimetres of a head, along x (to the right), y (to the front) and z (up), half an axis each
_HEAD = (64.0, 74.0, 60.0)


class LesionScan(NamedTuple):
    """One patient: float32 images, exactly 0 outside the brain, and the label (1 = lesion, 2 = other pathology)."""

    flair: FloatArray
    t1: FloatArray
    label: UInt8Array


@dataclass(frozen=True)
class LesionPhantom:
    """Recipe of a phantom: :meth:`draw` makes images and truth, and the same seed makes the same voxels.

    Args:
        shape: ``(x, y, z)``, at least 16 x 16 x 4. A head fills it, whatever its size in mm: see ``spacing``.
        spacing: mm per voxel. None makes a head of usual size: 2.8 x 2.8 x 5.6 mm for the default shape.
        imbalance: voxels of the image per lesion voxel, about; each seed draws its own load around it.
        lesion_diameter_mm: median diameter of a lesion, for a head of usual size. Diameters are log-normal with
            ``lesion_spread``.
        lesion_spread: standard deviation of the diameters' logarithm.
        contrast: brightness of lesions above white matter, relative to the usual one, on FLAIR and all but T1.
        mimics: number of bright spots on FLAIR that are no lesions.
        other_pathology: whether there is one larger infarct, labelled 2: no lesion, and not to be scored.
        noise: standard deviation of the noise, 0..1 of the grey range.
        bias: standard deviation of the bias field's logarithm.
        blur: standard deviation of the point spread within slices, voxels.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
        >>> scan = LesionPhantom(shape=(32, 32, 12)).draw(seed=0)
        >>> scan.flair.shape, scan.label.dtype.name, sorted(set(scan.label.flat)) == [0, 1]
        ((32, 32, 12), 'uint8', True)
    """

    shape: tuple[int, int, int] = (64, 64, 24)
    spacing: tuple[float, float, float] | None = None
    imbalance: float = 500.0
    lesion_diameter_mm: float = 6.5
    lesion_spread: float = 0.45
    contrast: float = 1.0
    mimics: int = 8
    other_pathology: bool = False
    noise: float = 0.03
    bias: float = 0.10
    blur: float = 0.5

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape[:2]) < 16 or shape[2] < 4:
            raise ValueError(f"`shape` needs (x, y, z) with x, y >= 16 and z >= 4, got {tuple(self.shape)}.")
        wide = 2.4 * _HEAD[1] / max(shape[:2])
        thick = 2.25 * _HEAD[2] / shape[2]
        spacing = check_spacing((wide, wide, thick) if self.spacing is None else self.spacing, 3)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        if int(self.mimics) != self.mimics or self.mimics < 0:
            raise ValueError(f"`mimics` needs an integer >= 0, got {self.mimics!r}.")
        for name in ("imbalance", "lesion_diameter_mm", "contrast"):
            check_positive(name, getattr(self, name))
        for name in ("lesion_spread", "noise", "bias", "blur"):
            check_positive(name, getattr(self, name), zero=True)

    @property
    def mm(self) -> tuple[float, float, float]:
        """Voxel size in mm along each axis."""
        assert self.spacing is not None
        return self.spacing

    def draw(self, seed: int | np.random.Generator = 0) -> LesionScan:
        """Return one patient.

        Args:
            seed: seed of ``numpy.random.default_rng``, or a generator (which is advanced).

        Returns:
            Images and label of shape :attr:`shape`. The grey range is that patient's own, hundreds of units, as MRI has
            no scale. Slices at both ends hold no lesion, and the outermost ones little brain or none.
        """
        images, label = self.draw_modalities(("flair", "t1"), seed)
        return LesionScan(images["flair"], images["t1"], label)

    def draw_modalities(
        self, modalities: Sequence[str], seed: int | np.random.Generator = 0
    ) -> tuple[dict[str, FloatArray], UInt8Array]:
        """Return one patient as other scanners see it: the images by name, and the label.

        Args:
            modalities: of ``"flair"``, ``"t1"``, ``"dwi"``, ``"adc"``, and the perfusion maps ``"cbf"``, ``"cbv"``,
                ``"mtt"``, ``"tmax"``.
            seed: as in :meth:`draw`. The head and its lesions depend on it alone.

        Raises:
            ValueError: if a modality is unknown.
        """
        for name in modalities:
            check_choice("modalities", name, PHANTOM_MODALITIES)
        rng = np.random.default_rng(seed)
        head = _Head(self, rng)
        lesion, label = _lesions(self, rng, head)
        infarct = _infarct(rng, head) if self.other_pathology else np.zeros(self.shape, dtype=np.float32)
        label = np.where((infarct > 0.5) & (label == 0), 2, label).astype(np.uint8)
        bright, mimics = np.maximum(lesion, infarct), _mimics(self, rng, head)
        images = {}
        for name in modalities:
            contrast = 1.0 if name == "t1" else self.contrast
            picture = _grey(head, _GREY[name], bright, contrast) + _MIMICS.get(name, 0.0) * mimics
            images[name] = _scanned(self, rng, head, picture)
        return images, label


def make_lesion_phantom(
    shape: tuple[int, int, int] = (64, 64, 24), seed: int = 0, **recipe: Any
) -> tuple[FloatArray, UInt8Array]:
    """Return ``(images, label)`` of one patient, images as (2, x, y, z): FLAIR, then T1.

    Args:
        shape: ``(x, y, z)``.
        seed: the same seed gives the same voxels.
        recipe: further arguments of :class:`LesionPhantom`.

    Example:
        >>> images, label = make_lesion_phantom((32, 32, 12), seed=1, noise=0.0)
        >>> images.shape, label.shape
        ((2, 32, 32, 12), (32, 32, 12))
    """
    scan = LesionPhantom(shape=shape, **recipe).draw(seed)
    return np.stack([scan.flair, scan.t1]), scan.label


class _Head:
    """Tissue of one patient: how much of each voxel is brain, fluid, grey and white matter, 0..1."""

    def __init__(self, spec: LesionPhantom, rng: np.random.Generator) -> None:
        extent = np.array(spec.shape) * spec.mm
        # the head fills the image: half axes in units of the usual head
        self.size = extent * (0.38, 0.44, 0.46) * (1 + 0.04 * rng.uniform(-1, 1, 3))
        self.scale = float(self.size[1] / _HEAD[1])
        self.spec = spec
        axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(spec.shape, spec.mm, strict=True)]
        self.grid = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
        x, y, z = self.grid * (np.array(_HEAD) / self.size)[:, None, None, None].astype(np.float32)
        radius = np.sqrt((x / _HEAD[0]) ** 2 + (y / _HEAD[1]) ** 2 + (z / _HEAD[2]) ** 2)
        depth = 63.0 * (1 - radius) + 1.5 * self.noise(rng, 30.0)
        folds, sulci = self.noise(rng, 9.0), self.noise(rng, 8.0)
        edge = 0.6 * spec.mm[0] / self.scale
        self.brain: BoolArray = depth > 0
        fissure = np.maximum(1.4 - np.abs(x + 1.2 * self.noise(rng, 40.0)), 0) * (depth < 22)
        fluid = _soft(np.maximum(2.5 + 3.5 * sulci - depth, 3 * fissure - 1.5), edge)
        width = 1 + 0.3 * rng.uniform(-1, 1)
        horns = (np.abs(x) - 5 - 0.009 * y**2) / (5.0 * width)
        lateral = 1 - horns**2 - (y / 30) ** 2 - ((z - 4) / (13 * width)) ** 2
        third = 1 - (x / 2.0) ** 2 - (y / 9) ** 2 - ((z + 8) / 9) ** 2
        self.ventricles = _soft(5 * np.maximum(lateral, third), edge)
        self.fluid = np.maximum(fluid, self.ventricles)
        nuclei = 1 - ((np.abs(x) - 20) / 6) ** 2 - (y / 15) ** 2 - ((z + 4) / 10) ** 2
        cortex = _soft(9 + 4 * folds - depth, edge)
        self.grey = np.maximum(cortex, _soft(6 * nuclei, edge)) * (1 - self.fluid)
        self.white = (1 - self.fluid - self.grey).clip(0, 1) * self.brain

    def noise(self, rng: np.random.Generator, mm: float) -> FloatArray:
        """Smooth noise that varies over ``mm`` of a head of usual size."""
        scale = tuple(max(1.0, mm * self.scale / s) for s in self.spec.mm)
        return smooth_noise(rng, self.spec.shape, scale)

    def blob(self, rng: np.random.Generator, centre: FloatArray, radius: float) -> tuple[tuple[slice, ...], FloatArray]:
        """How much of each voxel an uneven ellipsoid covers, in the box around it."""
        radii = np.maximum(radius * np.exp(0.25 * rng.standard_normal(3)), 0.5 * np.array(self.spec.mm))
        sizes = zip(centre, radii, self.spec.mm, self.spec.shape, strict=True)
        middle = [(c / s + (n - 1) / 2, 1.5 * r / s + 1, n) for c, r, s, n in sizes]
        box = tuple(slice(max(0, int(m - reach)), min(n, int(m + reach) + 2)) for m, reach, n in middle)
        away = (self.grid[(slice(None), *box)] - centre[:, None, None, None]) / radii[:, None, None, None]
        shape = away.shape[1:]
        rough = smooth_noise(rng, shape, tuple(max(1.0, n / 3) for n in shape))
        level = (1 - np.sqrt((away**2).sum(axis=0)) + 0.18 * rough) * radius
        return box, _soft(level, 0.35 * self.spec.mm[0])


def _soft(level: FloatArray, width: float) -> FloatArray:
    """Partial volume: 0..1 across ``width`` around the level 0."""
    soft: FloatArray = (1 / (1 + np.exp(-np.clip(4 * level / width, -30, 30)))).astype(np.float32)
    return soft


def _lesions(spec: LesionPhantom, rng: np.random.Generator, head: _Head) -> tuple[FloatArray, UInt8Array]:
    """How much each voxel shows of a lesion (some are faint), and the label 0/1."""
    cover, shown = np.zeros((2, *spec.shape), dtype=np.float32)
    away = ndimage.distance_transform_edt(head.ventricles < 0.5, sampling=spec.mm)
    # most near the ventricles, the others anywhere in the white matter
    chance = (head.white > 0.8) * (0.15 + np.exp(-np.asarray(away) / (7 * head.scale)))
    chance = np.cumsum(chance.ravel(), dtype=np.float64)
    wanted = max(3.0, head.brain.size / spec.imbalance * np.exp(0.3 * rng.standard_normal()))
    largest = (0.2 * wanted * np.prod(spec.mm) * 3 / (4 * np.pi)) ** (1 / 3)
    label = np.zeros(spec.shape, dtype=np.uint8)
    for _ in range(500):
        at = int(np.searchsorted(chance, rng.uniform(0, chance[-1])))
        radius = spec.lesion_diameter_mm / 2 * head.scale * np.exp(spec.lesion_spread * rng.standard_normal())
        box, blob = head.blob(rng, head.grid.reshape(3, -1)[:, at], min(float(radius), float(largest)))
        blob = blob * head.white[box]
        cover[box] = np.maximum(cover[box], blob)
        cover.ravel()[at] = max(cover.ravel()[at], 0.9)
        shown[box] = np.maximum(shown[box], blob * rng.uniform(0.5, 1.0))
        label = (cover > 0.5).astype(np.uint8)
        if label.sum() >= wanted:
            break
    return shown, label


def _infarct(rng: np.random.Generator, head: _Head) -> FloatArray:
    """One larger region of other pathology at the edge of the brain."""
    cover = np.zeros(head.spec.shape, dtype=np.float32)
    direction = np.array([rng.choice([-1, 1]) * 0.62, rng.uniform(-0.3, 0.3), rng.uniform(0, 0.25)], dtype=np.float32)
    box, blob = head.blob(rng, (direction * head.size).astype(np.float32), 11.0 * head.scale)
    cover[box] = blob * head.brain[box] * (1 - head.fluid[box])
    return cover


def _mimics(spec: LesionPhantom, rng: np.random.Generator, head: _Head) -> FloatArray:
    """What is bright on FLAIR and no lesion: a rim along the ventricles, and spots in cortex and sulci."""
    spacing = np.array(spec.mm)
    rim = ndimage.gaussian_filter(head.ventricles, 2.2 * head.scale / spacing) * (1 - head.fluid)
    bright: FloatArray = (0.9 * rim * (1 + 0.3 * head.noise(rng, 15.0))).astype(np.float32)
    places = np.flatnonzero((head.brain & (head.white < 0.3) & (head.ventricles < 0.1)).ravel())
    for at in rng.choice(places, size=int(spec.mimics)):
        box, blob = head.blob(rng, head.grid.reshape(3, -1)[:, at], 2.5 * head.scale)
        bright[box] = np.maximum(bright[box], 0.9 * blob * head.brain[box])
    return bright


def _grey(head: _Head, values: tuple[float, float, float, float], lesion: FloatArray, contrast: float) -> FloatArray:
    """The ideal picture of the tissues."""
    fluid, grey, white, damaged = values
    healthy = fluid * head.fluid + grey * head.grey + white * head.white
    picture: FloatArray = healthy + lesion * (1 - head.ventricles) * (white + contrast * (damaged - white) - healthy)
    return picture


def _scanned(spec: LesionPhantom, rng: np.random.Generator, head: _Head, picture: FloatArray) -> FloatArray:
    """What a scanner makes of it: texture, point spread, bias, Rician noise, a grey range; then skull-stripped."""
    picture = picture * (1 + 0.04 * head.noise(rng, 6.0))
    picture = ndimage.gaussian_filter(picture, (spec.blur, spec.blur, 0.0))
    picture = picture * np.exp(spec.bias * head.noise(rng, 70.0))
    real, imaginary = spec.noise * rng.standard_normal((2, *spec.shape))
    gain = rng.uniform(300, 900)
    scan: FloatArray = (gain * np.hypot(picture + real, imaginary) * head.brain).astype(np.float32)
    return scan
