# SPDX-License-Identifier: Apache-2.0
"""A table of paths, CSV or JSON: a row for each case, with columns for images, label, split and patient."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.volumes.dataset_json import declared_labels, read_json_file
from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import as_paths, double_cases, in_order, missing_files, volume_stem

__all__ = ["read_table_of_paths"]

_SPLITS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing", "ts"), "test"),
}


def read_table_of_paths(file: Path) -> VolumeDataset:
    """Return the data set that a table lists.

    Columns: ``image``, or one for each channel, ``image_t1``, ``image_flair`` (the channels are then ``t1`` and
    ``flair``, in the order of the columns); ``label``; and as far as they are wanted ``split`` (``train``, ``val`` or
    ``test``), ``patient`` and ``case``. Paths are relative to the table. Rows without a label, and those of ``test``,
    are not trained on. A JSON file holds a list of such rows (``image`` may be a list of files), or an object with
    ``cases``, that list, and as far as wanted ``channels`` (names) and ``labels`` (names and ids).

    Args:
        file: the table, ``.csv``, ``.tsv`` or ``.json``.

    Raises:
        ValueError: if it cannot be read, or has no column for the images.
    """
    rows, about = _rows(file)
    columns = list(dict.fromkeys(str(name) for row in rows for name in row))
    images = ["image"] if "image" in columns else [name for name in columns if name.startswith("image_")]
    if not images:
        listing = ", ".join(columns) or "none"
        raise ValueError(f"`dataset_dir` needs a table with `image`, or image_t1 and so on, got {file} with {listing}.")
    problems: list[DatasetProblem] = []
    items = [_item(row, images, file.parent) for row in rows]
    for number, row in enumerate(rows, 1):
        lacking = [name for name in images if not row.get(name)]
        if lacking:
            problems.append(DatasetProblem("rows without an image", f"row {number}", f"no {', '.join(lacking)}"))
        if "split" in columns and str(row.get("split") or "").strip().lower() not in _SPLITS:
            what = f"{row.get('split')!r} is none of train, val, test"
            problems.append(DatasetProblem("rows of an unknown split", f"row {number}", what))
    labelled = [item for item in items if "label" in item and item.get("split") != "test" and item["image"]]
    others = [item for item in items if item not in labelled and item["image"]]
    channels = _channel_names(images, labelled or others, about)
    problems += _other_counts(items, len(channels))
    labels, ignore = declared_labels(about["labels"], file) if "labels" in about else ({}, None)
    return VolumeDataset(
        "table",
        str(file),
        channels,
        labels,
        ignore,
        in_order(labelled),
        in_order(others),
        problems=(*problems, *missing_files(items), *double_cases(items)),
    )


def _rows(file: Path) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """The rows, and what a JSON object says beside them."""
    if file.suffix.lower() == ".json":
        content = read_json_file(file)
        about = content if isinstance(content, Mapping) else {}
        rows = about.get("cases") if about else content
        if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
            raise ValueError(f"`dataset_dir` needs a list of cases, or an object with `cases`, got {file} without.")
        return rows, about
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            sample = opened.readline()
            opened.seek(0)
            delimiter = max(",;\t", key=sample.count)
            found = [row for row in csv.DictReader(opened, delimiter=delimiter) if any(row.values())]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise ValueError(f"`dataset_dir` needs a table in UTF-8, got {file}: {error}.") from error
    if not found:
        raise ValueError(f"`dataset_dir` needs a table with rows, got {file} without.")
    return [{str(name).strip(): value for name, value in row.items()} for row in found], {}


def _item(row: Mapping[str, Any], images: Sequence[str], folder: Path) -> dict[str, Any]:
    listed = [path for name in images for path in as_paths(row.get(name) or [])]
    files = [str(folder / str(path).strip()) for path in listed]
    first = files[0] if files else ""
    case = str(row.get("case") or volume_stem(first) or Path(first).name)
    item: dict[str, Any] = {"image": files[0] if len(files) == 1 else files, "case": case}
    if row.get("label"):
        item["label"] = str(folder / str(row["label"]).strip())
    split = _SPLITS.get(str(row.get("split") or "").strip().lower())
    if split is not None:
        item["split"] = split
    return {**item, "patient": str(row.get("patient") or case)}


def _channel_names(
    images: Sequence[str], items: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> tuple[str, ...]:
    if "channels" in about:
        return tuple(str(name) for name in about["channels"])
    if images != ["image"]:
        return tuple(name.removeprefix("image_") for name in images)
    count = len(as_paths(items[0]["image"])) if items else 1
    return ("image",) if count == 1 else tuple(f"image_{k}" for k in range(count))


def _other_counts(items: Sequence[Mapping[str, Any]], channels: int) -> list[DatasetProblem]:
    return [
        DatasetProblem("cases of another number of channels", str(item["case"]), f"{count} files, {channels} needed")
        for item in items
        for count in [len(as_paths(item["image"]))]
        if count not in (channels, 1, 0)
    ]
