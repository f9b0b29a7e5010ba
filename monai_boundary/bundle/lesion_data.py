# SPDX-License-Identifier: Apache-2.0
"""The data of the lesion and tumour bundles: patients of a data set, or of a phantom without one; split and cached."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.data import CacheDataset, Dataset, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.transforms import Transform

from monai_boundary._validation import check_choice
from monai_boundary.data import (
    brats_datalist,
    isles2018_datalist,
    isles2022_datalist,
    split_patients,
    wmh_datalist,
    write_lesion_phantom,
    write_stroke_phantom,
    write_tumour_phantom,
)

logger = logging.getLogger(__name__)

READERS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "wmh": wmh_datalist,
    "isles2022": isles2022_datalist,
    "isles2018": isles2018_datalist,
    "brats": brats_datalist,
}
CACHES = ("memory", "disk", "none")
PHANTOM: dict[str, Any] = {"patients": 10, "shape": (64, 64, 24)}
TUMOUR_PHANTOM: dict[str, Any] = {"patients": 12, "shape": (64, 64, 48)}


def lesion_patients(
    dataset_dir: str | os.PathLike[str] | None,
    layout: str,
    modalities: Sequence[str],
    output_dir: str | os.PathLike[str],
    require_labels: bool = True,
    phantom: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return an item for each patient (or case) of a data set, without its label where none is required.

    Args:
        dataset_dir: folder in the given layout. ``None`` writes a phantom, always the same, to
            ``output_dir/phantom_{layout}`` and says so.
        layout: ``"wmh"``, ``"isles2022"``, ``"isles2018"`` or ``"brats"``: which reader of `monai_boundary.data`.
        modalities: of the images, in the order of the network's channels.
        output_dir: where the phantom goes.
        require_labels: whether a patient without a label is an error; if not, labels are left out.
        phantom: arguments of the phantom, such as ``{"patients": 4, "shape": [32, 32, 12]}``.

    Raises:
        ValueError: if the layout is another; and as the readers, if nothing is found or a modality or label is missing.
    """
    check_choice("layout", layout, tuple(READERS))
    if dataset_dir is None:
        dataset_dir = Path(output_dir) / f"phantom_{layout}"
        options = {**(TUMOUR_PHANTOM if layout == "brats" else PHANTOM), **(phantom or {})}
        options["shape"] = tuple(options["shape"])
        if layout == "brats":
            write_tumour_phantom(dataset_dir, **options)
        elif layout == "wmh":
            write_lesion_phantom(dataset_dir, **options)
        else:
            write_stroke_phantom(dataset_dir, layout=layout, **options)
        logger.warning(
            f"No data set was given (--dataset_dir): using {options['patients']} drawn phantoms of {options['shape']} "
            f"voxels in {dataset_dir}. Their scores say nothing about real images."
        )
    items = READERS[layout](Path(dataset_dir), modalities=modalities, require_labels=require_labels)
    return items if require_labels else [{k: v for k, v in item.items() if k != "label"} for item in items]


def lesion_split(
    dataset_dir: str | os.PathLike[str] | None,
    layout: str,
    modalities: Sequence[str],
    output_dir: str | os.PathLike[str],
    fold: int = 0,
    num_folds: int = 5,
    phantom: Mapping[str, Any] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return ``{"training": items, "validation": items}``, split by patient and, where there are sites, over the sites.

    Of fewer patients than folds, each is a fold. A single patient is on both sides, and a warning says that its scores
    then only show that the network can learn it.

    Args:
        dataset_dir: see :func:`lesion_patients`, as the next three.
        layout: see ``dataset_dir``.
        modalities: see ``dataset_dir``.
        output_dir: see ``dataset_dir``.
        fold: 0..num_folds - 1, the fold for validation.
        num_folds: number of folds.
        phantom: see :func:`lesion_patients`.

    Raises:
        ValueError: if the fold is out of range; and as :func:`lesion_patients`.
    """
    items = lesion_patients(dataset_dir, layout, modalities, output_dir, phantom=phantom)
    patients = len({item["patient"] for item in items})
    if patients == 1:
        logger.warning("Only one patient: it is the training and the validation part. Its scores say nothing else.")
        return {"training": items, "validation": items}
    if patients < num_folds:
        logger.warning(f"{patients} patients are fewer than {num_folds} folds: each of them is a fold.")
    stratify = "site" if all("site" in item for item in items) else None
    training, validation = split_patients(items, num_folds=min(num_folds, patients), fold=fold, stratify=stratify)
    logger.info(
        f"{len(training)} cases for training; for validation {len(validation)}: "
        f"{', '.join(item['case'] for item in validation)}."
    )
    return {"training": training, "validation": validation}


def lesion_dataset(
    data: Sequence[Mapping[str, Any]],
    transform: Transform,
    cache: str = "memory",
    cache_dir: str | os.PathLike[str] = "cache",
) -> Dataset:
    """Return a dataset that computes what is before the random transforms once: in memory, on disk, or not.

    The cache on disk is found again by the items and by the transforms' arguments, so that a changed option is never
    answered by an old file; files that change under the same name are not noticed.

    Args:
        data: items.
        transform: a ``Compose``.
        cache: ``"memory"`` (``CacheDataset``), ``"disk"`` (``PersistentDataset``) or ``"none"``.
        cache_dir: folder of the cache on disk.

    Raises:
        ValueError: if ``cache`` is another.

    Example:
        >>> from monai.transforms import Compose
        >>> type(lesion_dataset([{"a": 1}], Compose([]), cache="none")).__name__
        'Dataset'
    """
    check_choice("cache", cache, CACHES)
    if cache == "memory":
        return CacheDataset(data=data, transform=transform, progress=False)
    if cache == "disk":
        return PersistentDataset(data, transform, Path(cache_dir), hash_transform=pickle_hashing)
    return Dataset(data=data, transform=transform)


def patients_per_batch(batch_size: int, crops: int) -> int:
    """Return how many patients a batch is drawn from, with ``crops`` slices or patches of each.

    Raises:
        ValueError: if ``batch_size`` is no multiple of ``crops``.

    Example:
        >>> patients_per_batch(batch_size=8, crops=4)
        2
    """
    if crops < 1 or batch_size < crops or batch_size % crops:
        raise ValueError(f"`batch_size` needs a multiple of `crops` ({crops} of each patient), got {batch_size}.")
    return batch_size // crops
