# SPDX-License-Identifier: Apache-2.0
"""The data of the EM bundles: training and validation items of a data set, or of a phantom where none is given."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._output_file import atomic_output
from monai_boundary._validation import check_spatial_dims
from monai_boundary.data import em_datalist, open_em_stack, split_sections
from monai_boundary.data.em.picture import list_pictures
from monai_boundary.data.em.source import EMSource, natural_key
from monai_boundary.data.em.writer import em_output_names
from monai_boundary.data.output_files import check_new_outputs, check_output_folder
from monai_boundary.data.phantoms.em_dataset import draw_em_files
from monai_boundary.workflows.inference.strides import check_patch_multiple
from monai_boundary.workflows.membranes.patches import crop_within
from monai_boundary.workflows.runs.processes import once_per_node

logger = logging.getLogger(__name__)

PHANTOM_SHAPES = {2: (24, 256, 256), 3: (48, 192, 192)}


def em_items(
    dataset_dir: str | os.PathLike[str] | None,
    spatial_dims: int,
    output_dir: str | os.PathLike[str],
    phantom_shape: Sequence[int] | None = None,
    require_labels: bool = True,
    **reading: Any,
) -> list[dict[str, Any]]:
    """Return the items of a data set: one per section in 2-D, one per stack in 3-D.

    Args:
        dataset_dir: what :func:`~monai_boundary.data.em_datalist` reads. ``None`` writes a phantom, always the same, to
            ``output_dir/phantom`` and says so.
        spatial_dims: 2 or 3.
        output_dir: where the phantom goes.
        phantom_shape: (z, y, x).
        require_labels: whether an item without a label is an error.
        reading: how the data set is read, where that is not clear from the files: ``image_dataset``, ``label_dataset``,
            ``label_kind``, ``polarity`` and ``spacing`` of :func:`~monai_boundary.data.em_datalist`.
    """
    check_spatial_dims("spatial_dims", spatial_dims)
    place = _place(dataset_dir, spatial_dims, output_dir, phantom_shape)
    reading = {"label_kind": "instances"} if dataset_dir is None else {"polarity": "auto", **reading}
    mode = "sections" if spatial_dims == 2 else "volume"
    return em_datalist(place, mode=mode, require_labels=require_labels, **reading)


def em_inputs(
    dataset_dir: str | os.PathLike[str] | None,
    output_dir: str | os.PathLike[str],
    image_dataset: str | None = None,
    spacing: Sequence[float] | None = None,
) -> list[dict[str, Any]]:
    """Return the items to segment: whole stacks, or sections where no volume has more than one. Labels are not read.

    Args:
        dataset_dir: what :func:`~monai_boundary.data.em_datalist` reads, or a single picture. ``None`` writes a
            phantom, always the same, to ``output_dir/phantom`` and says so.
        output_dir: where a phantom goes.
        image_dataset: which array of a file that holds several is the image.
        spacing: nanometres per voxel (z, y, x), instead of what the files state.

    Returns:
        Items with ``image`` and ``output_name``, which no other item of the list has.
    """
    place = _place(dataset_dir, 2, output_dir)
    common: dict[str, Any] = {
        "require_labels": False,
        "label_kind": None,
        "image_dataset": image_dataset,
        "spacing": spacing,
    }
    items = em_datalist(place, mode="sections", **common)
    if len({item["volume"] for item in items}) != len(items) and _are_stacks(items):
        items = em_datalist(place, mode="volume", **common)
    names = em_output_names([item["image"] for item in items])
    return [{**item, "output_name": name} for item, name in zip(items, names, strict=True)]


def _are_stacks(sections: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the sections of every volume have one size, and a folder holds nothing besides them."""
    sizes: dict[str, list[tuple[int, ...]]] = {}
    folders: dict[str, Path] = {}
    for item in sections:
        with open_em_stack(item["image"]) as stack:
            sizes.setdefault(item["volume"], []).append(stack.shape[-2:])
            if stack.source.start is None:
                folders[item["volume"]] = stack.source.path.parent
    alone = all(len(list_pictures(folder)) == len(sizes[name]) for name, folder in folders.items())
    return alone and all(len(set(found)) == 1 for found in sizes.values())


def check_em_outputs(
    items: Sequence[Mapping[str, Any]],
    folder: str | os.PathLike[str],
    postfixes: Sequence[str],
    extension: str,
    overwrite: bool = False,
) -> None:
    """Check, before anything is segmented, that the outputs can be written and replace nothing.

    Args:
        items: from :func:`em_inputs`, or with ``image`` alone.
        folder: where the outputs go; it is made.
        postfixes: ends of the names of an item's outputs.
        extension: of the outputs.
        overwrite: whether files that are there may be replaced.

    Raises:
        ValueError: if the folder cannot be written, or files are there and ``overwrite`` is false.
    """
    place = check_output_folder(Path(folder))
    given = [item.get("output_name") for item in items]
    named = given if all(given) else em_output_names([str(item["image"]) for item in items])
    names = [f"{name}_{postfix}{extension}" for name in named for postfix in postfixes]
    check_new_outputs([place / name for name in names], overwrite)


