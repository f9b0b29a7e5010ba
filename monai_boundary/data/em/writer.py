# SPDX-License-Identifier: Apache-2.0
"""Segmentations and probabilities to TIF, NIfTI and HDF5 with their source's geometry; never a half-written file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice, check_spacing
from monai_boundary.data.em.arrays import HDF5_SUFFIXES, is_zarr
from monai_boundary.data.em.pairing import IMAGE_WORDS
from monai_boundary.data.em.source import EMSource, require_em
from monai_boundary.data.em.tif import TIF_SUFFIXES
from monai_boundary.data.output_files import atomic_output, check_output_folder, unique_output_names

__all__ = ["SaveEMSegmentationd", "em_output_names", "write_em_hdf5", "write_em_segmentation"]

LABEL_DATASET = "volumes/labels/neuron_ids"
PROBABILITY_DATASET = "volumes/predictions/membrane"
_UNSIGNED = (np.uint16, np.uint32, np.uint64)


def write_em_segmentation(
    path: str | Path,
    array: AnyArray | torch.Tensor,
    *,
    spacing: Sequence[float] | float | None,
    offset: Sequence[float] | None = None,
    dataset: str | None = None,
    dtype: Any = None,
    overwrite: bool = False,
) -> Path:
    """Write instance ids or probabilities; the suffix chooses the format. The file appears whole or not at all.

    - ``.h5``, ``.hdf``, ``.hdf5``: CREMI's layout: ids in ``volumes/labels/neuron_ids``, floats in
      ``volumes/predictions/membrane``, each with attributes ``resolution`` and ``offset`` (nm, in array order), gzip.
    - ``.tif``, ``.tiff``: a page per section. uint8, uint16 and float32 as ImageJ writes them (spacing and unit "nm",
      so Fiji shows the scale); uint32 and uint64 with zlib, resolution tags and ``spacing_nm`` and ``offset_nm`` in the
      description.
    - ``.nii``, ``.nii.gz``: axes reversed to x, y, z, as NIfTI orders them; affine diagonal, in *micrometres*, and said
      so by ``xyzt_units`` (nanometres would leave float32 headers and viewers with six-figure millimetres).

    :class:`~monai_boundary.data.EMReader` reads all three back to the same values, axes and geometry.

    Args:
        path: where to write; missing folders are made.
        array: (z, y, x) or (y, x). Integers >= 0 are stored as the first of uint16, uint32, uint64 that fits;
            booleans as uint8; floats as float32.
        spacing: nanometres per voxel in array order, or ``None`` to state nothing.
        offset: position of the first voxel in nm, 0 by default.
        dataset: name in the HDF5 file instead of the usual one.
        dtype: type in the file instead of the chosen one.
        overwrite: whether a file that is there may be replaced.

    Returns:
        The path.

    Raises:
        ValueError: if the shape, the suffix, the geometry or a negative id cannot be written, or the file exists.
        OSError: if writing fails, as on a full disk; the message names the file.

    Example:
        >>> import tempfile
        >>> ids = np.array([[0, 70000], [1, 1]])
        >>> write_em_segmentation(Path(tempfile.mkdtemp()) / "ids.tif", ids, spacing=(4, 4)).name
        'ids.tif'
    """
    path = Path(path)
    values = _for_file(array, dtype)
    spacing = None if spacing is None else check_spacing(spacing, values.ndim, unit="nm")
    shift = _offset(offset, values.ndim)
    name = path.name.lower()
    if name.endswith(HDF5_SUFFIXES):
        chosen = dataset or (PROBABILITY_DATASET if values.dtype.kind == "f" else LABEL_DATASET)
        return write_em_hdf5(path, {chosen: values}, spacing=spacing, offset=shift, overwrite=overwrite)
    if name.endswith((*TIF_SUFFIXES, ".nii", ".nii.gz")):
        write = _write_tif if name.endswith(TIF_SUFFIXES) else _write_nifti
        with atomic_output(path, overwrite) as file:
            write(file, values, spacing, shift)
        return path
    raise ValueError(f"`path` needs a suffix of .h5 .hdf .hdf5 .tif .tiff .nii .nii.gz, got {str(path)!r}.")


def write_em_hdf5(
    path: str | Path,
    arrays: Mapping[str, AnyArray],
    *,
    spacing: Sequence[float] | None,
    offset: Sequence[float] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write arrays as they are into one HDF5 file, such as ``{"volumes/raw": ..., "volumes/labels/neuron_ids": ...}``.

    Args:
        path: where to write.
        arrays: dataset name to array.
        spacing: attribute ``resolution`` of each, nm; ``None`` leaves both attributes out.
        offset: attribute ``offset`` of each, nm.
        overwrite: whether a file that is there may be replaced.

    Returns:
        The path.

    Raises:
        ValueError: if the file exists, or ``spacing`` or ``offset`` does not fit.
        OSError: if writing fails, as on a full disk; the message names the file.
    """
    h5py = require_em("h5py")
    with atomic_output(path, overwrite) as file:
        # Made in memory: where the disk is full, the HDF5 library ends the process on closing a file.
        with h5py.File(file.name, "w", driver="core", backing_store=False) as store:
            for name, values in arrays.items():
                chunks = tuple(min(n, c) for n, c in zip(values.shape, (16, 128, 128)[-values.ndim :], strict=True))
                made = store.create_dataset(name, data=values, chunks=chunks, compression="gzip", compression_opts=3)
                if spacing is not None:
                    made.attrs["resolution"] = check_spacing(spacing, values.ndim, unit="nm")
                    made.attrs["offset"] = _offset(offset, values.ndim)
            store.flush()
            content = store.id.get_file_image()
        file.write_bytes(content)
    return Path(path)


