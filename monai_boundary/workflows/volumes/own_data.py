# SPDX-License-Identifier: Apache-2.0
"""A data set of one's own: its cases, split, as a test set, and for inference."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_choice
from monai_boundary.data.output_files import check_output_folder
from monai_boundary.data.phantoms.organ import write_organ_phantom
from monai_boundary.data.volumes.volume_datalist import volume_datalist
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import volume_files, volume_stem
from monai_boundary.workflows.runs.processes import once_per_node
from monai_boundary.workflows.runs.training_settings import warn_of_trained
from monai_boundary.workflows.volumes.case_checks import check_cases
from monai_boundary.workflows.volumes.own_task import Channels, Labels, own_task
from monai_boundary.workflows.volumes.patients import with_patients
from monai_boundary.workflows.volumes.spacing import with_median_spacing
from monai_boundary.workflows.volumes.task import VolumeTask

__all__ = ["own_inputs", "own_scored", "own_split"]

logger = logging.getLogger(__name__)
Folder = str | Path


def own_split(
    dataset_dir: Folder | None,
    output_dir: Folder,
    *,
    layout: str = "auto",
    image_dir: str | None = None,
    label_dir: str | None = None,
    channels: Channels | None = None,
    labels: Labels | None = None,
    ignore_label: int | None = None,
    fold: int = 0,
    num_folds: int = 5,
    task: VolumeTask | None = None,
    phantom: Mapping[str, Any] | None = None,
    patient_pattern: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return ``{"task": VolumeTask, "training": items, "validation": items, "source": what they were read from}``.

    What the data set states of its split counts, else patients are dealt to folds; of fewer patients than folds, each
    is one. A single patient is on both sides, with a warning.

    Args:
        dataset_dir: folder or table of a data set, see `monai_boundary.data.volume_datalist`. None draws a phantom,
            always the same, to ``output_dir/phantom`` and says so.
        output_dir: where the phantom goes.
        layout: of the data set; ``"auto"`` tells it by the files.
        image_dir: of paired folders, the folder of the images.
        label_dir: of paired folders, the folder of the labels.
        channels: name -> normalisation, or names alone; None takes the data set's. Without a normalisation, CT is
            clipped to ``ct_window`` ([-1000, 1000] if not given) and others have mean 0 and standard deviation 1.
        labels: class -> id, or region -> ids; None takes the data set's. The background need not be named.
        ignore_label: id of voxels that do not count.
        fold: the fold for validation.
        num_folds: number of folds.
        task: of an earlier training, or one that is known by name, in place of what is described; it has channels and
            labels of its own, and the values of ``fields`` that are given.
        phantom: arguments of ``write_organ_phantom``.
        patient_pattern: regular expression; what it finds in a case's name (its first group, if it has one) is the
            patient, so that time points of one patient are on one side. Without it a patient is what the layout says.
        fields: further ones of `VolumeTask`, None where not given; a spacing of ``"median"`` becomes that of the
            training's images.

    Raises:
        ValueError: if the data set has gaps, all of them at once; a fold has no cases; a field is wrong; channels,
            labels or an ignored id are given beside a task; or patients beside a split that the data set states.
    """
    described: dict[str, Any] = {"channels": channels, "labels": labels, "ignore_label": ignore_label}
    if task is not None and (beside := [name for name, value in described.items() if value is not None]):
        raise ValueError(f"`{beside[0]}` needs None beside a task, which has its own, got {described[beside[0]]!r}.")
    if dataset_dir is None:
        dataset_dir = _phantom(output_dir, phantom or {})
    found = volume_datalist(
        dataset_dir,
        layout,
        image_dir=image_dir,
        label_dir=label_dir,
        channels=None if channels is None else tuple(channels),
    )
    given = {name: value for name, value in fields.items() if value is not None}
    made = own_task(found, **described, **given) if task is None else task.changed(**given)
    training, validation = _parts(found, fold, num_folds, patient_pattern)
    logger.info(
        f"{len(training)} cases for training; for validation {len(validation)}: "
        f"{', '.join(str(item['case']) for item in validation)}."
    )
    return {
        "task": with_median_spacing(made, training),
        "training": training,
        "validation": validation,
        "source": found.source,
    }


