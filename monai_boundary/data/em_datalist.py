# SPDX-License-Identifier: Apache-2.0
"""From an EM data set on disk to a MONAI datalist: folders of sections, TIF stacks, HDF5 files, Zarr stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice
from monai_boundary.data.em_pairing import IMAGE_WORDS, LABEL_WORDS, pair_by_name, stem, words
from monai_boundary.data.em_source import EMGeometry, EMSource, natural_key
from monai_boundary.data.em_stack import (
    HDF5_SUFFIXES,
    PICTURE_SUFFIXES,
    TIF_SUFFIXES,
    is_zarr,
    list_datasets,
    list_pictures,
    open_em_stack,
    pick_dataset,
)

__all__ = ["detect_label_kind", "em_datalist"]

LABEL_DATASETS = ("volumes/labels/neuron_ids", "volumes/labels/membrane", "labels/neuron_ids", "neuron_ids")
LABEL_DATASETS_PLAIN = ("labels", "label", "gt", "seg", "membrane")
LAYOUTS = ("auto", "folders", "tif", "hdf5", "zarr")


@dataclass(frozen=True)
class _Volume:
    """One stack: either whole sources, or a picture per section."""

    name: str
    image: EMSource
    label: EMSource | None = None
    image_files: tuple[Path, ...] = ()
    label_files: tuple[Path, ...] = ()


def em_datalist(
    dataset_dir: str | Path,
    *,
    mode: str = "sections",
    layout: str = "auto",
    image_dataset: str | None = None,
    label_dataset: str | None = None,
    label_kind: str = "auto",
    spacing: Sequence[float] | None = None,
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return the items of a data set, for ``LoadImaged(keys, reader=EMReader)``.

    Recognised, in this order (``layout="auto"``):

    - ``folders``: ``image/`` and ``label/`` (or images, raw, img / labels, masks, membrane, gt, ...) with one PNG or
      TIF per section, matched by name without such words (``image_007.png`` and ``label_007.png``, ``00.png`` and
      ``00.png``), in natural order; also one such pair in each sub-folder, and pictures alone when no label is
      required.
    - ``zarr``: stores, or folders of stores, with ``volumes/raw`` and ``volumes/labels/neuron_ids``.
    - ``hdf5``: files in CREMI's layout, or a pair of files (``x-image.h5``, ``x-gt.h5``).
    - ``tif``: pairs such as ``train-volume.tif`` and ``train-labels.tif``.

    ``dataset_dir`` may also be one file or one store. Image files without a label are left out when others have one and
    their name starts with "test".

    Args:
        dataset_dir: folder, file or store.
        mode: ``"sections"`` gives an item per section (2-D), ``"volume"`` an item per stack (3-D).
        layout: ``"auto"``, ``"folders"``, ``"tif"``, ``"hdf5"`` or ``"zarr"``.
        image_dataset: name of the image in HDF5 and Zarr.
        label_dataset: name of the label in HDF5 and Zarr.
        label_kind: ``"membrane"``, ``"instances"``, or ``"auto"`` to look at the middle section
            (:func:`detect_label_kind`).
        spacing: nanometres per voxel (z, y, x), instead of what the files state. Give :class:`EMReader` the same.
        require_labels: whether an item without a label is an error.

    Returns:
        A list of dictionaries in order: ``image``, ``label`` and, for instance ids, ``label_instances`` (the same
        source as ``label``) as source strings; ``volume`` (name), ``section`` (number in the file's name, or index; -1
        for a stack), ``label_kind``, ``spacing`` in nm in the item's axes (1 where unknown), and for a stack
        ``sections`` ([first, last + 1]).

    Raises:
        ValueError: if nothing is recognised, names do not match (those are listed), shapes of image and label differ,
            or a file cannot be read.

    Example:
        >>> import tempfile
        >>> from monai_boundary.data import write_em_phantom
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_em_phantom(folder, shape=(3, 32, 32))
        >>> items = em_datalist(folder)
        >>> len(items), items[0]["section"], items[0]["label_kind"], items[0]["spacing"]
        (3, 0, 'instances', [4.0, 4.0])
    """
    check_choice("mode", mode, ("sections", "volume"))
    check_choice("layout", layout, LAYOUTS)
    check_choice("label_kind", label_kind, ("auto", "membrane", "instances"))
    root = Path(dataset_dir).expanduser()
    if not root.exists():
        raise ValueError(f"`dataset_dir` needs an existing folder or file, got {str(dataset_dir)!r}.")
    volumes = _find_volumes(root, layout, image_dataset, label_dataset)
    volumes = _labelled(volumes, require_labels)
    items: list[dict[str, Any]] = []
    for volume in volumes:
        items += _items(volume, mode, label_kind, spacing)
    return items


