# SPDX-License-Identifier: Apache-2.0
"""From an EM data set on disk to a MONAI datalist: folders of sections, TIF stacks, HDF5 files, Zarr stores."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_choice
from monai_boundary.data.em.array_volumes import array_volumes
from monai_boundary.data.em.arrays import HDF5_SUFFIXES, is_zarr, list_datasets
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.labels import label_meanings
from monai_boundary.data.em.layouts import (
    EMVolume,
    bids_volumes,
    entries,
    flat_volumes,
    folder_volumes,
    is_hdf5,
    is_tif,
    walk_files,
)
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.pairing import stem
from monai_boundary.data.em.picture import PICTURE_SUFFIXES, list_pictures
from monai_boundary.data.em.source import EMSource, natural_key

__all__ = ["em_datalist"]

LAYOUTS = ("auto", "folders", "bids", "tif", "hdf5", "zarr")
DATA_SUFFIXES = (
    *(*PICTURE_SUFFIXES, *HDF5_SUFFIXES, ".zarr", ".nii", ".gz", ".npy", ".npz", ".mrc", ".rec", ".map", ".nrrd"),
    *(".dm3", ".dm4", ".czi", ".gif", ".webp", ".jp2", ".zip", ".tar", ".raw", ".n5", ".ims", ".lif", ".mha", ".mhd"),
)
"""Files of data sets: those that are not taken are named in the log."""
logger = logging.getLogger(__name__)


def em_datalist(
    dataset_dir: str | Path,
    *,
    mode: str = "sections",
    layout: str = "auto",
    image_dataset: str | None = None,
    label_dataset: str | None = None,
    label_kind: str | None = "auto",
    polarity: str | None = None,
    spacing: Sequence[float] | None = None,
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return the items of a data set, for ``LoadImaged(keys, reader=EMReader)``.

    Recognised, in this order (``layout="auto"``):

    - ``folders``: ``image/`` and ``label/`` (or images, raw, img / labels, masks, membrane, gt, ...) with one PNG or
      TIF per section, matched by name without such words (``image_007.png`` and ``label_007.png``, ``00.png`` and
      ``00.png``), in natural order; also one such pair in each sub-folder, and pictures alone when no label is
      required.
    - ``bids``: ``sub-*/micr/*_SEM.png`` with ``derivatives/**/*_seg-<label>*.png``; every image is a volume.
    - ``zarr``: stores, or folders of stores, with ``volumes/raw`` and ``volumes/labels/neuron_ids``, or OME-Zarr.
    - ``hdf5``: files in CREMI's layout, or a pair of files (``x-image.h5``, ``x-gt.h5``).
    - ``tif``: pairs such as ``train-volume.tif`` and ``train-labels.tif``; TIFs of one section each are one stack.

    ``dataset_dir`` may also be one file or one store. Links are followed. Image files without a label are left out when
    others have one and their name starts with "test". What was found, and which files of data were not taken, is
    logged.

    Args:
        dataset_dir: folder, file or store.
        mode: ``"sections"`` gives an item per section (2-D), ``"volume"`` an item per stack (3-D).
        layout: ``"auto"``, ``"folders"``, ``"bids"``, ``"tif"``, ``"hdf5"`` or ``"zarr"``.
        image_dataset: name of the image in HDF5 and Zarr, or of the folder of images.
        label_dataset: name of the label in HDF5 and Zarr, of the folder of labels, or of BIDS' segmentation.
        label_kind: ``"membrane"``, ``"instances"``, or ``"auto"`` to look at up to nine sections of each stack
            (:func:`detect_label_kind`). ``None``: labels are not wanted; the items have images alone.
        polarity: of membranes, what the greater value is: ``"membrane"``, ``"cell"``, or ``"auto"``: the phase that is
            smaller and thinner in the sections looked at is the membrane, and they must agree. ``None`` does not ask.
        spacing: nanometres per voxel (z, y, x), instead of what the files state. Give :class:`EMReader` the same.
        require_labels: whether an item without a label is an error.

    Returns:
        A list of dictionaries in order: ``image``, ``label`` and, for instance ids, ``label_instances`` (the same
        source as ``label``) as source strings; ``volume`` (name), of BIDS ``subject``, ``section`` (number in the
        file's name, or index; -1 for a stack), ``label_kind``, for membranes whose polarity is asked for
        ``label_polarity``, ``spacing`` in nm in the item's axes (1 where unknown), and for a stack ``sections``
        ([first, last + 1]).

    Raises:
        ValueError: if nothing is recognised, several folders or arrays could be the images or the labels, names do not
            match (those are listed), shapes of image and label differ, what the labels mean is not clear, or a file
            cannot be read.

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
    check_choice("label_kind", label_kind, ("auto", "membrane", "instances", None))
    check_choice("polarity", polarity, ("auto", "membrane", "cell", None))
    root = Path(dataset_dir).expanduser()
    if not root.exists():
        raise ValueError(f"`dataset_dir` needs an existing folder or file, got {str(dataset_dir)!r}.")
    wanted = label_kind is not None
    volumes = _find_volumes(root, layout, image_dataset, label_dataset, wanted)
    if not wanted:
        volumes = [replace(volume, label=None, label_files=()) for volume in volumes]
    volumes = _labelled(volumes, require_labels and wanted)
    meanings = label_meanings(volumes, label_kind or "auto", polarity)
    items: list[dict[str, Any]] = []
    for volume, meaning in zip(volumes, meanings, strict=True):
        items += _items(volume, mode, meaning, spacing)
    _report(root, volumes, f"{len(items)} sections in {len(volumes)}" if mode == "sections" else str(len(items)))
    return items


def _find_volumes(root: Path, layout: str, image: str | None, label: str | None, wanted: bool) -> list[EMVolume]:
    finders: dict[str, Callable[[], list[EMVolume]]] = {
        "folders": lambda: folder_volumes(root, image, label, wanted),
        "bids": lambda: bids_volumes(root, label, wanted),
        "zarr": lambda: array_volumes([root] if is_zarr(root) else entries(root, is_zarr), image, label, wanted),
        "hdf5": lambda: array_volumes(entries(root, is_hdf5), image, label, wanted),
        "tif": lambda: flat_volumes(root, entries(root, is_tif)),
    }
    for name, find in finders.items():
        if layout in ("auto", name):
            found = [] if name not in ("zarr", layout) and is_zarr(root) else find()
            if found:
                return found
    held = [p.name + "/" * p.is_dir() for p in root.iterdir()] if root.is_dir() else []
    there = ", ".join(sorted(held, key=natural_key)[:20])
    asked = "".join(
        f", {option}={name!r}" for option, name in (("image_dataset", image), ("label_dataset", label)) if name
    )
    raise ValueError(
        f"`dataset_dir` needs image/ and label/ folders of PNG or TIF sections, a pair of TIF stacks, HDF5 files or "
        f"Zarr stores (layout={layout!r}{asked}), got {root} with: {there or 'nothing'}."
    )


def _labelled(volumes: Sequence[EMVolume], require: bool) -> list[EMVolume]:
    bare = [v for v in volumes if v.label is None]
    kept = [v for v in volumes if v.label is not None]
    if not require:
        return list(volumes)
    wrong = [v for v in bare if not kept or not v.name.lower().startswith("test")]
    if wrong:
        names = ", ".join(str(v.image) for v in wrong[:5])
        first = wrong[0].image
        held = "" if first.dataset is None else f" {first.path} holds {', '.join(list_datasets(first.path))}"
        raise ValueError(
            f"`dataset_dir` needs a label for every image (or require_labels=False), got none for: {names}."
            + (f"{held} (--label_dataset)." if held else "")
        )
    if bare:
        logger.warning(f"Left out, images without a label: {', '.join(str(v.image) for v in bare[:5])}.")
    return kept


def _items(
    volume: EMVolume, mode: str, meaning: dict[str, str], spacing: Sequence[float] | None
) -> list[dict[str, Any]]:
    with open_em_stack(volume.image) as stack:
        depth = stack.shape[0] if len(stack.shape) == 3 else 1
        flat = len(stack.shape) == 2
        stated = stack.geometry.last(3)
    if stated.spacing is None and volume.image_files and mode == "sections":
        with open_em_stack(volume.image_files[0]) as section:  # which knows the size in its plane
            stated = section.geometry.last(3)
    stated = stated.override(EMGeometry.of(spacing, None, "`spacing`").last(3))
    if mode == "volume" and flat:
        raise ValueError(f"`mode` 'volume' needs a stack of sections, got one section: {volume.image}.")
    _check_shapes(volume, mode)
    size = list(stated.spacing or (1.0, 1.0, 1.0))
    if mode == "volume":
        whole = {"section": -1, "sections": [0, depth], "spacing": size}
        return [{**_item(volume, volume.image, volume.label, meaning), **whole}]
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
        {**_item(volume, image, label, meaning), "section": number, "spacing": size[1:]}
        for number, (image, label) in zip(numbers, pairs, strict=True)
    ]


def _item(volume: EMVolume, image: object, label: object, meaning: dict[str, str]) -> dict[str, Any]:
    found = {"image": str(image), "volume": volume.name}
    if volume.subject is not None:
        found["subject"] = volume.subject
    if label is not None:
        found |= {"label": str(label), **meaning}
        if meaning["label_kind"] == "instances":
            found["label_instances"] = str(label)
    return found


def _numbers(files: Sequence[Path]) -> list[int]:
    """Section numbers: the last number in each name when these ascend, else the positions."""
    found = [re.findall(r"\d+", stem(file)) for file in files]
    numbers = [int(f[-1]) for f in found if f]
    ascending = len(numbers) == len(files) and all(a < b for a, b in pairwise(numbers))
    return numbers if ascending else list(range(len(files)))


def _check_shapes(volume: EMVolume, mode: str) -> None:
    """Compare the headers of image and label; a folder read as one stack must be in the order of the pairs.

    Raises:
        ValueError: if the shapes differ; both files are named.
    """
    if mode == "volume":
        for folder, files in ((volume.image, volume.image_files), (volume.label, volume.label_files)):
            if folder is not None and files and list_pictures(folder.path) != list(files):
                raise ValueError(f"`mode` 'volume' needs {folder} to hold the matched sections alone, in order.")
    if volume.label is None:
        return
    pairs: list[tuple[EMSource, EMSource]] = [(volume.image, volume.label)]
    if volume.label_files:
        pairs = [(EMSource(a), EMSource(b)) for a, b in zip(volume.image_files, volume.label_files, strict=True)]
    for image, label in pairs:
        with open_em_stack(image) as first, open_em_stack(label) as second:
            if first.shape != second.shape:
                raise ValueError(
                    f"`label` needs the shape of `image`, {first.shape}, got {second.shape}: {label} and {image}."
                )


def _report(root: Path, volumes: Sequence[EMVolume], count: str) -> None:
    """Log what was found and where, and the files of data that were not taken."""
    images = list(dict.fromkeys(_place(root, v.image, v.image_files) for v in volumes))
    labels = list(dict.fromkeys(_place(root, v.label, v.label_files) for v in volumes if v.label is not None))
    volume = "volume" if len(volumes) == 1 else "volumes"
    line = f"Found {count} {volume} of {root}: images in {_few(images)}"
    logger.info(line + (f", labels in {_few(labels)}." if labels else ", without labels."))
    if not root.is_dir() or is_zarr(root):
        return
    used = {p for v in volumes for p in (*v.image_files, *v.label_files)}
    used |= {s.path for v in volumes for s in (v.image, v.label) if s is not None}
    left = [
        str(path.relative_to(root))
        for path in walk_files(root)
        if path not in used and (path.suffix.lower() in DATA_SUFFIXES or path.is_dir())
    ]
    if left:
        logger.warning(f"Skipped in {root}, {len(left)} files that belong to none of these: {_few(left)}.")


def _place(root: Path, source: EMSource, files: Sequence[Path]) -> str:
    """Where the images or labels of a volume lie, seen from the data set."""
    path = files[0].parent if files and root.is_dir() else source.path
    inside = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    return (root.name if inside == "." else inside) + (f"::{source.dataset}" if source.dataset else "")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
