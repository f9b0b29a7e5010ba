# SPDX-License-Identifier: Apache-2.0
"""One face over pictures, folders of pictures, TIF stacks, NIfTI, HDF5 and Zarr: header first, sections on demand."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em_source import EMGeometry, EMSource, natural_key, require_em, sidecar_geometry

__all__ = ["EMStack", "list_datasets", "list_pictures", "open_em_stack", "read_em_source"]

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
TIF_SUFFIXES = (".tif", ".tiff")
NIFTI_SUFFIXES = (".nii", ".nii.gz")
HDF5_SUFFIXES = (".h5", ".hdf", ".hdf5", ".he5")
IMAGE_DATASETS = ("volumes/raw", "raw", "image", "stack", "main", "data")
_UNIT_NM = {"nm": 1.0, "nanometer": 1.0, "um": 1e3, "micron": 1e3, "µm": 1e3, "\\u00b5m": 1e3, "mm": 1e6, "cm": 1e7}


@dataclass(frozen=True)
class EMStack:
    """An open stack: nothing but the header is in memory until :meth:`read` is called.

    Args:
        source: what was opened.
        shape: ``(z, y, x)``, or ``(y, x)``, of the *whole* dataset.
        dtype: type in the file.
        geometry: what the file states.
        fetch: from a slice along the first axis to the array of it.
    """

    source: EMSource
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    geometry: EMGeometry
    fetch: Callable[[slice], AnyArray]

    def span(self) -> tuple[int, int]:
        """Return the first and one past the last section that the source asks for.

        Raises:
            ValueError: if the stack has no such section.
        """
        depth = self.shape[0] if len(self.shape) == 3 else 1
        start = self.source.start or 0
        stop = self.source.stop
        if stop is None:
            stop = depth if self.source.start is None else start + 1
        if stop > depth:
            raise ValueError(f"`source` needs sections within 0..{depth - 1}, got {str(self.source)!r}.")
        return start, stop

    @property
    def read_shape(self) -> tuple[int, ...]:
        """Shape of what :meth:`read` returns."""
        start, stop = self.span()
        if len(self.shape) == 2 or (self.source.start is not None and self.source.stop is None):
            return self.shape[-2:]
        return (stop - start, *self.shape[1:])

    @property
    def read_geometry(self) -> EMGeometry:
        """Geometry of what :meth:`read` returns: a block that starts at section k is k spacings further on."""
        ndim = len(self.read_shape)
        whole = self.geometry.last(3)
        start, _ = self.span()
        if ndim == 3 and start:
            spacing, offset = whole.spacing or (1.0,) * 3, whole.offset or (0.0,) * 3
            whole = EMGeometry(whole.spacing, (offset[0] + start * spacing[0], *offset[1:]))
        return whole.last(ndim)

    def read(self) -> AnyArray:
        """Return the asked sections, and only those, as they are in the file.

        Raises:
            ValueError: if the data cannot be read; the message names the file.
        """
        start, stop = self.span()
        with _naming(self.source):
            return np.asarray(self.fetch(slice(start, stop))).reshape(self.read_shape)


@contextmanager
def _naming(source: EMSource) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one error that names the file."""
    try:
        yield
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) or str(source.path) in str(error):
            raise
        raise ValueError(f"`source` needs a readable file, could not read {source}: {error}.") from error
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise ValueError(f"`source` needs a readable file, could not read {source}: {words}.") from error