class SaveEMSegmentationd(MapTransform):
    """Write tensors of an item to files, with the spacing and offset of their affine. The data pass through unchanged.

    The file is ``output_dir/<name>_<postfix><extension>``. The name is the item's ``output_name`` where it has one;
    else it is made of the tensor's ``filename_or_obj``: ``<source>[_s<section>]``, with folders before it when another
    source already has that name. The path is added to the dictionary as ``<key>_saved``.

    Args:
        keys: tensors of shape (1, z, y, x) or (1, y, x), with the metadata of :class:`~monai_boundary.data.EMReader`.
        output_dir: where to write; it is made, and checked to be writable, at once.
        postfix: end of the file's name, one for all keys or one each.
        extension: ``".h5"``, ``".tif"`` or ``".nii.gz"``.
        dtype: type in the file; by default the smallest that fits, see :func:`write_em_segmentation`.
        meta_from: key of the tensor whose metadata say name and geometry, for a prediction that has lost its own.
        overwrite: whether files that are there may be replaced.
        allow_missing_keys: skip absent keys.

    Raises:
        ValueError: if the folder cannot be written; on writing, if a file is there already, a tensor has more than one
            channel, or its affine is not a positive diagonal (a flip or rotation that was not inverted).

    Example:
        >>> import tempfile
        >>> from monai.data import MetaTensor
        >>> pred = MetaTensor(torch.ones(1, 4, 8, 8), affine=torch.diag(torch.tensor([50.0, 4, 4, 1])))
        >>> save = SaveEMSegmentationd("pred", tempfile.mkdtemp(), extension=".tif")
        >>> Path(save({"pred": pred})["pred_saved"]).name
        'em_seg.tif'
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        postfix: str | Sequence[str] = "seg",
        extension: str = ".h5",
        dtype: Any = None,
        meta_from: str | None = None,
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        check_choice("extension", extension, (".h5", ".hdf", ".hdf5", ".tif", ".tiff", ".nii", ".nii.gz"))
        postfixes = [postfix] * len(self.keys) if isinstance(postfix, str) else list(postfix)
        if len(postfixes) != len(self.keys):
            raise ValueError(f"`postfix` needs {len(self.keys)} entries, got {postfixes}.")
        self.postfixes = dict(zip(self.keys, postfixes, strict=True))
        self.output_dir = check_output_folder(output_dir)
        self.extension = extension
        self.dtype = dtype
        self.meta_from = meta_from
        self.overwrite = overwrite
        self._sources: dict[str, str] = {}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with the paths added."""
        out = dict(data)
        for key in self.key_iterator(out):
            tensor = out[key]
            if tensor.ndim not in (3, 4) or tensor.shape[0] != 1:
                raise ValueError(f"`{key}` needs shape (1, z, y, x) or (1, y, x), got {tuple(tensor.shape)}.")
            carrier = out[self.meta_from] if self.meta_from is not None else tensor
            meta = getattr(carrier, "meta", {})
            spacing, offset = _affine_geometry(getattr(carrier, "affine", None), tensor.ndim - 1)
            stated = meta.get("units", "nm") == "nm"
            name = str(out.get("output_name") or self._own_name(str(meta.get("filename_or_obj") or "")))
            written = write_em_segmentation(
                self.output_dir / f"{name}_{self.postfixes[key]}{self.extension}",
                tensor[0],
                spacing=spacing if stated else None,
                offset=offset,
                dtype=self.dtype,
                overwrite=self.overwrite,
            )
            out[f"{key}_saved"] = str(written)
        return out

    def _own_name(self, source: str) -> str:
        """Name of a source that no other one has had from this object."""
        if not source:
            return "em"
        (name,) = em_output_names([source])
        for folder in EMSource.parse(source).path.absolute().parent.parts[:0:-1]:
            if self._sources.setdefault(name, source) == source:
                break
            name = f"{folder}_{name}"
        return name


