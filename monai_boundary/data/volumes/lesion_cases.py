# SPDX-License-Identifier: Apache-2.0
"""What the readers of lesion data sets share: a patient's files by modality, and the items of a datalist."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_boundary.data.em.source import natural_key

__all__ = ["IMAGE_SUFFIXES", "LesionCase", "image_files", "image_stem", "joined_names", "lesion_items", "lesion_root"]

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")
_NAMED = 5  # of what was skipped


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


def joined_names(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a name for each folder, its parts joined by ``-``; no two of them equal.

    Folders that would share a name (``a-b/c`` and ``a/b-c``) are joined by another mark, one that occurs in none of
    them. Names that differ in case alone count as equal: some file systems do not tell them apart.

    Example:
        >>> joined_names([("Utrecht", "0"), ("a-b", "c"), ("a", "b-c")])
        ['Utrecht-0', 'a-b_c', 'a_b-c']
    """
    names = ["-".join(inside) for inside in parts]
    for mark in ("_", "+", "=", "~", "@"):
        meant: dict[str, set[tuple[str, ...]]] = {}
        for name, inside in zip(names, parts, strict=True):
            meant.setdefault(_folded(name), set()).add(tuple(map(_folded, inside)))
        shared = {name for name, folders in meant.items() if len(folders) > 1}
        names = [
            mark.join(inside) if _folded(name) in shared else name for name, inside in zip(names, parts, strict=True)
        ]
    counts = Counter(map(_folded, names))
    taken = {name for name, count in counts.items() if count == 1}
    for k, name in enumerate(names):
        number = 1
        while counts[_folded(name)] > 1 and _folded(names[k]) in taken:
            number += 1
            names[k] = f"{name}_{number}"
        taken.add(_folded(names[k]))
    return names


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def lesion_items(
    cases: Iterable[LesionCase],
    modalities: Sequence[str] | str,
    require_labels: bool,
    root: Path | None = None,
    skipped: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return an item for each case, in natural order of their names; log how many, from which folders, and what not.

    Args:
        cases: the cases that were found.
        modalities: names of the images that are asked for.
        require_labels: whether a case without a label is an error.
        root: folder of the data set, for the log.
        skipped: what lies in it and belongs to no case, for the log.

    Raises:
        ValueError: if ``modalities`` names none or one twice, or a case has no file, or two, of what is asked for.
    """
    asked = [m.lower() for m in ([modalities] if isinstance(modalities, str) else modalities)]
    reserved = {"label", "case", "patient", "image", "ignore_labels"} & set(asked)
    if not asked or len(set(asked)) < len(asked) or reserved:
        raise ValueError(f"`modalities` needs different names of modalities, got {list(modalities)}.")
    items = []
    for case in sorted(cases, key=lambda c: (natural_key(c.name), c.name)):
        item: dict[str, Any] = {m: _one(case, m, case.images.get(m, [])) for m in asked}
        if case.labels or require_labels:
            item["label"] = _one(case, "label", case.labels)
        items.append({**item, "case": case.name, "patient": case.patient or case.name, **case.notes})
    if root is not None:
        _log_found(items, asked, root, skipped)
    return items


def _log_found(items: Sequence[dict[str, Any]], asked: Sequence[str], root: Path, skipped: Sequence[str]) -> None:
    patients = len({item["patient"] for item in items})
    labels = [item["label"] for item in items if "label" in item]
    logger.info(
        f"{len(items)} cases of {patients} patients below {root}: {', '.join(asked)} in "
        f"{_places(root, [item[m] for item in items for m in asked])}; {len(labels)} labels"
        f"{f' in {_places(root, labels)}' if labels else ''}."
    )
    if skipped:
        more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
        logger.warning(f"Not taken, {len(skipped)} below {root}: {', '.join(skipped[:_NAMED])}{more}.")


def _places(root: Path, files: Sequence[str]) -> str:
    """The folders of files: by name if they are few, else the first, the last and their number."""
    folders = list(dict.fromkeys(Path(file).parent.relative_to(root).as_posix() for file in files))
    return ", ".join(folders) if len(folders) <= 3 else f"{len(folders)} folders, {folders[0]} to {folders[-1]}"


def _one(case: LesionCase, what: str, files: Sequence[Path]) -> str:
    if len(files) == 1:
        return str(files[0])
    argument = "require_labels" if what == "label" else "modalities"
    held = ", ".join(sorted(m for m, found in case.images.items() if found)) or "none"
    got = f"{len(files)}: {', '.join(str(f) for f in files)}" if files else f"none in {case.folder} (images: {held})"
    raise ValueError(f"`{argument}` needs one file of {what!r} for patient {case.name!r}, got {got}.")
