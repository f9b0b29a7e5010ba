# SPDX-License-Identifier: Apache-2.0
"""A segmentation and its grid, from a file of any of the usual kinds; whether two grids are one, and making them so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from nibabel.orientations import aff2axcodes
from scipy import ndimage

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary._validation import check_spacing
from monai_boundary.data.em.arrays import list_datasets
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.source import EMSource
from monai_boundary.ops.grid import SAME_GRID_VOXELS
from monai_boundary.report.case_files import ARRAY_SUFFIXES, ITK_SUFFIXES, NIFTI_SUFFIXES, PICTURE_SUFFIXES

LABEL_DATASETS = (
    *("volumes/labels/neuron_ids", "labels/neuron_ids", "neuron_ids", "volumes/labels", "labels", "label"),
    *("segmentation", "seg", "prediction", "pred", "gt", "mask", "stack", "main", "data"),
)
VOLUME_SUFFIX = ".volume.npz"
_MM = {"meter": 1e3, "micron": 1e-3}


class GivenSpacing(NamedTuple):
    """Size of a voxel along each axis (one number for all) in ``"mm"`` or ``"nm"``, instead of what files state."""

    sizes: Sequence[float] | float
    unit: str = "mm"


Spacing = GivenSpacing | Sequence[float] | float | None


class LabelVolume(NamedTuple):
    """A segmentation as stored, and where its voxels are.

    Attributes:
        values: shape (H, W) or (H, W, D), in the file's order and type.
        affine: 4 x 4, from voxel indices to the world (RAS for medical images), in ``unit``; None where the file states
            no grid, as pictures.
        unit: ``"mm"``, ``"nm"`` (electron microscopy) or ``"voxel"`` (nothing stated).
    """

    values: AnyArray
    affine: DoubleArray | None
    unit: str

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of a voxel along each axis, in ``unit``."""
        if self.affine is None:
            return (1.0,) * self.values.ndim
        return tuple(float(n) for n in np.linalg.norm(self.affine[:3, : self.values.ndim], axis=0))


def read_label_volume(path: Path, dataset: str | None = None, spacing: Spacing = None) -> LabelVolume:
    """Read a segmentation: NIfTI, MHA, NRRD, TIF, PNG, a folder of pictures, HDF5 or Zarr.

    NIfTI, MHA and NRRD have axes x, y, z; the others z, y, x. A picture of nothing but 0 and 255 is a mask: its 255
    are 1.

    Args:
        path: file, folder of pictures or Zarr store.
        dataset: of an HDF5 file or Zarr store; by default one with a usual name, or the only one.
        spacing: mm per axis, or with their unit, instead of what the file states (its position is then not compared).

    Returns:
        Its values as stored, and its grid.

    Raises:
        ValueError: if the file cannot be read, has channels, is not 2-D or 3-D, or is empty; the message names it.
    """
    return mask_of_picture(path, read_stored_labels(path, dataset, spacing))


def read_stored_labels(path: Path, dataset: str | None = None, spacing: Spacing = None) -> LabelVolume:
    """Read a segmentation as :func:`read_label_volume`, with the 255 of a picture as they are.

    Args:
        path: file, folder of pictures or Zarr store.
        dataset: of an HDF5 file or Zarr store.
        spacing: mm per axis, or with their unit, instead of what the file states.

    Raises:
        ValueError: if the file cannot be read, has channels, is not 2-D or 3-D, or is empty; the message names it.
    """
    volume = _read(path, dataset)
    if volume.values.ndim not in (2, 3) or not volume.values.size:
        raise ValueError(f"{path} needs a segmentation of 2 or 3 axes, got shape {volume.values.shape}.")
    return _with_spacing(volume, spacing)


def mask_of_picture(path: Path, volume: LabelVolume) -> LabelVolume:
    """Return a picture of nothing but 0 and 255 with 1 in place of 255, anything else as it is.

    Args:
        path: where it was read.
        volume: of :func:`read_stored_labels`.
    """
    values = volume.values
    is_picture = path.is_dir() or path.name.lower().endswith(PICTURE_SUFFIXES)
    if (
        not is_picture
        or values.dtype != np.uint8
        or values.max(initial=0) < 255
        or ((values > 0) & (values < 255)).any()
    ):
        return volume
    return volume._replace(values=(values > 0).astype(np.uint8))


