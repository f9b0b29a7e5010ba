# SPDX-License-Identifier: Apache-2.0
"""A brain phantom with white-matter lesions: FLAIR and T1 of one patient, with exact truth.

A skull-stripped head in millimetres: folded cortex, white matter, ventricles, deep grey nuclei. Lesions are small,
bright on FLAIR and dark on T1, lie in the white matter and mostly near the ventricles, and vary in volume over an order
of magnitude. What makes them hard to find is there too: a bright rim along the ventricles and bright spots outside the
white matter that are no lesions, partial volume in thick slices, noise, and a bias field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from monai_boundary._typing import FloatArray, UInt8Array
from monai_boundary._validation import check_choice, check_positive
from monai_boundary.data.phantoms.head import PhantomHead, phantom_spacing
from monai_boundary.data.phantoms.lesion_mask import masked_lesions

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
        lesion_mask: a NIfTI with the lesions of a real patient, of a brain centred in its image: they are drawn in
            place of invented ones, with their shapes, sizes and places; one of less than half a voxel is left out.
            ``imbalance``, ``lesion_diameter_mm`` and ``lesion_spread`` are then the mask's, and may not be given.

    Raises:
        ValueError: if an argument is out of its range or would count for nothing.

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
    lesion_mask: str | None = None

    def __post_init__(self) -> None:
        shape, spacing = phantom_spacing(self.shape, self.spacing)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        if int(self.mimics) != self.mimics or self.mimics < 0:
            raise ValueError(f"`mimics` needs an integer >= 0, got {self.mimics!r}.")
        for name in ("imbalance", "lesion_diameter_mm", "contrast"):
            check_positive(name, getattr(self, name))
        for name in ("lesion_spread", "noise", "bias", "blur"):
            check_positive(name, getattr(self, name), zero=True)
        usual = {field.name: field.default for field in fields(self)}
        given = [n for n in ("imbalance", "lesion_diameter_mm", "lesion_spread") if getattr(self, n) != usual[n]]
        if self.lesion_mask is not None and given:
            raise ValueError(f"`{given[0]}` needs lesions that are invented, got `lesion_mask` {self.lesion_mask}.")

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
            seed: seed of ``numpy.random.default_rng``, or a generator (which is advanced). The head and its lesions
                depend on it alone.

        Raises:
            ValueError: if a modality is unknown.
        """
        for name in modalities:
            check_choice("modalities", name, PHANTOM_MODALITIES)
        rng = np.random.default_rng(seed)
        head = PhantomHead(self.shape, self.mm, rng)
        if self.lesion_mask is None:
            lesion, label = _lesions(self, rng, head)
        else:
            lesion, label = masked_lesions(self.lesion_mask, head, rng)
        infarct = _infarct(rng, head) if self.other_pathology else np.zeros(self.shape, dtype=np.float32)
        label = np.where((infarct > 0.5) & (label == 0), 2, label).astype(np.uint8)
        bright, mimics = np.maximum(lesion, infarct), _mimics(self, rng, head)
        images = {}
        for name in modalities:
            contrast = 1.0 if name == "t1" else self.contrast
            picture = _grey(head, _GREY[name], bright, contrast) + _MIMICS.get(name, 0.0) * mimics
            images[name] = head.scanned(picture, rng, noise=self.noise, bias=self.bias, blur=self.blur)
        return images, label


def make_lesion_phantom(
    shape: tuple[int, int, int] = (64, 64, 24), seed: int = 0, **recipe: Any
) -> tuple[FloatArray, UInt8Array]:
    """Return ``(images, label)`` of one patient, images as (2, x, y, z): FLAIR, then T1.

    Args:
        shape: ``(x, y, z)``.
        seed: the same seed gives the same voxels.
        recipe: how else it is drawn, by fields of :class:`LesionPhantom`: ``spacing``, ``imbalance``,
            ``lesion_diameter_mm``, ``contrast``, ``mimics``, ``noise``, ``bias``, ``blur``, ...

    Example:
        >>> images, label = make_lesion_phantom((32, 32, 12), seed=1, noise=0.0)
        >>> images.shape, label.shape
        ((2, 32, 32, 12), (32, 32, 12))
    """
    scan = LesionPhantom(shape=shape, **recipe).draw(seed)
    return np.stack([scan.flair, scan.t1]), scan.label


def _lesions(spec: LesionPhantom, rng: np.random.Generator, head: PhantomHead) -> tuple[FloatArray, UInt8Array]:
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


def _infarct(rng: np.random.Generator, head: PhantomHead) -> FloatArray:
    """One larger region of other pathology at the edge of the brain."""
    cover = np.zeros(head.shape, dtype=np.float32)
    direction = np.array([rng.choice([-1, 1]) * 0.62, rng.uniform(-0.3, 0.3), rng.uniform(0, 0.25)], dtype=np.float32)
    box, blob = head.blob(rng, (direction * head.size).astype(np.float32), 11.0 * head.scale)
    cover[box] = blob * head.brain[box] * (1 - head.fluid[box])
    return cover


def _mimics(spec: LesionPhantom, rng: np.random.Generator, head: PhantomHead) -> FloatArray:
    """What is bright on FLAIR and no lesion: a rim along the ventricles, and spots in cortex and sulci."""
    spacing = np.array(spec.mm)
    rim = ndimage.gaussian_filter(head.ventricles, 2.2 * head.scale / spacing) * (1 - head.fluid)
    bright: FloatArray = (0.9 * rim * (1 + 0.3 * head.noise(rng, 15.0))).astype(np.float32)
    places = np.flatnonzero((head.brain & (head.white < 0.3) & (head.ventricles < 0.1)).ravel())
    for at in rng.choice(places, size=int(spec.mimics)):
        box, blob = head.blob(rng, head.grid.reshape(3, -1)[:, at], 2.5 * head.scale)
        bright[box] = np.maximum(bright[box], 0.9 * blob * head.brain[box])
    return bright


def _grey(
    head: PhantomHead, values: tuple[float, float, float, float], lesion: FloatArray, contrast: float
) -> FloatArray:
    """The ideal picture of the tissues."""
    fluid, grey, white, damaged = values
    healthy = head.picture(fluid, grey, white)
    picture: FloatArray = healthy + lesion * (1 - head.ventricles) * (white + contrast * (damaged - white) - healthy)
    return picture
