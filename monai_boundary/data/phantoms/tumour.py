# SPDX-License-Identifier: Apache-2.0
"""A brain phantom with a tumour of nested regions: T1c, T1, T2 and FLAIR of one patient, with exact truth.

The head is that of the lesion phantom. The tumour is like a glioma of BraTS: oedema that follows the white matter, a
core within it, and in the core an enhancing rim of uneven width, bright on T1c alone, around necrosis. Low-grade ones
have no rim. What makes them hard is there too: oedema is as bright on T2 as fluid, the core without rim is as dark on
T1c as oedema is, vessels and meninges are as bright on T1c as the rim, the borders are partial volume, and every image
has noise, a bias field and a grey range of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from monai_boundary._typing import FloatArray, UInt8Array
from monai_boundary._validation import check_positive
from monai_boundary.data.phantoms.head import PhantomHead, partial_volume, phantom_spacing

__all__ = ["TumourPhantom", "TumourScan", "make_tumour_phantom"]

# grey values of: cerebrospinal fluid, grey matter, white matter; oedema, core without enhancement, enhancing rim
_GREY = {
    "t1c": (0.10, 0.50, 0.72, 0.48, 0.34, 1.00),
    "t1": (0.12, 0.50, 0.80, 0.52, 0.40, 0.55),
    "t2": (0.95, 0.50, 0.38, 0.78, 0.88, 0.66),
    "flair": (0.10, 0.50, 0.40, 0.85, 0.58, 0.74),
}


class TumourScan(NamedTuple):
    """One patient: float32 images, exactly 0 outside the brain, and BraTS's label (1 core, 2 oedema, 4 enhancing)."""

    t1c: FloatArray
    t1: FloatArray
    t2: FloatArray
    flair: FloatArray
    label: UInt8Array


@dataclass(frozen=True)
class TumourPhantom:
    """Recipe of a phantom: :meth:`draw` makes images and truth, and the same seed makes the same voxels.

    Args:
        shape: ``(x, y, z)``, at least 16 x 16 x 4. A head fills it, whatever its size in mm: see ``spacing``.
        spacing: mm per voxel. None makes a head of usual size: 2.8 x 2.8 x 2.8 mm for the default shape, thick slices
            for fewer of them.
        tumour_diameter_mm: median diameter of the whole tumour, for a head of usual size. Diameters are log-normal with
            ``tumour_spread``.
        tumour_spread: standard deviation of the diameters' logarithm.
        low_grade: whether the core has no enhancing rim.
        contrast: how far the tumour's grey values are from those of the tissue it is in, relative to the usual.
        mimics: number of spots that are as bright on T1c as the rim, and no tumour.
        noise: standard deviation of the noise, 0..1 of the grey range.
        bias: standard deviation of the bias field's logarithm.
        blur: standard deviation of the point spread within slices, voxels.
        border_blur: standard deviation of what blurs the tumour's borders, in voxels along x: the tumour passes over
            into the tissue, and its parts into each other. The truth stays where it is, at half height.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
        >>> scan = TumourPhantom(shape=(32, 32, 24)).draw(seed=0)
        >>> scan.t1c.shape, scan.label.dtype.name, sorted(set(scan.label.flat)) == [0, 1, 2, 4]
        ((32, 32, 24), 'uint8', True)
    """

    shape: tuple[int, int, int] = (64, 64, 48)
    spacing: tuple[float, float, float] | None = None
    tumour_diameter_mm: float = 46.0
    tumour_spread: float = 0.2
    low_grade: bool = False
    contrast: float = 1.0
    mimics: int = 10
    noise: float = 0.04
    bias: float = 0.12
    blur: float = 0.5
    border_blur: float = 0.0

    def __post_init__(self) -> None:
        shape, spacing = phantom_spacing(self.shape, self.spacing)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        if int(self.mimics) != self.mimics or self.mimics < 0:
            raise ValueError(f"`mimics` needs an integer >= 0, got {self.mimics!r}.")
        for name in ("tumour_diameter_mm", "contrast"):
            check_positive(name, getattr(self, name))
        for name in ("tumour_spread", "noise", "bias", "blur", "border_blur"):
            check_positive(name, getattr(self, name), zero=True)

    @property
    def mm(self) -> tuple[float, float, float]:
        """Voxel size in mm along each axis."""
        assert self.spacing is not None
        return self.spacing

    def draw(self, seed: int | np.random.Generator = 0) -> TumourScan:
        """Return one patient.

        Args:
            seed: seed of ``numpy.random.default_rng``, or a generator (which is advanced).

        Returns:
            Images and label of shape :attr:`shape`, on one grid. The grey range is that image's own, hundreds of units,
            as MRI has no scale.
        """
        rng = np.random.default_rng(seed)
        head = PhantomHead(self.shape, self.mm, rng)
        oedema, core, rim = _tumour(self, rng, head)
        label = np.zeros(self.shape, dtype=np.uint8)
        label[oedema > 0.5] = 2
        label[core > 0.5] = 1
        label[(core > 0.5) & (rim > 0.5 * core)] = 4
        vessels = _vessels(self, rng, head) * (1 - oedema)
        oedema, core, rim = (_blurred(self, part) for part in (oedema, core, rim))
        images = {}
        for name, (fluid, grey, white, *tumour) in _GREY.items():
            healthy = head.picture(fluid, grey, white)
            picture = healthy
            for share, value in zip((oedema - core, core - rim, rim), tumour, strict=True):
                picture = picture + share * self.contrast * (value - healthy)
            if name == "t1c":
                picture = picture + vessels * (tumour[-1] - healthy)
            images[name] = head.scanned(picture.clip(0), rng, noise=self.noise, bias=self.bias, blur=self.blur)
        return TumourScan(**images, label=label)


