# SPDX-License-Identifier: Apache-2.0
"""A MONAI image reader for electron microscopy: array order kept, spacing in nanometres, ids that torch can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_spacing
from monai_boundary.data.em.arrays import HDF5_SUFFIXES
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.nifti import NIFTI_SUFFIXES
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.picture import PICTURE_SUFFIXES
from monai_boundary.data.em.source import EMSource
from monai_boundary.ops.label_values import whole_label

__all__ = ["EMReader", "compact_ids"]

FLOAT32_EXACT = 2**24
"""Integers up to here survive the float32 that ``LoadImaged`` makes by default."""


class EMReader(ImageReader):
    """Read PNG and TIF sections, TIF stacks, folders of sections, HDF5 and Zarr, for ``LoadImage`` and ``LoadImaged``.

    A source is ``path[::dataset][@section]``, such as ``sample_A.hdf::volumes/raw@12``; see
    :class:`~monai_boundary.data.EMSource`. Only the asked sections are read. Nothing is transposed: axes are
    (z, y, x) or (y, x). A list of sources of one item is stacked as channels, as MONAI's readers do.

    The metadata hold ``affine`` (diagonal of the spacing, translation of the offset, both in nm and in array order; 3 x
    3 for one section), ``spacing``, ``offset``, ``units`` (``"nm"``, or ``"voxel"`` with spacing 1 where nothing states
    a spacing), ``section`` (index in its stack, or -1 for more than one section), ``dataset`` and ``spatial_shape``.

    Integers wider than 16 bits whose largest value is above ``max_id`` are renumbered by :func:`compact_ids`, to int32:
    torch has no operations for uint64, and the float32 of ``LoadImaged``'s default would merge large ids. Load labels
    by a ``LoadImaged`` of their own with ``dtype=np.int32`` to keep them integer (it takes one type for all its keys).
    Renumbering is per read: two sections of one volume, read one by one, then no longer agree on the ids.

    Args:
        spacing: nanometres per voxel in array order, instead of what the file states. Three entries also serve
            sections, which take the last two.
        dataset: dataset of HDF5 and Zarr sources that name none. By default one of ``volumes/raw``, ``raw``, ``image``,
            ``stack``, ``main``, ``data``, or the only one.
        max_id: largest id that is kept as it is.
        labels: whether labels are read: floats are then rounded to the integers that they are but for 1e-3, and
            anything else is an error.

    Raises:
        ValueError: (on reading) if a file is missing, damaged or truncated, or lacks the dataset; the message names the
            file.

    Example:
        >>> import tempfile, pathlib
        >>> from monai.transforms import LoadImage
        >>> from monai_boundary.data import write_em_segmentation
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ids.h5"
        >>> _ = write_em_segmentation(path, np.ones((3, 8, 8), np.uint64), spacing=(50, 4, 4))
        >>> ids = LoadImage(reader=EMReader)(f"{path}::volumes/labels/neuron_ids@1")
        >>> tuple(ids.shape), ids.meta["spacing"], ids.meta["section"]
        ((8, 8), [4.0, 4.0], 1)
    """

    def __init__(
        self,
        spacing: Sequence[float] | float | None = None,
        dataset: str | None = None,
        max_id: int = FLOAT32_EXACT,
        labels: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(spacing, (int, float)):
            spacing = (float(spacing),) * 3
        self.spacing = None if spacing is None else check_spacing(spacing, len(spacing), unit="nm")
        if self.spacing is not None and len(self.spacing) not in (2, 3):
            raise ValueError(f"`spacing` needs 2 or 3 entries (nm per axis), got {self.spacing}.")
        if not 0 < max_id < 2**31:
            raise ValueError(f"`max_id` needs an integer in 1..2**31 - 1, got {max_id!r}.")
        self.dataset = dataset
        self.max_id = max_id
        self.labels = labels

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether every source is of a kind that this reader knows."""
        names = [filename] if isinstance(filename, (str, Path)) else list(filename)  # type: ignore[arg-type]
        paths = [EMSource.parse(str(name)).path for name in names]
        known = (*PICTURE_SUFFIXES, *HDF5_SUFFIXES, *NIFTI_SUFFIXES, ".zarr")
        return all(path.name.lower().endswith(known) or path.is_dir() for path in paths)

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> list[EMSource]:
        """Return the parsed sources. :meth:`get_data` opens the files: ``LoadImage`` swallows what ``read`` raises."""
        names = [data] if isinstance(data, (str, Path)) else list(data)  # type: ignore[arg-type]
        sources = [EMSource.parse(str(name)) for name in names]
        return [
            EMSource(s.path, s.dataset or (self.dataset if _holds_datasets(s.path) else None), s.start, s.stop)
            for s in sources
        ]

    def get_data(self, img: Sequence[EMSource]) -> tuple[AnyArray, dict[str, Any]]:
        """Return the array of the sources and the metadata of the first."""
        arrays, metas = zip(*(self._load(source) for source in img), strict=True)
        first: dict[str, Any] = metas[0]
        for source, array, meta in zip(img, arrays, metas, strict=True):
            if array.shape != arrays[0].shape or not np.allclose(meta["affine"], first["affine"]):
                raise ValueError(
                    f"`source` needs channels of one shape and geometry, got {arrays[0].shape} in {img[0]} "
                    f"and {array.shape} in {source}, spacing {first['spacing']} and {meta['spacing']}."
                )
        if len(arrays) == 1:
            return arrays[0], first
        return np.stack(arrays), {**first, "original_channel_dim": 0}

    def _load(self, source: EMSource) -> tuple[AnyArray, dict[str, Any]]:
        with open_em_stack(source) as stack:
            values = stack.read()
            asked = EMGeometry(self.spacing).last(3)
            geometry = replace(stack, geometry=stack.geometry.last(3).override(asked)).read_geometry
        ndim = values.ndim
        if self.spacing is not None and len(self.spacing) < ndim:
            raise ValueError(f"`spacing` needs {ndim} entries (nm per axis) for {source}, got {self.spacing}.")
        known = geometry.spacing is not None
        spacing, offset = geometry.spacing or (1.0,) * ndim, geometry.offset or (0.0,) * ndim
        affine = np.diag([*spacing, 1.0])
        affine[:-1, -1] = offset
        meta: dict[str, Any] = {
            "affine": affine,
            "original_affine": affine.copy(),
            "spacing": list(spacing),
            "offset": list(offset),
            "units": "nm" if known else "voxel",
            "section": source.start if ndim == 2 and source.start is not None else -1,
            "dataset": source.dataset or "",
            "spatial_shape": np.array(values.shape),
            "original_channel_dim": float("nan"),
        }
        return self._for_torch(_as_label(values, source) if self.labels else values), meta

    def _for_torch(self, values: AnyArray) -> AnyArray:
        """Return the values in a type that torch computes with; ids above ``max_id`` are renumbered."""
        if values.dtype.kind == "f":
            return values.astype(np.float32 if values.dtype.itemsize < 8 else np.float64)
        if values.dtype.kind not in "ui":
            return values.astype(np.uint8)
        if values.dtype.itemsize <= 2:
            return (
                values.astype(np.int32) if values.dtype == np.uint16 else values.astype(values.dtype.newbyteorder("="))
            )
        if values.size and (int(values.max()) > self.max_id or int(values.min()) < -self.max_id):
            return compact_ids(values)[0]
        return values.astype(np.int32)


