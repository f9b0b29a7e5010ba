# SPDX-License-Identifier: Apache-2.0
"""The Medical Segmentation Decathlon's layout: ``dataset.json`` lists the cases in imagesTr and labelsTr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_boundary.data.volumes.dataset_json import declared_labels, read_dataset_json
from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import (
    VOLUME_SUFFIXES,
    as_paths,
    double_cases,
    in_order,
    missing_files,
    volume_stem,
)

__all__ = ["read_decathlon"]


def read_decathlon(dataset_dir: Path) -> VolumeDataset:
    """Return the data set that a ``dataset.json`` with ``training`` and ``labels`` describes.

    An image of several channels is one 4-D file, whose last axis is in the order of ``modality``. Where the listed
    image is missing and ``name_0000`` and so on are there, as nnU-Net's first version wanted it, these are taken. Items
    of ``training`` may be texts or have no label; these, and the files of ``test``, are without a label.

    Args:
        dataset_dir: the folder of ``dataset.json``, or that file.

    Raises:
        ValueError: if there is no such file, or it does not say what it has to.
    """
    file, content = read_dataset_json(dataset_dir, ("training",))
    channels = _channels(content, file)
    labels, ignore = declared_labels(content.get("labels"), file)
    if not isinstance(content["training"], list):
        raise ValueError(f"`training` of {file} needs a list of cases, got {content['training']!r}.")
    entries = [(entry, True) for entry in content["training"]] + [(entry, False) for entry in content.get("test") or []]
    problems: list[DatasetProblem] = []
    items, unlabelled = [], []
    for number, (entry, training) in enumerate(entries):
        item = _item(entry, file.parent, len(channels))
        if item is None:
            problems.append(DatasetProblem("entries without an image", f"{file}, entry {number}", repr(entry)))
        elif "label" in item:
            items.append(item)
        elif training or all(Path(p).is_file() for p in as_paths(item["image"])):
            unlabelled.append(item)
    return VolumeDataset(
        "decathlon",
        str(file),
        tuple(channels),
        labels,
        ignore,
        in_order(items),
        in_order(unlabelled),
        channel_kinds=channels,
        problems=(*problems, *missing_files([*items, *unlabelled]), *double_cases(items)),
    )


def _channels(content: Mapping[str, Any], file: Path) -> dict[str, str]:
    """Name of each channel -> its kind, in order."""
    modality = content.get("modality", content.get("channel_names", {"0": "image"}))
    if not isinstance(modality, Mapping) or sorted(map(str, modality)) != sorted(str(k) for k in range(len(modality))):
        raise ValueError(
            f"`modality` of {file} needs a name for each channel, such as {{'0': 'MRI'}}, got {modality!r}."
        )
    names = [str(modality[key]) for key in sorted(modality, key=lambda key: int(key))]
    return {name if names.count(name) == 1 else f"{name}_{k}": name for k, name in enumerate(names)}


def _item(entry: Any, folder: Path, channels: int) -> dict[str, Any] | None:
    if isinstance(entry, str):
        entry = {"image": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("image"), str):
        return None
    image = folder / entry["image"]
    item = {"image": _image(image, channels), "case": volume_stem(image) or image.name}
    if isinstance(entry.get("label"), str):
        item["label"] = str(folder / entry["label"])
    return {**item, "patient": str(entry.get("patient", item["case"]))}


def _image(image: Path, channels: int) -> str | list[str]:
    """The listed file, or those of its channels where it is not there and they are."""
    suffix = next((s for s in VOLUME_SUFFIXES if image.name.lower().endswith(s)), "")
    stem = image.name[: len(image.name) - len(suffix)]
    apart = [image.with_name(f"{stem}_{k:04d}{suffix}") for k in range(channels)]
    if image.is_file() or not any(path.is_file() for path in apart):
        return str(image)
    return str(apart[0]) if channels == 1 else [str(path) for path in apart]
