# SPDX-License-Identifier: Apache-2.0
"""Arrays in HDF5 files and Zarr stores: which there are, behind links too, which one is meant, and their geometry."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.chunk_files import ChunkFiles
from monai_boundary.data.em.geometry import EMGeometry, nanometres
from monai_boundary.data.em.hdf5_chunks import absent_hdf5_chunks
from monai_boundary.data.em.ome_zarr import levels, multiscale_geometry
from monai_boundary.data.em.source import EMSource, require_em
from monai_boundary.data.em.stack import EMStack, naming_source

__all__ = ["HDF5_SUFFIXES", "held_arrays", "is_zarr", "list_datasets", "open_hdf5", "open_zarr", "pick_dataset"]

HDF5_SUFFIXES = (".h5", ".hdf", ".hdf5", ".he5")
IMAGE_DATASETS = ("volumes/raw", "raw", "image", "stack", "main", "data")
_DEEPEST = 32
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeldArray:
    """An array in a file: its shape, and what is the same for all its names (links)."""

    shape: tuple[int, ...]
    identity: object
    image_like: bool = True


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr store (version 2 or 3)."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def list_datasets(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every array in an HDF5 file or Zarr store; a lone Zarr array has the name ``""``.

    Arrays behind soft, external and second hard links are listed under each of their names; a link that leads nowhere
    is named in the log. Of an image pyramid (OME-Zarr) only the full resolution is listed.
    """
    return {name: array.shape for name, array in held_arrays(path).items()}


def held_arrays(path: Path) -> dict[str, HeldArray]:
    """Return what :func:`list_datasets` lists, with what tells apart arrays from further names of one array."""
    with naming_source(EMSource(path)):
        if path.is_dir():
            return _in_zarr(require_em("zarr").open(str(path), mode="r"))
        found: dict[str, HeldArray] = {}
        lost: list[str] = []
        with require_em("h5py").File(path, "r") as file:
            _walk_hdf5(file, "", (), found, lost)
        if lost:
            logger.warning(f"Skipped in {path}, links that lead nowhere: {', '.join(lost[:5])}.")
        return found


def _walk_hdf5(
    group: Any, prefix: str, trail: tuple[object, ...], found: dict[str, HeldArray], lost: list[str]
) -> None:
    """Follow every link; ``trail`` are the groups above, into which a link may lead back."""
    h5py = require_em("h5py")
    for name in group:
        try:
            item = group[name]
        except (KeyError, OSError):
            lost.append(prefix + name)
            continue
        where = h5py.h5o.get_info(item.id)
        identity = (item.file.filename, where.fileno, str(getattr(where, "addr", getattr(where, "token", name))))
        if isinstance(item, h5py.Dataset):
            if item.shape is not None:
                found[prefix + name] = HeldArray(tuple(item.shape), identity, _is_image(item.shape, item.dtype))
        elif isinstance(item, h5py.Group) and identity not in trail and len(trail) < _DEEPEST:
            _walk_hdf5(item, f"{prefix}{name}/", (*trail, identity), found, lost)


def _is_image(shape: Sequence[int], dtype: Any) -> bool:
    """Tell an array of voxels from tables, texts and single numbers beside it."""
    return len(shape) >= 2 and getattr(dtype, "kind", "") in "buif"


def _in_zarr(root: Any) -> dict[str, HeldArray]:
    if not hasattr(root, "members"):  # a lone array, or zarr of version 2
        if hasattr(root, "shape"):
            return {"": HeldArray(tuple(root.shape), "", True)}
        members: dict[str, Any] = {}
        root.visititems(lambda name, item: members.update({name: item}))
    else:
        members = dict(root.members(max_depth=None))
    lower: set[str] = set()
    for name, group in [("", root), *members.items()]:
        if not hasattr(group, "shape"):
            lower.update(f"{name}/{level}".lstrip("/") for level in levels(dict(group.attrs))[1:])
    return {
        name: HeldArray(tuple(item.shape), name, _is_image(item.shape, item.dtype))
        for name, item in sorted(members.items())
        if hasattr(item, "shape") and name not in lower
    }


def pick_dataset(
    path: Path,
    dataset: str | None,
    usual: tuple[str, ...] = IMAGE_DATASETS,
    *,
    leave_out: Sequence[str] = (),
    option: str = "dataset",
) -> str:
    """Return the dataset to read: the asked one, else the usual name that is there, else the only one there is.

    Args:
        path: HDF5 file or Zarr store.
        dataset: name, also of a group that holds an image pyramid.
        usual: names to look for.
        leave_out: names that are something else, such as the label's.
        option: the argument that decides, for the error.

    Raises:
        ValueError: if that leaves none, or several arrays have usual names; the message lists what the file holds.
    """
    held = held_arrays(path)
    there = ", ".join(f"{name or '(root)'} {array.shape}" for name, array in sorted(held.items())) or "nothing"
    if dataset is not None:
        asked = dataset.strip("/")
        chosen = asked if asked in held else _inside(path, asked)
        if chosen is not None:
            return chosen
        raise ValueError(f"`{option}` needs a dataset of {path}, got {dataset!r}. It holds: {there}.")
    others = {held[name].identity for name in leave_out if name in held}
    kept = {name: array for name, array in held.items() if array.identity not in others}
    named = _distinct({name: kept[name] for name in usual if name in kept})
    if len(named) > 1:
        raise ValueError(f"`{option}` needs a name, since {path} holds several: {', '.join(named)}.")
    if named:
        return named[0]
    rest = _distinct({name: array for name, array in kept.items() if array.image_like}) or _distinct(kept)
    if len(rest) > 1:  # OME-Zarr has its labels in a group of their own
        rest = [name for name in rest if "labels" not in name.split("/")[:-1]] or rest
    if len(rest) == 1:
        return rest[0]
    raise ValueError(
        f"`{option}` needs a name, since {path} holds none of {', '.join(usual)}. It holds: {there or 'nothing'}."
    )