def make_tumour_phantom(
    shape: tuple[int, int, int] = (64, 64, 48), seed: int = 0, **recipe: Any
) -> tuple[FloatArray, UInt8Array]:
    """Return ``(images, label)`` of one patient, images as (4, x, y, z): T1c, T1, T2, FLAIR.

    Args:
        shape: ``(x, y, z)``.
        seed: the same seed gives the same voxels.
        recipe: how else it is drawn, by fields of :class:`TumourPhantom`: ``spacing``, ``tumour_diameter_mm``,
            ``tumour_spread``, ``low_grade``, ``contrast``, ``mimics``, ``noise``, ...

    Example:
        >>> images, label = make_tumour_phantom((32, 32, 12), seed=1, noise=0.0)
        >>> images.shape, label.shape
        ((4, 32, 32, 12), (32, 32, 12))
    """
    *images, label = TumourPhantom(shape=shape, **recipe).draw(seed)
    return np.stack(images), label


def _tumour(
    spec: TumourPhantom, rng: np.random.Generator, head: PhantomHead
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How much of each voxel is tumour, core and enhancing rim: each lies in the one before."""
    radius = spec.tumour_diameter_mm / 2 * head.scale * float(np.exp(spec.tumour_spread * rng.standard_normal()))
    radius = min(radius, 0.45 * float(head.size.min()))
    centre = _place(rng, head, radius)
    axes = np.exp(0.12 * rng.standard_normal(3))
    away = head.grid - centre[:, None, None, None]
    far = np.sqrt(((away / axes[:, None, None, None]) ** 2).sum(axis=0))
    soft = 0.35 * spec.mm[0]
    tissue = head.brain * (1 - head.ventricles)
    # oedema runs along the white matter, and stops at the cortex and at the ventricles
    spread = (0.30 * head.noise(rng, 14.0) + 0.45 * (head.white - 0.6)) * radius
    oedema = partial_volume(radius - far + spread, soft) * tissue
    share = rng.uniform(0.65, 0.8) if spec.low_grade else rng.uniform(0.5, 0.65)
    depth = share * radius - far + 0.14 * head.noise(rng, 10.0) * radius
    core = np.minimum(partial_volume(depth, soft) * tissue, oedema)
    if spec.low_grade:
        return oedema, core, np.zeros_like(core)
    width = (5.0 + 2.0 * head.noise(rng, 12.0)).clip(1.0) * head.scale
    rim = core - np.minimum(partial_volume(depth - width, soft), core)
    return oedema, core, rim


def _blurred(spec: TumourPhantom, part: FloatArray) -> FloatArray:
    if not spec.border_blur:
        return part
    soft: FloatArray = ndimage.gaussian_filter(part, spec.border_blur * spec.mm[0] / np.array(spec.mm))
    return soft


def _place(rng: np.random.Generator, head: PhantomHead, radius: float) -> FloatArray:
    """A place in the white matter, so far from the head's ends that most of the tumour is inside."""
    inside = (np.abs(head.grid) < (head.size - 0.8 * radius).clip(0.3 * head.size)[:, None, None, None]).all(axis=0)
    places = np.flatnonzero((inside & (head.white > 0.8)).ravel())
    if not places.size:
        places = np.flatnonzero((head.white == head.white.max()).ravel())
    centre: FloatArray = head.grid.reshape(3, -1)[:, rng.choice(places)]
    return centre


def _vessels(spec: TumourPhantom, rng: np.random.Generator, head: PhantomHead) -> FloatArray:
    """What takes up contrast and is no tumour: spots at the brain's surface and in the ventricles."""
    cover = np.zeros(spec.shape, dtype=np.float32)
    places = np.flatnonzero((head.brain & (head.fluid > 0.3)).ravel())
    for at in rng.choice(places, size=int(spec.mimics)):
        box, blob = head.blob(rng, head.grid.reshape(3, -1)[:, at], 3.0 * head.scale)
        cover[box] = np.maximum(cover[box], blob * head.brain[box])
    return cover