@contextmanager
def open_em_stack(source: EMSource | str | Path) -> Iterator[EMStack]:
    """Open ``source`` (see :class:`EMSource`) for reading.

    Yields:
        The stack. Its file is closed when the block ends.

    Raises:
        ValueError: if the file is missing, damaged, of an unknown kind, or lacks the dataset (those it holds are
            listed).
        ImportError: if the library for the format is missing.
    """
    source = EMSource.parse(source)
    suffix = source.path.suffix.lower()
    if not source.path.exists():
        raise ValueError(f"`source` needs an existing file or folder, got {str(source)!r}.")
    if is_zarr(source.path):
        opener = _open_zarr
    elif source.path.is_dir():
        opener = _open_folder
    elif suffix in HDF5_SUFFIXES:
        opener = _open_hdf5
    elif suffix in TIF_SUFFIXES:
        opener = _open_tif
    elif source.path.name.lower().endswith(NIFTI_SUFFIXES):
        opener = _open_nifti
    elif suffix in PICTURE_SUFFIXES:
        opener = _open_picture
    else:
        known = " ".join((*PICTURE_SUFFIXES, *HDF5_SUFFIXES, *NIFTI_SUFFIXES, ".zarr"))
        raise ValueError(f"`source` needs one of {known} or a folder, got {str(source)!r}.")
    with opener(source) as stack:
        yield stack


def read_em_source(source: EMSource | str | Path) -> tuple[AnyArray, EMGeometry]:
    """Return the array of ``source``, as stored, and its geometry (``None`` where none is stated)."""
    with open_em_stack(source) as stack:
        return stack.read(), stack.read_geometry


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr store (version 2 or 3)."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures of ``folder`` in natural order (2 before 10)."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")]
    return sorted((p for p in found if p.is_file()), key=lambda p: natural_key(p.name))