def _distinct(arrays: Mapping[str, HeldArray]) -> list[str]:
    """Names of different arrays: of the names of one, the first."""
    found: dict[object, str] = {}
    for name, array in arrays.items():
        found.setdefault(array.identity, name)
    return list(found.values())


def _inside(path: Path, name: str) -> str | None:
    """The array that a name leads to, though it is not listed: a level of a pyramid, or the pyramid's group."""
    with naming_source(EMSource(path)):
        if not path.is_dir():
            with require_em("h5py").File(path, "r") as file:
                try:
                    return name if hasattr(file[name], "shape") else None
                except (KeyError, OSError, ValueError):  # not there, or a link that leads nowhere
                    return None
        root = require_em("zarr").open(str(path), mode="r")
        try:
            item = root[name] if name else root
        except (KeyError, IndexError, TypeError, ValueError):
            return None
        if hasattr(item, "shape"):
            return name
        inner = levels(dict(item.attrs))
        return f"{name}/{inner[0]}".strip("/") if inner else None


def _array_stack(source: EMSource, array: Any, geometry: EMGeometry) -> EMStack:
    """Stack over an HDF5 or Zarr array; leading axes of length 1 are dropped."""
    shape = tuple(int(n) for n in array.shape)
    extra = len(shape) - 3
    if len(shape) < 2 or any(n != 1 for n in shape[: max(extra, 0)]):
        raise ValueError(f"`dataset` needs 2 or 3 spatial axes, got shape {shape} in {source}.")
    lead = (0,) * max(extra, 0)
    kept = shape[max(extra, 0) :]
    stored = getattr(array, "shards", None) or array.chunks
    return EMStack(
        source,
        kept,
        np.dtype(array.dtype),
        geometry.last(len(kept)),
        (lambda _: array[...]) if len(kept) == 2 else (lambda part: array[(*lead, part)]),
        None if stored is None else tuple(int(n) for n in stored[max(extra, 0) :]),
        lambda box: array[(*lead, *box)],
    )


def _stated_geometry(attributes: Mapping[str, Any], source: EMSource) -> EMGeometry:
    """Spacing and offset from attributes, in nm unless ``units`` says otherwise (one, or one for each axis)."""
    spacing = next((attributes[k] for k in ("resolution", "voxel_size") if k in attributes), None)
    offset = attributes.get("offset")
    if spacing is None and "element_size_um" in attributes:
        spacing = [1000.0 * float(s) for s in attributes["element_size_um"]]
    elif spacing is not None and np.ndim(spacing) == 1 and "units" in attributes:
        units = attributes["units"]
        units = [units] * len(spacing) if isinstance(units, (str, bytes)) else list(units)
        known = [nanometres(u.decode() if isinstance(u, bytes) else u, source) for u in units]
        if len(known) == len(spacing) and all(scale is not None for scale in known):
            spacing = [float(s) * float(scale or 1) for s, scale in zip(spacing, known, strict=True)]
            if offset is not None and len(offset) == len(known):
                offset = [float(s) * float(scale or 1) for s, scale in zip(offset, known, strict=True)]
    return EMGeometry.of(spacing, offset, source)


@contextmanager
def open_hdf5(source: EMSource) -> Iterator[EMStack]:
    """Open a dataset of an HDF5 file."""
    name = pick_dataset(source.path, source.dataset)
    with naming_source(source):
        file = require_em("h5py").File(source.path, "r")
    with file:
        with naming_source(source):
            array = file[name]  # maybe of another file, to which a link leads
            stated = _stated_geometry({**file.attrs, **array.file.attrs, **array.attrs}, source)
            stack = _array_stack(source, array, stated)
        absent = None if array.chunks is None else lambda box: absent_hdf5_chunks(array, box)
        yield replace(stack, absent_chunks=absent)


@contextmanager
def open_zarr(source: EMSource) -> Iterator[EMStack]:
    """Open an array of a Zarr store. A chunk that is cut short is an error, whichever compressor wrote it."""
    name = pick_dataset(source.path, source.dataset)
    with naming_source(source):
        root = require_em("zarr").open(str(source.path), mode="r")
        array = root[name] if name else root
        stated = _stated_geometry({**dict(root.attrs), **dict(array.attrs)}, source)
        stack = _array_stack(source, array, stated.override(_pyramid_geometry(root, name, source)))
        files = ChunkFiles.open(source.path / array.path)
        fetch, fetch_box = stack.fetch, stack.fetch_box

    def checked(part: slice) -> AnyArray:
        files.check_lengths((part, slice(None), slice(None)))
        return fetch(part)

    def decoded(box: tuple[slice, ...]) -> AnyArray:
        if files.dtype is not None:
            return files.read(files.whole_box(box), array.fill_value if array.fill_value is not None else 0)
        files.check_lengths(box)
        assert fetch_box is not None
        return fetch_box(box)

    yield replace(stack, fetch=checked, fetch_box=decoded, absent_chunks=files.absent)


def _pyramid_geometry(root: Any, name: str, source: EMSource) -> EMGeometry:
    """Geometry from the image pyramid that an array belongs to, if any."""
    parent, _, level = name.rpartition("/")
    if not name:
        return EMGeometry()
    group = root[parent] if parent else root
    return multiscale_geometry(dict(group.attrs), level, source)
