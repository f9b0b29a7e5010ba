# SPDX-License-Identifier: Apache-2.0
"""The items of a data set of volumes: their files and their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.em.source import natural_key
from monai_boundary.data.volumes.dataset_problems import DatasetProblem

__all__ = ["volume_stem"]

MISSING = "missing files"  # a kind of problem
PICTURE_SUFFIXES = (".png", ".tif", ".tiff")
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr", *PICTURE_SUFFIXES)


def volume_stem(path: Path | str) -> str | None:
    """Return the name of a volume's file without its suffix, or None for any other file and for hidden ones.

    Args:
        path: of the file; only its name counts. Letters with accents are composed (NFC): file systems differ.

    Example:
        >>> volume_stem("imagesTr/Fall 7 – Köln.nii.gz"), volume_stem("notes.txt")
        ('Fall 7 – Köln', None)
    """
    name = unicodedata.normalize("NFC", Path(path).name)
    low = name.lower()
    suffix = next((s for s in VOLUME_SUFFIXES if low.endswith(s)), None)
    return None if suffix is None or name.startswith(".") else name[: -len(suffix)]


def volume_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files that are volumes; pictures only where there is nothing else: beside volumes they are previews.

    Args:
        paths: files of a folder.

    Example:
        >>> [path.name for path in volume_files([Path("a.mha"), Path("a.png"), Path("notes.txt")])]
        ['a.mha']
    """
    found = [path for path in paths if volume_stem(path) is not None]
    volumes = [path for path in found if not path.name.lower().endswith(PICTURE_SUFFIXES)]
    return volumes or found


def missing_files(items: Iterable[Mapping[str, Any]]) -> list[DatasetProblem]:
    """Return a problem for each file of the items that is not there, and for each that two items share."""
    problems, seen = [], dict[str, str]()
    for item in items:
        for path in [*as_paths(item["image"]), *([item["label"]] if "label" in item else [])]:
            if not Path(path).is_file():
                problems.append(DatasetProblem(MISSING, path, f"case {item['case']}"))
            if path in seen:
                problems.append(DatasetProblem("files listed twice", path, f"cases {seen[path]} and {item['case']}"))
            seen[path] = str(item["case"])
    return problems


def double_cases(items: Iterable[Mapping[str, Any]]) -> list[DatasetProblem]:
    """Return a problem for each name that two cases share: results are files under these names."""
    seen: dict[str, Mapping[str, Any]] = {}
    problems = []
    for item in items:
        name = str(item["case"]).casefold()
        if name in seen:
            files = f"{as_paths(seen[name]['image'])[0]} and {as_paths(item['image'])[0]}"
            problems.append(DatasetProblem("double names of cases", str(item["case"]), files))
        seen[name] = item
    return problems


def as_paths(image: str | Sequence[str]) -> list[str]:
    """Return the files of an item's image as a list."""
    return [image] if isinstance(image, str) else list(image)


def in_order(items: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return items in the natural order of their cases."""
    return tuple(sorted(items, key=lambda item: (natural_key(str(item["case"])), str(item["case"]))))