def own_scored(
    data: Mapping[str, Any] | None,
    test_dir: Folder | Sequence[Folder] | None,
    part: str = "validation",
    *,
    task: VolumeTask,
    layout: str = "auto",
    image_dir: str | None = None,
    label_dir: str | None = None,
) -> dict[str, Any]:
    """Return ``{"part": its name, "items": the cases that are scored}``; a warning counts those that were trained on.

    Args:
        data: what :func:`own_split` returned, or None where only a test set is scored.
        test_dir: a data set that was never trained on, or several: all of their cases are scored. None scores a part of
            the split.
        part: ``"validation"`` or ``"training"``, where there is no test set.
        task: of the training; the files of a test set are compared with it.
        layout: of the test sets.
        image_dir: of paired folders, the folder of the images.
        label_dir: of paired folders, the folder of the labels.

    Raises:
        ValueError: if there is neither a split nor a test set, a case bears the name of another, or a test set has gaps
            or does not fit the task.
    """
    if test_dir is None:
        if data is None:
            raise ValueError("`test_dir` needs a test set where there is no `dataset_dir`, got None.")
        check_choice("part", part, ("training", "validation"))
        return {"part": part, "items": list(data[part])}
    places = [test_dir] if isinstance(test_dir, (str, Path)) else list(test_dir)
    try:
        read = [volume_datalist(place, layout, image_dir=image_dir, label_dir=label_dir) for place in places]
        items = [dict(item) for found in read for item in found.items]
        check_cases(items, task, ", ".join(map(str, places)))
    except ValueError as error:  # the readers know their folder as a training's
        raise ValueError(str(error).replace("`dataset_dir`", "`test_dir`")) from error
    names = [item["case"] for item in items]
    if len(set(names)) < len(names):
        raise ValueError(f"`test_dir` needs cases of different names, got {max(names, key=names.count)!r} twice.")
    warn_of_trained(items, data)
    logger.info(f"Test set: {len(items)} cases of {', '.join(map(str, places))}.")
    return {"part": "test", "items": items}


def own_inputs(dataset_dir: Folder | None, task: VolumeTask, output_dir: Folder) -> list[dict[str, Any]]:
    """Return an item for each case that is to be segmented, without its label.

    Args:
        dataset_dir: a file; a folder of files (``case_0000``, ``case_0001`` where there are several channels); or a
            data set, of which the cases without a label are taken, or all where there is none. None is the phantom.
        task: for its number of channels.
        output_dir: where the phantom is.

    Raises:
        ValueError: if there is no case, or a case has more or fewer files than channels.
    """
    if dataset_dir is None:
        dataset_dir = _phantom(output_dir, {})
    place = Path(dataset_dir).expanduser()
    if place.is_file() and volume_stem(place) is not None:
        return [{"image": str(place), "case": volume_stem(place), "patient": volume_stem(place)}]
    if place.is_dir() and not (place / "dataset.json").is_file():
        files = sorted(volume_files(path for path in place.iterdir() if path.is_file()))
        if files:
            return _loose_files(files, task, place)
    found = volume_datalist(place, channels=None)
    items = found.unlabelled or found.items
    return [{key: value for key, value in item.items() if key != "label"} for item in items]


def _loose_files(files: Sequence[Path], task: VolumeTask, place: Path) -> list[dict[str, Any]]:
    """Cases of a folder of images: a file each, or one for each channel."""
    cases: dict[str, list[str]] = {}
    stems = [str(volume_stem(path)) for path in files]
    numbered = {stem for stem in stems if len(stem) > 5 and stem[-5] == "_" and stem[-4:].isdigit()}
    if task.in_channels == 1 and any(int(stem[-4:]) for stem in numbered):
        numbered = set()  # case_0001, case_0002: numbers of cases
    for path, stem in zip(files, stems, strict=True):
        cases.setdefault(stem[:-5] if stem in numbered else stem, []).append(str(path))
    wrong = [f"{case} ({len(of)})" for case, of in cases.items() if len(of) not in (1, task.in_channels)]
    if wrong:
        raise ValueError(
            f"`dataset_dir` needs {task.in_channels} files for each case ({', '.join(task.channels)}), got {place} "
            f"with {', '.join(wrong)}."
        )
    return [{"image": of[0] if len(of) == 1 else of, "case": case, "patient": case} for case, of in cases.items()]


def _phantom(output_dir: Folder, options: Mapping[str, Any]) -> Path:
    folder = check_output_folder(Path(output_dir)) / "phantom"
    once_per_node(lambda: write_organ_phantom(folder, **options))
    logger.warning(
        f"No data set was given (--dataset_dir): using drawn phantoms in {folder}. Their scores say nothing about real "
        "images."
    )
    return folder


def _parts(
    found: VolumeDataset, fold: int, num_folds: int, patient_pattern: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    stated = bool(found.folds) or any("split" in item for item in found.items)
    if patient_pattern is not None:
        if stated:
            raise ValueError(f"`patient_pattern` needs a data set that states no split, got {found.source}.")
        found = replace(found, items=tuple(with_patients(found.items, patient_pattern)))
    patients = len({item["patient"] for item in found.items})
    if not stated and patients == 1:
        logger.warning("Only one patient: it is the training and the validation part. Its scores say nothing else.")
        items = [dict(item) for item in found.items]
        return items, items
    if not stated and patients < num_folds:
        logger.warning(f"{patients} patients are fewer than {num_folds} folds: each of them is a fold.")
        num_folds = patients
    return found.split(fold, num_folds)
