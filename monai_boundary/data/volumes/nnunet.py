# SPDX-License-Identifier: Apache-2.0
"""nnU-Net's layout, version 2: ``case_0000.nii.gz`` in imagesTr, ``case.nii.gz`` in labelsTr, ``channel_names``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_boundary.data.volumes.dataset_json import declared_labels, read_dataset_json, read_json_file
from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import VOLUME_SUFFIXES, as_paths, double_cases, in_order, missing_files

__all__ = ["read_nnunet"]

Folds = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def read_nnunet(dataset_dir: Path) -> VolumeDataset:
    """Return the data set of a folder such as ``nnUNet_raw/Dataset004_Hippocampus``.

    Labels may be lists of ids, which are regions that overlap; ``ignore`` is no class. Cases are found by their files,
    or listed under ``dataset``, as newer versions allow. A ``splits_final.json`` in the folder gives the folds.

    Args:
        dataset_dir: the folder of ``dataset.json``, or that file.

    Raises:
        ValueError: if there is no such file, it does not say what it has to, or the splits cannot be read.
    """
    file, content = read_dataset_json(dataset_dir, ("channel_names", "labels", "file_ending"))
    root, ending = file.parent, str(content["file_ending"])
    if not ending.lower().endswith(VOLUME_SUFFIXES):
        raise ValueError(f"`file_ending` of {file} needs one of {', '.join(VOLUME_SUFFIXES)}, got {ending!r}.")
    channels = _channels(content["channel_names"], file)
    labels, ignore = declared_labels(content["labels"], file)
    if isinstance(content.get("dataset"), Mapping):
        items = _listed(content["dataset"], root)
        problems: list[DatasetProblem] = []
    else:
        items, problems = _found(root, "Tr", ending, len(channels))
    unlabelled, _ = _found(root, "Ts", ending, len(channels))
    for item in unlabelled:
        item.pop("label")
    problems += _wrong_channel_counts(items, len(channels))
    folds, unknown = _folds(root / "splits_final.json", {str(item["case"]) for item in items})
    return VolumeDataset(
        "nnunet",
        str(file),
        tuple(channels),
        labels,
        ignore,
        in_order(items),
        in_order(unlabelled),
        folds,
        tuple(int(i) for i in content.get("regions_class_order", ())),
        channels,
        (*problems, *missing_files([*items, *unlabelled]), *double_cases(items), *unknown),
    )


def _channels(names: Any, file: Path) -> dict[str, str]:
    """Name of each channel -> the same: nnU-Net reads the normalisation off the name."""
    if not isinstance(names, Mapping) or sorted(map(str, names), key=int) != [str(k) for k in range(len(names))]:
        raise ValueError(f"`channel_names` of {file} needs names for 0, 1, ..., got {names!r}.")
    ordered = [str(names[key]) for key in sorted(names, key=int)]
    return {name if ordered.count(name) == 1 else f"{name}_{k}": name for k, name in enumerate(ordered)}


def _found(root: Path, part: str, ending: str, channels: int) -> tuple[list[dict[str, Any]], list[DatasetProblem]]:
    """Items by the files in imagesTr and labelsTr; the files that are no channel of a case are problems."""
    images, labels = root / f"images{part}", root / f"labels{part}"
    cases: dict[str, set[int]] = {}
    problems = []
    for path in sorted(images.iterdir()) if images.is_dir() else ():
        name = path.name
        if name.startswith(".") or not name.endswith(ending):
            continue
        match = re.fullmatch(r"(.+)_(\d{4})", name[: -len(ending)])
        if match is None:
            problems.append(DatasetProblem("images without a channel's number (_0000)", str(path)))
        elif int(match[2]) >= channels:
            message = f"channel_names declares {channels}"
            problems.append(DatasetProblem("channels that are not declared", str(path), message))
        else:
            cases.setdefault(match[1], set()).add(int(match[2]))
    for path in sorted(labels.iterdir()) if labels.is_dir() and part == "Tr" else ():
        case = path.name[: -len(ending)]
        if path.name.endswith(ending) and not path.name.startswith(".") and case not in cases:
            problems.append(DatasetProblem("labels without an image", str(path), f"{images / case}_0000{ending}"))
    items = []
    for case in cases:
        files = [str(images / f"{case}_{k:04d}{ending}") for k in range(channels)]
        image = files[0] if channels == 1 else files
        items.append({"image": image, "label": str(labels / f"{case}{ending}"), "case": case, "patient": case})
    return items, problems


def _listed(dataset: Mapping[str, Any], root: Path) -> list[dict[str, Any]]:
    """Items of the ``dataset`` entry: case -> images and label, relative to the folder."""
    items = []
    for case, of in dataset.items():
        files = [str(root / path) for path in as_paths(of["images"])]
        image = files[0] if len(files) == 1 else files
        items.append({"image": image, "label": str(root / of["label"]), "case": str(case), "patient": str(case)})
    return items


def _wrong_channel_counts(items: list[dict[str, Any]], channels: int) -> list[DatasetProblem]:
    counts = {str(item["case"]): len(as_paths(item["image"])) for item in items}
    return [
        DatasetProblem("cases of another number of channels", case, f"{count} files, {channels} declared")
        for case, count in counts.items()
        if count != channels
    ]


def _folds(file: Path, cases: set[str]) -> tuple[Folds, list[DatasetProblem]]:
    """The folds of a ``splits_final.json``, and the cases in it that are not there."""
    if not file.is_file():
        return (), []
    content = read_json_file(file)
    try:
        folds = tuple((tuple(map(str, fold["train"])), tuple(map(str, fold["val"]))) for fold in content)
    except (TypeError, KeyError) as error:
        raise ValueError(f"`dataset_dir` needs folds with train and val, got {file} without ({error!r}).") from error
    problems = []
    for number, sides in enumerate(folds):
        unknown = [case for side in sides for case in side if case not in cases]
        problems += [DatasetProblem("cases of a fold that are not there", c, f"{file}, fold {number}") for c in unknown]
        both = sorted(set(sides[0]) & set(sides[1]))
        problems += [DatasetProblem("cases on both sides of a fold", c, f"{file}, fold {number}") for c in both]
        for side, what in zip(sides, ("training", "validation"), strict=True):
            if not any(case in cases for case in side):
                problems.append(DatasetProblem("folds without cases", f"{file}, fold {number}", f"none for {what}"))
    return folds, problems