def detect_label_kind(label: AnyArray) -> str:
    """Tell ``"membrane"`` (a mask, maybe with grey seams) from ``"instances"`` (ids), by the values alone.

    A mask is boolean, or holds one or two different values, or holds grey values of which at least 80 % of the voxels
    sit at the smallest or the largest one.

    Example:
        >>> detect_label_kind(np.array([[0, 255], [0, 0]])), detect_label_kind(np.array([[0, 1], [2, 3]]))
        ('membrane', 'instances')
    """
    values, counts = np.unique(label, return_counts=True)
    if len(values) <= 2 or label.dtype.kind == "f":
        return "membrane"
    ends = counts[0] + counts[-1]
    return "membrane" if values[-1] <= 255 and ends >= 0.8 * label.size else "instances"


def _find_volumes(root: Path, layout: str, image: str | None, label: str | None) -> list[_Volume]:
    finders: dict[str, Callable[[], list[_Volume]]] = {
        "folders": lambda: _from_folders(root),
        "zarr": lambda: _from_arrays([root] if is_zarr(root) else _below(root, is_zarr), image, label),
        "hdf5": lambda: _from_arrays(_below(root, lambda p: p.suffix.lower() in HDF5_SUFFIXES), image, label),
        "tif": lambda: _from_tif(_below(root, lambda p: p.suffix.lower() in TIF_SUFFIXES)),
    }
    for name, find in finders.items():
        if layout in ("auto", name):
            found = find()
            if found:
                return found
    held = [p.name + "/" * p.is_dir() for p in root.iterdir()] if root.is_dir() else []
    there = ", ".join(sorted(held, key=natural_key)[:20])
    raise ValueError(
        f"`dataset_dir` needs image/ and label/ folders of PNG or TIF sections, a pair of TIF stacks, HDF5 files or "
        f"Zarr stores (layout={layout!r}), got {root} with: {there or 'nothing'}."
    )


