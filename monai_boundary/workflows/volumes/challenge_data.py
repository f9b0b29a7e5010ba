# SPDX-License-Identifier: Apache-2.0
"""The data sets of the challenges (WMH, ISLES, BraTS), each in its layout, or a phantom: patients, and their split."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import LoadImage

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
from monai_boundary.data.output_files import check_output_folder
from monai_boundary.data.volumes.volume_reader import VolumeReader
from monai_boundary.workflows.runs.processes import once_per_node
from monai_boundary.workflows.volumes.patients import with_patients

logger = logging.getLogger(__name__)

READERS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "wmh": wmh_datalist,
    "isles2022": isles2022_datalist,
    "isles2018": isles2018_datalist,
    "brats": brats_datalist,
}
PHANTOM: dict[str, Any] = {"patients": 10, "shape": (64, 64, 24)}
TUMOUR_PHANTOM: dict[str, Any] = {"patients": 12, "shape": (64, 64, 48)}


def challenge_patients(
    dataset_dir: str | os.PathLike[str] | None,
    layout: str,
    modalities: Sequence[str],
    output_dir: str | os.PathLike[str],
    require_labels: bool = True,
    phantom: Mapping[str, Any] | None = None,
    patient_pattern: str | None = None,
) -> list[dict[str, Any]]:
    r"""Return an item for each patient (or case) of a data set, without its label where none is required.

    The files of its modalities are a list under ``image``.

    Args:
        dataset_dir: folder in the given layout. ``None`` writes a phantom, always the same, to
            ``output_dir/phantom_{layout}`` and says so.
        layout: ``"wmh"``, ``"isles2022"``, ``"isles2018"`` or ``"brats"``: which reader of `monai_boundary.data`.
        modalities: of the images, in the order of the network's channels.
        output_dir: where the phantom goes.
        require_labels: whether a patient without a label is an error; if not, labels are left out.
        phantom: arguments of the phantom, such as ``{"patients": 4, "shape": [32, 32, 12]}``.
        patient_pattern: regular expression; what it finds in a case's name (its first group, if it has one) is the
            patient, in place of what the reader says. ``"sub-\d+"`` puts ``sub-01-baseline`` and ``sub-01-followup``,
            two folders, together.

    Raises:
        ValueError: if the layout is another, or the pattern is none or is not found in a name; and as the readers, if
            nothing is found or a modality or label is missing.

    Example:
        >>> import tempfile
        >>> drawn = {"patients": 2, "shape": (32, 32, 8)}
        >>> items = challenge_patients(None, "wmh", ["flair"], tempfile.mkdtemp(), phantom=drawn)
        >>> [(item["case"], len(item["image"])) for item in items]
        [('SiteA-0', 1), ('SiteB-1', 1)]
    """
    check_choice("layout", layout, tuple(READERS))
    if dataset_dir is None:
        dataset_dir = check_output_folder(Path(output_dir)) / f"phantom_{layout}"
        options = {**(TUMOUR_PHANTOM if layout == "brats" else PHANTOM), **(phantom or {})}
        options["shape"] = tuple(options["shape"])
        if layout == "brats":
            draw = partial(write_tumour_phantom, dataset_dir, **options)
        elif layout == "wmh":
            draw = partial(write_lesion_phantom, dataset_dir, **options)
        else:
            draw = partial(write_stroke_phantom, dataset_dir, layout=layout, **options)
        once_per_node(draw)
        logger.warning(
            f"No data set was given (--dataset_dir): using {options['patients']} drawn phantoms of {options['shape']} "
            f"voxels in {dataset_dir}. Their scores say nothing about real images."
        )
    found = READERS[layout](Path(dataset_dir), modalities=modalities, require_labels=require_labels)
    items = [_with_image_list(item, modalities) for item in found]
    items = with_patients(items, patient_pattern) if patient_pattern is not None else items
    return items if require_labels else [{k: v for k, v in item.items() if k != "label"} for item in items]


def _with_image_list(item: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, Any]:
    """The files of all modalities under ``image``, in the order of the network's channels."""
    if "image" in item:
        return dict(item)
    names = [m.lower() for m in ([modalities] if isinstance(modalities, str) else modalities)]
    rest = {key: value for key, value in item.items() if key not in names}
    return {"image": [item[name] for name in names], **rest}


def challenge_split(
    dataset_dir: str | os.PathLike[str] | None,
    layout: str,
    modalities: Sequence[str],
    output_dir: str | os.PathLike[str],
    fold: int = 0,
    num_folds: int = 5,
    phantom: Mapping[str, Any] | None = None,
    patient_pattern: str | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return ``{"training": items, "validation": items}``, split by patient and, where there are sites, over the sites.

    All cases of a patient are on one side, also where they lie in the folders of two sites (time points). Of fewer
    patients than folds, each is a fold. A single patient is on both sides, and a warning says that its scores then only
    show that the network can learn it. A part none of whose labels holds anything is a warning too.

    Args:
        dataset_dir: folder in the given layout. ``None`` writes a phantom, always the same, to
            ``output_dir/phantom_{layout}`` and says so.
        layout: ``"wmh"``, ``"isles2022"``, ``"isles2018"`` or ``"brats"``: which reader of `monai_boundary.data`.
        modalities: the images of a patient, in the order of the channels.
        output_dir: where a phantom goes.
        fold: 0..num_folds - 1, the fold for validation.
        num_folds: number of folds.
        phantom: arguments of the phantom, such as ``{"patients": 4, "shape": [32, 32, 12]}``.
        patient_pattern: regular expression; what it finds in a case's name (its first group, if it has one) is the
            patient, in place of what the reader says.

    Raises:
        ValueError: if the fold is out of range; and as :func:`challenge_patients`.
    """
    items = challenge_patients(
        dataset_dir, layout, modalities, output_dir, phantom=phantom, patient_pattern=patient_pattern
    )
    patients = len({item["patient"] for item in items})
    if patients == 1:
        logger.warning("Only one patient: it is the training and the validation part. Its scores say nothing else.")
        _say_if_empty("the only patient", items)
        return {"training": items, "validation": items}
    if patients < num_folds:
        logger.warning(f"{patients} patients are fewer than {num_folds} folds: each of them is a fold.")
    stratify = "site" if all("site" in item for item in items) else None
    training, validation = split_patients(
        items, num_folds=min(num_folds, patients), fold=fold, stratify=stratify, several_strata="join"
    )
    logger.info(
        f"{len(training)} cases for training; for validation {len(validation)}: "
        f"{', '.join(item['case'] for item in validation)}."
    )
    _say_if_empty("training", training)
    _say_if_empty("validation", validation)
    return {"training": training, "validation": validation}


def _say_if_empty(part: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Warn where no label of a part holds anything; labels are read until one does, mostly the first."""
    load = LoadImage(reader=VolumeReader(), dtype=np.float32)
    for item in items:
        values = np.asarray(load(item["label"]))
        if bool(((np.abs(values) > 0.5) & ~np.isin(np.rint(values), item.get("ignore_labels", ()))).any()):
            return
    logger.warning(f"None of the {len(items)} labels for {part} holds a lesion: nothing can be learnt or scored there.")


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