def read_channels(path: Path, dataset: str | None = None, spacing: Spacing = None) -> list[LabelVolume]:
    """Read an image of one or more channels, each as a volume: NIfTI and ITK's formats have them last, others have one.

    Args:
        path: as for :func:`read_label_volume`.
        dataset: of an HDF5 file or Zarr store.
        spacing: mm per axis, or with their unit, instead of what the file states.

    Raises:
        ValueError: if the file cannot be read, or an image is not 2-D or 3-D.
    """
    volume = _read(path, dataset, channels=True)
    values = volume.values
    parts = list(np.moveaxis(values, -1, 0)) if values.ndim == 4 else [values]
    if parts[0].ndim not in (2, 3) or not values.size:
        raise ValueError(f"{path} needs images of 2 or 3 axes, got shape {values.shape}.")
    return [_with_spacing(volume._replace(values=part), spacing) for part in parts]


def _read(path: Path, dataset: str | None, channels: bool = False) -> LabelVolume:
    name = path.name.lower()
    try:
        if name.endswith(VOLUME_SUFFIX):
            with np.load(path, allow_pickle=False) as file:
                affine = file["affine"] if file["affine"].size else None
                return LabelVolume(file["values"], affine, str(file["unit"]))
        if name.endswith(NIFTI_SUFFIXES):
            return _read_nifti(path)
        if name.endswith(ITK_SUFFIXES):
            return _read_itk(path, channels)
        return _read_stack(path, dataset)
    except Exception as error:  # whatever a library raises on a damaged file
        if isinstance(error, (ImportError, MemoryError)) or (isinstance(error, ValueError) and str(path) in str(error)):
            raise
        raise ValueError(f"{path} cannot be read ({type(error).__name__}: {_first_line(error)}).") from error


def _with_spacing(volume: LabelVolume, spacing: Spacing) -> LabelVolume:
    if spacing is None:
        return volume
    given = spacing if isinstance(spacing, GivenSpacing) else GivenSpacing(spacing)
    sizes = check_spacing(given.sizes, volume.values.ndim)
    return LabelVolume(volume.values, np.diag([*sizes, *(1.0,) * (4 - len(sizes))]), given.unit)


def write_label_volume(volume: LabelVolume, path: Path) -> Path:
    """Write a volume as it is, for :func:`read_label_volume` of a later process; no other program reads such files.

    Args:
        volume: with whatever unit.
        path: ends in ``.volume.npz``.
    """
    affine = np.empty(0) if volume.affine is None else volume.affine
    np.savez_compressed(path, values=volume.values, affine=affine, unit=np.array(volume.unit))
    return path


def grid_difference(volume: LabelVolume, other: LabelVolume) -> str:
    """Return how two grids differ, in words; nothing, if they are one, or if one of them is not stated.

    Args:
        volume: of the prediction.
        other: of the truth.

    Returns:
        Every one of shape, spacing, orientation and origin that differs, with both values.
    """
    found = []
    if volume.values.shape != other.values.shape:
        found.append(f"shape {volume.values.shape} against {other.values.shape}")
    if volume.affine is None or other.affine is None or volume.values.ndim != other.values.ndim:
        return "; ".join(found)
    ours, theirs = _in_mm(volume), _in_mm(other)
    corners = _corners(other.values.shape)
    apart = float(np.abs((ours - theirs) @ corners).max())
    ndim = other.values.ndim
    if apart <= SAME_GRID_VOXELS * float(np.linalg.norm(theirs[:3, :ndim], axis=0).min()):
        return "; ".join(found)
    sizes = [np.linalg.norm(a[:3, :ndim], axis=0) for a in (ours, theirs)]
    if not np.allclose(sizes[0], sizes[1], rtol=1e-3, atol=0):
        found.append(f"spacing {_numbers(sizes[0])} against {_numbers(sizes[1])} mm")
    turned = [a[:3, :ndim] / s for a, s in zip((ours, theirs), sizes, strict=True)]
    if not np.allclose(turned[0], turned[1], atol=1e-3):
        codes = ["".join(map(str, aff2axcodes(a)[:ndim])) for a in (ours, theirs)]
        tilt = "" if codes[0] != codes[1] else f" (turned by {_degrees(*turned):.2g} degrees)"
        found.append(f"orientation {codes[0]} against {codes[1]}{tilt}")
    if not np.allclose(ours[:3, 3], theirs[:3, 3], rtol=0, atol=SAME_GRID_VOXELS * float(sizes[1].min())):
        found.append(f"origin {_numbers(ours[:3, 3])} against {_numbers(theirs[:3, 3])} mm")
    return "; ".join(found or [f"corners {apart:.3g} mm apart"])