def _below(root: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """Return ``root`` itself when it is wanted, else what is wanted in it."""
    if root.is_file():
        return [root] if wanted(root) else []
    return sorted(
        (p for p in root.iterdir() if not p.name.startswith(".") and wanted(p)), key=lambda p: natural_key(p.name)
    )


def _from_folders(root: Path) -> list[_Volume]:
    if root.is_file():
        if root.suffix.lower() not in PICTURE_SUFFIXES or root.suffix.lower() in TIF_SUFFIXES:
            return []
        return [_Volume(root.stem, EMSource(root), image_files=(root,))]
    here = _folder_pair(root)
    if here:
        return here
    inner = [volume for p in _below(root, _is_plain_folder) for volume in _folder_pair(p)]
    if inner:
        return inner
    files = list_pictures(root)
    if files and not any(f.suffix.lower() in TIF_SUFFIXES for f in files):
        return [_Volume(root.name, EMSource(root), image_files=tuple(files))]
    return []


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not is_zarr(path)


def _folder_pair(root: Path) -> list[_Volume]:
    """Volumes of one pair of folders: one of all its sections, or one per stack when the files are stacks."""
    folders = {p.name.lower(): p for p in _below(root, _is_plain_folder)}
    image = next((folders[w] for w in IMAGE_WORDS if w in folders and list_pictures(folders[w])), None)
    if image is None:
        return []
    label = next((folders[w] for w in LABEL_WORDS if w in folders and list_pictures(folders[w])), None)
    pairs = pair_by_name(list_pictures(image), list_pictures(label) if label else [])
    with open_em_stack(EMSource(pairs[0][0])) as first:
        stacks = len(first.shape) == 3
    if stacks:
        return [_Volume(stem(a), EMSource(a), EMSource(b) if b else None) for a, b in pairs]
    images = tuple(a for a, _ in pairs)
    labels = tuple(b for _, b in pairs if b is not None)
    return [_Volume(root.name, EMSource(image), EMSource(label) if label else None, images, labels)]


def _from_tif(files: Sequence[Path]) -> list[_Volume]:
    labels = [f for f in files if words(stem(f))[1] == "label"]
    pairs = pair_by_name([f for f in files if f not in labels], labels)
    return [_Volume(stem(a), EMSource(a), EMSource(b) if b else None) for a, b in pairs]


def _from_arrays(paths: Sequence[Path], image: str | None, label: str | None) -> list[_Volume]:
    """Volumes of HDF5 files or Zarr stores: image and label in one, or in two that are paired by name."""
    whole: list[_Volume] = []
    images: list[Path] = []
    labels: list[Path] = []
    for path in paths:
        held = list_datasets(path)
        inner = (
            label if label in held else next((n for n in (*LABEL_DATASETS, *LABEL_DATASETS_PLAIN) if n in held), None)
        )
        if inner is not None and len(held) > 1:
            if label is not None and label != inner:
                pick_dataset(path, label)
            chosen = pick_dataset(path, image)
            whole.append(_Volume(stem(path), EMSource(path, chosen or None), EMSource(path, inner)))
        elif words(stem(path))[1] == "label":
            labels.append(path)
        else:
            images.append(path)
    for picture, truth in pair_by_name(images, labels):
        if truth is None and label is not None:
            pick_dataset(picture, label)
        source = EMSource(picture, pick_dataset(picture, image) or None)
        usual = (*LABEL_DATASETS, *LABEL_DATASETS_PLAIN, "stack")
        partner = EMSource(truth, pick_dataset(truth, label, usual) or None) if truth else None
        whole.append(_Volume(stem(picture), source, partner))
    return sorted(whole, key=lambda v: natural_key(v.name))


def _labelled(volumes: Sequence[_Volume], require: bool) -> list[_Volume]:
    bare = [v for v in volumes if v.label is None]
    kept = [v for v in volumes if v.label is not None]
    if not require:
        return list(volumes)
    wrong = [v for v in bare if not kept or not v.name.lower().startswith("test")]
    if wrong:
        names = ", ".join(str(v.image) for v in wrong[:5])
        raise ValueError(
            f"`dataset_dir` needs a label for every image (or require_labels=False), got none for: {names}."
        )
    return kept


def _items(volume: _Volume, mode: str, kind: str, spacing: Sequence[float] | None) -> list[dict[str, Any]]:
    with open_em_stack(volume.image) as stack:
        depth = stack.shape[0] if len(stack.shape) == 3 else 1
        flat = len(stack.shape) == 2
        stated = stack.geometry.last(3).override(EMGeometry.of(spacing, None, "`spacing`").last(3))
    if mode == "volume" and flat:
        raise ValueError(f"`mode` 'volume' needs a stack of sections, got one section: {volume.image}.")
    _check_shapes(volume, mode)
    kind = _kind_of(volume, depth, flat) if kind == "auto" else kind
    size = list(stated.spacing or (1.0, 1.0, 1.0))
    if mode == "volume":
        whole = {"section": -1, "sections": [0, depth], "spacing": size}
        return [{**_item(volume, volume.image, volume.label, kind), **whole}]
    pairs: list[tuple[object, object]]
    numbers = list(range(depth))
    if volume.image_files:
        numbers = _numbers(volume.image_files)
        pairs = list(zip(volume.image_files, volume.label_files or (None,) * len(numbers), strict=True))
    elif flat:
        pairs = [(volume.image, volume.label)]
    else:
        pairs = [(volume.image.section(k), volume.label.section(k) if volume.label else None) for k in range(depth)]
    return [
        {**_item(volume, image, label, kind), "section": number, "spacing": size[1:]}
        for number, (image, label) in zip(numbers, pairs, strict=True)
    ]


def _item(volume: _Volume, image: object, label: object, kind: str) -> dict[str, Any]:
    found = {"image": str(image), "volume": volume.name}
    if label is not None:
        found |= {"label": str(label), "label_kind": kind}
        if kind == "instances":
            found["label_instances"] = str(label)
    return found


def _numbers(files: Sequence[Path]) -> list[int]:
    """Section numbers: the last number in each name when these ascend, else the positions."""
    found = [re.findall(r"\d+", stem(file)) for file in files]
    numbers = [int(f[-1]) for f in found if f]
    ascending = len(numbers) == len(files) and all(a < b for a, b in pairwise(numbers))
    return numbers if ascending else list(range(len(files)))


def _check_shapes(volume: _Volume, mode: str) -> None:
    """Compare the headers of image and label; a folder read as one stack must be in the order of the pairs.

    Raises:
        ValueError: if the shapes differ; both files are named.
    """
    if volume.label is None:
        return
    pairs: list[tuple[EMSource, EMSource]] = [(volume.image, volume.label)]
    if volume.label_files:
        if mode == "volume":
            for folder, files in ((volume.image, volume.image_files), (volume.label, volume.label_files)):
                if list_pictures(folder.path) != list(files):
                    raise ValueError(f"`mode` 'volume' needs {folder} to hold the matched sections alone, in order.")
        pairs = [(EMSource(a), EMSource(b)) for a, b in zip(volume.image_files, volume.label_files, strict=True)]
    for image, label in pairs:
        with open_em_stack(image) as first, open_em_stack(label) as second:
            if first.shape != second.shape:
                raise ValueError(
                    f"`label` needs the shape of `image`, {first.shape}, got {second.shape}: {label} and {image}."
                )


def _kind_of(volume: _Volume, depth: int, flat: bool) -> str:
    """Kind of the label: by the dataset's name when it says ids, else by the middle section."""
    if volume.label is None:
        return "membrane"
    if (volume.label.dataset or "").lower().endswith(("ids", "instances")):
        return "instances"
    label = volume.label if flat else replace(volume.label, start=depth // 2)
    with open_em_stack(label) as stack:
        return detect_label_kind(stack.read())