def list_datasets(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every array in an HDF5 file or Zarr store; a lone Zarr array has the name ``""``."""
    with _naming(EMSource(path)):
        if path.is_dir():
            root = require_em("zarr").open(str(path), mode="r")
            if not hasattr(root, "members"):
                return {"": tuple(root.shape)} if hasattr(root, "shape") else _visit(root)
            return {name: tuple(item.shape) for name, item in root.members(max_depth=None) if hasattr(item, "shape")}
        with require_em("h5py").File(path, "r") as file:
            return _visit(file)


def _visit(group: Any) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    group.visititems(lambda name, item: found.update({name: tuple(item.shape)} if hasattr(item, "shape") else {}))
    return found


def pick_dataset(path: Path, dataset: str | None, usual: tuple[str, ...] = IMAGE_DATASETS) -> str:
    """Return the dataset to read: the asked one, else the first usual name, else the only one there is.

    Raises:
        ValueError: if that leaves none; the message lists what the file holds.
    """
    held = list_datasets(path)
    there = ", ".join(f"{name or '(root)'} {shape}" for name, shape in sorted(held.items())) or "nothing"
    if dataset is not None:
        if dataset in held:
            return dataset
        raise ValueError(f"`dataset` needs a dataset of {path}, got {dataset!r}. It holds: {there}.")
    for name in usual:
        if name in held:
            return name
    if len(held) == 1:
        return next(iter(held))
    raise ValueError(f"`dataset` needs a name, since {path} holds none of {', '.join(usual)}. It holds: {there}.")


def _array_stack(source: EMSource, array: Any, attributes: dict[str, Any]) -> EMStack:
    """Stack over an HDF5 or Zarr array; leading axes of length 1 are dropped."""
    shape = tuple(int(n) for n in array.shape)
    extra = len(shape) - 3
    if len(shape) < 2 or any(n != 1 for n in shape[: max(extra, 0)]):
        raise ValueError(f"`dataset` needs 2 or 3 spatial axes, got shape {shape} in {source}.")
    spacing = next((attributes[k] for k in ("resolution", "voxel_size") if k in attributes), None)
    if spacing is None and "element_size_um" in attributes:
        spacing = [1000.0 * float(s) for s in attributes["element_size_um"]]
    geometry = EMGeometry.of(spacing, attributes.get("offset"), source)
    lead = (0,) * max(extra, 0)
    kept = shape[max(extra, 0) :]
    if len(kept) == 2:
        return EMStack(source, kept, np.dtype(array.dtype), geometry.last(2), lambda _: array[...])
    return EMStack(source, kept, np.dtype(array.dtype), geometry.last(3), lambda part: array[(*lead, part)])


@contextmanager
def _open_hdf5(source: EMSource) -> Iterator[EMStack]:
    name = pick_dataset(source.path, source.dataset)
    with _naming(source):
        file = require_em("h5py").File(source.path, "r")
    with file:
        with _naming(source):
            stack = _array_stack(source, file[name], {**file.attrs, **file[name].attrs})
        yield stack


@contextmanager
def _open_zarr(source: EMSource) -> Iterator[EMStack]:
    """Zarr itself decides what a damaged chunk is: Zstandard notices a truncated one, Blosc (old stores) does not."""
    name = pick_dataset(source.path, source.dataset)
    with _naming(source):
        root = require_em("zarr").open(str(source.path), mode="r")
        array = root[name] if name else root
        stack = _array_stack(source, array, {**dict(root.attrs), **dict(array.attrs)})
    yield stack


@contextmanager
def _open_tif(source: EMSource) -> Iterator[EMStack]:
    with _naming(source):
        file = require_em("tifffile").TiffFile(source.path)
    with file:
        with _naming(source):
            _refuse_cut_tif(file, source)
            stack = _tif_stack(file, source)
        yield stack


def _tif_stack(file: Any, source: EMSource) -> EMStack:
    series = file.series[0]
    pages = series.pages
    shape = tuple(int(n) for n in series.shape)
    if len(shape) == 3 and shape[-1] in (3, 4) and series.axes.endswith("S"):
        raise ValueError(f"`source` needs grey values, got colour of shape {shape} in {source}.")
    if len(shape) not in (2, 3):
        raise ValueError(f"`source` needs one stack of sections, got shape {shape} in {source}.")

    stated = _tif_geometry(file, len(shape), source)
    if len(shape) == 2 and len(stated.spacing or ()) == 3:
        shape = (1, *shape)  # a stack of one section, as this package writes it

    def fetch(part: slice) -> AnyArray:
        if len(series.shape) == 2:
            return np.asarray(series.asarray())
        if len(pages) == shape[0]:
            return np.stack([pages[k].asarray() for k in range(part.start, part.stop)])
        if series.dataoffset is not None:
            return np.array(require_em("tifffile").memmap(source.path, mode="r")[part])
        return np.asarray(series.asarray()[part])

    geometry = sidecar_geometry(source.path).override(stated)
    return EMStack(source, shape, np.dtype(series.dtype), geometry.last(len(shape)), fetch)


def _refuse_cut_tif(file: Any, source: EMSource) -> None:
    """A truncated TIF loses its last pages in silence: the chain of pages must end with a zero."""
    last, kind, handle = file.pages[-1], file.tiff, file.filehandle
    last = getattr(last, "offset", 0)
    handle.seek(last)
    (count,) = struct.unpack(kind.tagnoformat, handle.read(kind.tagnosize))
    handle.seek(last + kind.tagnosize + count * kind.tagsize)
    (following,) = struct.unpack(kind.offsetformat, handle.read(kind.offsetsize))
    if following:
        raise ValueError(f"`source` needs a whole file, {source} is truncated after page {len(file.pages)}.")


def _tif_geometry(file: Any, ndim: int, source: EMSource) -> EMGeometry:
    """Geometry from the description that this package writes, or from ImageJ's spacing, unit and resolution."""
    for stated in file.shaped_metadata or ():
        if "spacing_nm" in stated:
            return EMGeometry.of(stated["spacing_nm"], stated.get("offset_nm"), source)
    stated = file.imagej_metadata or {}
    with suppress(json.JSONDecodeError, TypeError, KeyError):
        ours = json.loads(stated["Info"])
        return EMGeometry.of(ours["spacing_nm"], ours["offset_nm"], source)
    scale = _UNIT_NM.get(str(stated.get("unit", "")).strip().lower())
    tags = file.pages[0].tags
    per_unit = [tags[name].value for name in ("YResolution", "XResolution") if name in tags]
    if scale is None or len(per_unit) < 2 or min(min(fraction) for fraction in per_unit) <= 0:
        return EMGeometry()
    plane = [scale * below / above for above, below in per_unit]
    return EMGeometry.of([scale * float(stated.get("spacing", 1.0)), *plane][-ndim:], None, source)


@contextmanager
def _open_nifti(source: EMSource) -> Iterator[EMStack]:
    """NIfTI holds x, y, z; the axes are turned back. Only a unit of micrometres is taken for EM geometry."""
    import nibabel

    with _naming(source):
        image: Any = nibabel.load(source.path)
        stored = image.dataobj
        shape = tuple(int(n) for n in image.shape)[::-1]
        if len(shape) not in (2, 3):
            raise ValueError(f"`source` needs one stack of sections, got shape {shape} in {source}.")
        geometry = EMGeometry()
        if image.header.get_xyzt_units()[0] == "micron":
            # The header holds float32: its shortest decimal is the number that was meant.
            shortest = np.vectorize(lambda v: float(str(np.float32(v))) * 1000)
            sizes, shift = shortest(image.header.get_zooms()), shortest(image.affine[: len(shape), 3])
            geometry = EMGeometry.of(sizes[::-1], shift[::-1], source)

    def fetch(part: slice) -> AnyArray:
        return np.asarray(stored[..., part] if len(shape) == 3 else stored[...]).T

    yield EMStack(source, shape, np.dtype(image.get_data_dtype()), geometry.last(len(shape)), fetch)


@contextmanager
def _open_picture(source: EMSource) -> Iterator[EMStack]:
    pillow = require_em("PIL.Image")
    with _naming(source):
        picture = pillow.open(source.path)
    with picture:
        kind = {"1": np.uint8, "I;16": np.uint16, "I": np.int32, "F": np.float32}.get(picture.mode, np.uint8)
        shape = (picture.height, picture.width)
        geometry = sidecar_geometry(source.path).last(2)
        yield EMStack(source, shape, np.dtype(kind), geometry, lambda _: _grey_values(picture, source).astype(kind))


def _grey_values(picture: Any, source: EMSource) -> AnyArray:
    """Grey values of a picture; a palette gives its grey values, or its indices when it holds colours."""
    if picture.mode == "P":
        colours = np.asarray(picture.convert("RGB"))
        same = (colours == colours[..., :1]).all()
        return np.asarray(colours[..., 0]) if same else np.asarray(picture)
    values = np.asarray(picture)
    if values.ndim == 2:
        return values
    colours = values[..., : 1 if picture.mode == "LA" else 3]
    if (colours != colours[..., :1]).any():
        raise ValueError(f"`source` needs grey values, got colour (mode {picture.mode}) in {source}.")
    return np.asarray(colours[..., 0])


@contextmanager
def _open_folder(source: EMSource) -> Iterator[EMStack]:
    files = list_pictures(source.path)
    if not files:
        raise ValueError(f"`source` needs a folder with pictures ({' '.join(PICTURE_SUFFIXES)}), got {source.path}.")
    with open_em_stack(EMSource(files[0])) as first:
        plane, dtype = first.shape, first.dtype
    if len(plane) != 2:
        raise ValueError(f"`source` needs a folder of single sections, got the stack {files[0]} of shape {plane}.")

    def fetch(part: slice) -> AnyArray:
        sections = [read_em_source(EMSource(file))[0] for file in files[part]]
        for file, section in zip(files[part], sections, strict=True):
            if section.shape != plane:
                raise ValueError(f"`source` needs sections of one shape, {plane}, got {section.shape} in {file}.")
        return np.stack(sections)

    geometry = sidecar_geometry(source.path).last(3)
    yield EMStack(source, (len(files), *plane), dtype, geometry, fetch)