def resample_nearest(volume: LabelVolume, grid: LabelVolume) -> LabelVolume:
    """Return a segmentation on the grid of another one, by the nearest voxel; 0 outside.

    Args:
        volume: what is resampled.
        grid: whose shape and affine the result has.

    Raises:
        ValueError: if one of the two states no grid, or they differ in dimensions.
    """
    if volume.affine is None or grid.affine is None or volume.values.ndim != grid.values.ndim:
        raise ValueError(
            "`align` needs two segmentations of the same dimensions whose files state their grids, got "
            f"{volume.values.ndim}-D in {volume.unit} and {grid.values.ndim}-D in {grid.unit}."
        )
    ndim = grid.values.ndim
    across = np.linalg.inv(_in_mm(volume)) @ _in_mm(grid)
    # turns and flips land on voxel centres but for rounding, which would decide at halves
    across = np.round(across, 6)
    stored, known = volume.values, None
    if stored.dtype.kind in "iu" and stored.dtype.itemsize == 8:  # SciPy counts in float64, which ends at 2^53
        known, places = np.unique(stored, return_inverse=True)
        known = np.concatenate([np.zeros(1, known.dtype), known])
        stored = places.reshape(stored.shape) + 1
    values = ndimage.affine_transform(
        stored, across[:ndim, :ndim], across[:ndim, 3], grid.values.shape, order=0, mode="grid-constant", cval=0
    )
    return LabelVolume(values if known is None else known[values], grid.affine, grid.unit)


def _read_nifti(path: Path) -> LabelVolume:
    import nibabel

    image: Any = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 3 and values.shape[-1] == 1 and int(image.header["dim"][0]) < 3:
        values = values[..., 0]
    affine = np.asarray(image.affine, dtype=np.float64).copy()
    affine[:3] *= _MM.get(image.header.get_xyzt_units()[0] if hasattr(image.header, "get_xyzt_units") else "mm", 1.0)
    return LabelVolume(values, affine, "mm")


def _read_itk(path: Path, channels: bool) -> LabelVolume:
    import SimpleITK as sitk  # noqa: N813 - as its users write it

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    image = reader.Execute()
    parts = image.GetNumberOfComponentsPerPixel()
    if parts != 1 and not (channels and image.GetDimension() == 3):
        raise ValueError(f"{path} needs one label per voxel, got {parts} channels.")
    values = sitk.GetArrayFromImage(image).T
    if parts > 1:
        values = np.moveaxis(values, 0, -1)
    ndim = image.GetDimension()
    affine = np.eye(4)
    if ndim <= 3:
        turn = np.asarray(image.GetDirection()).reshape(ndim, ndim) * np.asarray(image.GetSpacing())
        affine[:ndim, :ndim], affine[:ndim, 3] = turn, image.GetOrigin()
        affine[:2] *= -1  # ITK's world is LPS
    return LabelVolume(values, affine, "mm")


def _read_stack(path: Path, dataset: str | None) -> LabelVolume:
    holds_datasets = path.name.lower().endswith((*ARRAY_SUFFIXES, ".zarr"))
    name = _label_dataset(path) if holds_datasets and dataset is None else dataset
    with open_em_stack(EMSource(path, name if holds_datasets else None)) as stack:
        values, geometry = stack.read(), stack.read_geometry
    if geometry.spacing is None:
        return LabelVolume(values, None, "voxel")
    affine = np.eye(4)
    affine[np.arange(values.ndim), np.arange(values.ndim)] = geometry.spacing
    affine[: values.ndim, 3] = geometry.offset or (0.0,) * values.ndim
    return LabelVolume(values, affine, "nm")


def _label_dataset(path: Path) -> str | None:
    held = list_datasets(path)
    found = next((name for name in LABEL_DATASETS if name in held), None)
    if found is None and len(held) > 1:
        names = ", ".join(sorted(held))
        raise ValueError(f"`dataset` needs the name of the labels in {path}, which holds: {names}.")
    return found if found is not None else next((name for name in held if name), None)


def _in_mm(volume: LabelVolume) -> DoubleArray:
    affine = np.array(volume.affine, dtype=np.float64)
    if volume.unit == "nm":
        affine[:3] *= 1e-6
    return affine


def _corners(shape: Sequence[int]) -> DoubleArray:
    """Homogeneous indices (4, 8) of the corners of an image; axes that it lacks are 0."""
    sides = [(0, n - 1) for n in shape] + [(0, 0)] * (3 - len(shape))
    points = np.stack(np.meshgrid(*sides, indexing="ij")).reshape(3, -1)
    return np.vstack([points, np.ones(points.shape[1])])


def _degrees(ours: DoubleArray, theirs: DoubleArray) -> float:
    return float(np.degrees(np.arccos(np.clip((ours * theirs).sum(axis=0), -1, 1))).max())


def _numbers(values: DoubleArray) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[-1].strip()
