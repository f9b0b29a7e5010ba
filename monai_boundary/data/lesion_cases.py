# SPDX-License-Identifier: Apache-2.0
"""What the readers of lesion data sets share: a patient's files by modality, and the items of a datalist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_boundary.data.em_source import natural_key

__all__ = ["IMAGE_SUFFIXES", "LesionCase", "image_files", "image_stem", "lesion_items", "lesion_root"]

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


@dataclass
class LesionCase:
    """The files of one case; a modality of two files is an error when it is asked for."""

    name: str
    folder: Path
    patient: str = ""
    images: dict[str, list[Path]] = field(default_factory=dict)
    labels: list[Path] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


def image_stem(path: Path) -> str | None:
    """Return the name of an image file without its suffix, or None for any other file and for hidden ones."""
    if path.name.startswith("."):
        return None
    low = path.name.lower()
    return next((path.name[: -len(suffix)] for suffix in IMAGE_SUFFIXES if low.endswith(suffix)), None)


def image_files(folder: Path) -> dict[str, list[Path]]:
    """Return the image files in a folder by their stems in lower case, in natural order."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)) if folder.is_dir() else ():
        stem = image_stem(path) if path.is_file() else None
        if stem is not None:
            found.setdefault(stem.lower(), []).append(path)
    return found


def lesion_root(dataset_dir: str | Path) -> Path:
    """Return the folder of a data set.

    Raises:
        ValueError: if it is none.
    """
    root = Path(dataset_dir).expanduser()
    if not root.is_dir():
        raise ValueError(f"`dataset_dir` needs an existing folder, got {str(dataset_dir)!r}.")
    return root


def lesion_items(
    cases: Iterable[LesionCase], modalities: Sequence[str] | str, require_labels: bool
) -> list[dict[str, Any]]:
    """Return an item for each case, in natural order of their names.

    Raises:
        ValueError: if ``modalities`` names none or one twice, or a case has no file, or two, of what is asked for.
    """
    asked = [m.lower() for m in ([modalities] if isinstance(modalities, str) else modalities)]
    reserved = {"label", "case", "patient", "image", "ignore_labels"} & set(asked)
    if not asked or len(set(asked)) < len(asked) or reserved:
        raise ValueError(f"`modalities` needs different names of modalities, got {list(modalities)}.")
    items = []
    for case in sorted(cases, key=lambda c: natural_key(c.name)):
        item: dict[str, Any] = {m: _one(case, m, case.images.get(m, [])) for m in asked}
        if case.labels or require_labels:
            item["label"] = _one(case, "label", case.labels)
        items.append({**item, "case": case.name, "patient": case.patient or case.name, **case.notes})
    return items


def _one(case: LesionCase, what: str, files: Sequence[Path]) -> str:
    if len(files) == 1:
        return str(files[0])
    argument = "require_labels" if what == "label" else "modalities"
    held = ", ".join(sorted(m for m, found in case.images.items() if found)) or "none"
    got = f"{len(files)}: {', '.join(str(f) for f in files)}" if files else f"none in {case.folder} (images: {held})"
    raise ValueError(f"`{argument}` needs one file of {what!r} for patient {case.name!r}, got {got}.")