def _as_label(values: AnyArray, source: EMSource) -> AnyArray:
    """Integers in place of floats that are integers but for the tolerance; an error names the file."""
    try:
        return whole_label("label", values)
    except ValueError as error:
        raise ValueError(f"{error} The label is {source}.") from error


def _holds_datasets(path: Path) -> bool:
    return path.suffix.lower() in (*HDF5_SUFFIXES, ".zarr") or path.is_dir()


def compact_ids(ids: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Renumber ids to 1..K in ascending order; 0 stays 0, and so becomes the largest uint64 (CREMI's "unlabelled").

    Args:
        ids: integers of any type and shape.

    Returns:
        ``labels``, int32, of the same shape, and ``table`` of the ids' type with ``table[labels] == ids`` (0: none).

    Raises:
        TypeError: if ``ids`` is not of an integer type.

    Example:
        >>> labels, table = compact_ids(np.array([0, 2**40, 7, 2**40], dtype=np.uint64))
        >>> labels, table.tolist()
        (array([0, 2, 1, 2], dtype=int32), [0, 7, 1099511627776])
    """
    ids = np.asarray(ids)
    if ids.dtype.kind not in "ui":
        raise TypeError(f"`ids` needs an integer type, got {ids.dtype}.")
    if ids.dtype == np.uint64:
        ids = np.where(ids == np.iinfo(np.uint64).max, np.uint64(0), ids)
    found, index = np.unique(ids, return_inverse=True)
    table = np.concatenate([np.zeros(1, ids.dtype), found[found != 0]])
    place = np.zeros(len(found), dtype=np.int32)
    place[found != 0] = np.arange(1, len(table))
    return place[index].reshape(ids.shape), table