def _affine_geometry(affine: Any, ndim: int) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return spacing and offset of a diagonal affine, for the first ``ndim`` axes.

    Raises:
        ValueError: if the affine rotates, shears or flips.
    """
    if affine is None:
        return None, None
    matrix = np.asarray(torch.as_tensor(affine), dtype=np.float64)
    linear = matrix[:ndim, :ndim]
    if not np.allclose(linear, np.diag(np.diag(linear))) or (np.diag(linear) <= 0).any():
        raise ValueError(
            f"`affine` needs a positive diagonal (invert flips and rotations first), got {matrix.tolist()}."
        )
    return tuple(float(s) for s in np.diag(linear)), tuple(float(t) for t in matrix[:ndim, -1])


def em_output_names(sources: Sequence[str]) -> list[str]:
    """Name the outputs of sources, see `unique_output_names`; a section's has its number.

    A folder of pictures is named by its own name, or, when that is "image", "raw" or the like, by the folder above.

    Example:
        >>> em_output_names(["a/s.A.h5::volumes/raw", "b/t.tif@3", "b/t.tif@4:8"])
        ['s.A', 't_s0003', 't_s0004-0007']
    """
    paths, endings = [], []
    for source in sources:
        parsed = EMSource.parse(source)
        path = parsed.path
        if path.is_dir() and not is_zarr(path):
            path = path.absolute().parent if path.name.lower() in IMAGE_WORDS else path.absolute()
            path = path.with_name(f"{path.name}.folder")  # a dot in a folder's name starts no format
        ending = "" if parsed.start is None else f"_s{parsed.start:04d}"
        paths.append(path)
        endings.append(ending + ("" if parsed.stop is None else f"-{parsed.stop - 1:04d}"))
    return unique_output_names(paths, endings)


def _offset(offset: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    values = (0.0,) * ndim if offset is None else tuple(float(v) for v in offset)
    if len(values) != ndim or not np.isfinite(values).all():
        raise ValueError(f"`offset` needs {ndim} finite entries (nm per axis), got {values}.")
    return values


def _for_file(array: AnyArray | torch.Tensor, dtype: Any) -> AnyArray:
    """Return the array in the type that goes to disk."""
    values = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    if values.ndim not in (2, 3) or not values.size:
        raise ValueError(f"`array` needs shape (z, y, x) or (y, x), got {tuple(values.shape)}.")
    if dtype is not None:
        return np.ascontiguousarray(values.astype(dtype))
    if values.dtype.kind == "b":
        return np.ascontiguousarray(values.astype(np.uint8))
    if values.dtype.kind == "f":
        return np.ascontiguousarray(values.astype(np.float32))
    low, high = int(values.min()), int(values.max())
    if low < 0:
        raise ValueError(f"`array` needs ids >= 0, got {low}.")
    fitting = next(kind for kind in _UNSIGNED if high <= np.iinfo(kind).max)
    return np.ascontiguousarray(values.astype(fitting))


def _write_tif(file: Path, values: AnyArray, spacing: tuple[float, ...] | None, offset: tuple[float, ...]) -> None:
    tifffile = require_em("tifffile")
    stated: dict[str, Any] = {} if spacing is None else {"spacing_nm": list(spacing), "offset_nm": list(offset)}
    common: dict[str, Any] = {"photometric": "minisblack"}
    axes = "ZYX"[-values.ndim :]
    if values.dtype.name in ("uint8", "uint16", "float32"):
        if spacing is not None:
            common["resolution"] = (1 / spacing[-1], 1 / spacing[-2])
        depth = {} if spacing is None else {"spacing": spacing[0] if values.ndim == 3 else 1.0, "unit": "nm"}
        described = {"axes": axes, **depth, **({"Info": json.dumps(stated)} if stated else {})}
        tifffile.imwrite(file, values, imagej=True, metadata=described, **common)
        return
    if spacing is not None:
        common |= {"resolution": (1e7 / spacing[-1], 1e7 / spacing[-2]), "resolutionunit": "CENTIMETER"}
    big = values.nbytes > 2**31
    tifffile.imwrite(file, values, compression="zlib", bigtiff=big, metadata={"axes": axes, **stated}, **common)


def _write_nifti(file: Path, values: AnyArray, spacing: tuple[float, ...] | None, offset: tuple[float, ...]) -> None:
    import nibabel

    affine = np.eye(4)
    for axis, (size, shift) in enumerate(zip((spacing or (1.0,) * values.ndim)[::-1], offset[::-1], strict=True)):
        affine[axis, axis], affine[axis, 3] = (size, shift) if spacing is None else (size / 1000, shift / 1000)
    image = nibabel.Nifti1Image(values.T, affine, dtype=values.dtype)
    image.header.set_xyzt_units("unknown" if spacing is None else "micron")
    content = image.to_bytes()  # nibabel would leave the file open where the disk is full
    file.write_bytes(gzip.compress(content, 3) if file.suffix == ".gz" else content)