def check_patch_size(
    items: Sequence[Mapping[str, Any]], patch_size: Sequence[int], multiple: int = 16, batch_size: int = 1
) -> None:
    """Check, from the files' headers alone, that every training crop will fit the network's strides and its batch.

    Of an image smaller than the patch as much is taken as is a multiple, which the log says. Crops of several sizes
    make no batch.

    Args:
        items: from :func:`em_items`.
        patch_size: voxels, (y, x) or (z, y, x).
        multiple: product of the network's strides.
        batch_size: crops in a batch.

    Raises:
        ValueError: if the patch is no multiple, an image is smaller than one, or crops would differ in size where a
            batch has several; the file and a size that fits are named.
    """
    check_patch_multiple(patch_size, multiple)
    crops: dict[tuple[int, ...], str] = {}
    for name, shape in _shapes(items, len(patch_size)).items():
        crop = crop_within(patch_size, shape, multiple)
        if not min(crop):
            raise ValueError(
                f"`patch_size` needs crops in multiples of {multiple} voxels, and images of at least that, got "
                f"{list(shape)} from {name!r}."
            )
        if crop not in crops and crop != tuple(map(min, patch_size, shape)):
            logger.info(f"Crops of {list(crop)}, in multiples of {multiple}, from images of {list(shape)} ({name}).")
        crops.setdefault(crop, name)
    if len(crops) > 1 and batch_size > 1:
        shown = " and ".join(f"{list(crop)} from {name!r}" for crop, name in list(crops.items())[:2])
        raise ValueError(
            f"`patch_size` needs crops of one size for batches of {batch_size}, got {shown}: give --patch_size "
            f"{[min(sides) for sides in zip(*crops, strict=True)]}, or --batch_size 1."
        )


def _shapes(items: Sequence[Mapping[str, Any]], ndim: int) -> dict[str, tuple[int, ...]]:
    """The shape of each image, by its name; of sections of one file that of the first."""
    found: dict[str, tuple[int, ...]] = {}
    seen: set[tuple[Path, str | None]] = set()
    for item in items:
        source = EMSource.parse(str(item["image"]))
        if ndim == 2 and (source.path, source.dataset) in seen:
            continue
        seen.add((source.path, source.dataset))
        with open_em_stack(item["image"]) as stack:
            first, last = stack.span()
            found[str(item["image"])] = (last - first, *stack.shape[-2:])[-ndim:]
    return found


def em_split(
    dataset_dir: str | os.PathLike[str] | None,
    spatial_dims: int,
    fold: int,
    num_folds: int,
    output_dir: str | os.PathLike[str],
    phantom_shape: Sequence[int] | None = None,
    **reading: Any,
) -> dict[str, Any]:
    """Return ``{"training": items, "validation": items, "label_kind": "membrane" or "instances"}``.

    Validation is a block of neighbouring sections, the ``fold``-th of ``num_folds`` of each stack: fold 0 is its
    beginning. Where a stack has fewer sections than there are folds, as a single picture has, it is whole stacks, and
    all of one subject: every ``num_folds``-th.

    Args:
        dataset_dir: what :func:`~monai_boundary.data.em_datalist` reads. ``None`` writes a phantom, always the same, to
            ``output_dir/phantom`` and says so.
        spatial_dims: 2 or 3.
        fold: 0..num_folds - 1.
        num_folds: number of blocks.
        output_dir: where a phantom goes.
        phantom_shape: (z, y, x).
        reading: how the data set is read, where that is not clear from the files: ``image_dataset``, ``label_dataset``,
            ``label_kind``, ``polarity`` and ``spacing`` of :func:`~monai_boundary.data.em_datalist`.

    Raises:
        ValueError: if some labels are membranes and others ids.
    """
    items = em_items(dataset_dir, spatial_dims, output_dir, phantom_shape, **reading)
    kinds = sorted({item["label_kind"] for item in items})
    if len(kinds) > 1:
        raise ValueError(f"`dataset_dir` needs labels of one kind, membranes or ids, got both: {dataset_dir}.")
    training, validation = split_sections(items, num_folds=num_folds, fold=fold, by="auto")
    held = sorted({item["volume"] for item in validation} - {item["volume"] for item in training}, key=natural_key)
    whole = f" Whole volumes are dealt to the folds; for validation: {', '.join(held)}." if held else ""
    logger.info(f"{len(training)} training and {len(validation)} validation items, labels are {kinds[0]}.{whole}")
    return {"training": training, "validation": validation, "label_kind": kinds[0]}


def _place(
    dataset_dir: str | os.PathLike[str] | None,
    spatial_dims: int,
    output_dir: str | os.PathLike[str],
    phantom_shape: Sequence[int] | None = None,
) -> Path:
    """The data set, or a phantom where none is given."""
    if dataset_dir is not None:
        return Path(dataset_dir)
    shape = tuple(PHANTOM_SHAPES[spatial_dims] if phantom_shape is None else phantom_shape)
    drawn = once_per_node(lambda: _phantom(Path(output_dir), shape))
    logger.warning(
        f"No data set was given (--dataset_dir): using a drawn phantom of {shape} voxels in {drawn}. "
        "Its scores say nothing about real images."
    )
    return drawn


def _phantom(folder: Path, shape: tuple[int, ...]) -> Path:
    """Write the phantom unless it is there; several runs may do so at once."""
    place = folder / f"phantom_{'x'.join(map(str, shape))}"
    if not place.is_dir():
        try:
            with atomic_output(place) as partial:
                draw_em_files(partial, shape=shape)
        except ValueError:
            if not place.is_dir():  # or another process was first
                raise
    return place
