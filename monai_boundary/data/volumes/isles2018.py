# SPDX-License-Identifier: Apache-2.0
"""From the stroke data of ISLES 2018 (SMIR names) on disk to a MONAI datalist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.folder_tree import FolderTree, folder_tree
from monai_boundary.data.volumes.lesion_cases import LesionCase, image_stem, joined_names, lesion_items, lesion_root

__all__ = ["isles2018_datalist"]

_SMIR = re.compile(r"(?:SMIR|VSD)\.Brain\.[^.]*\.O\.(?P<what>[A-Za-z0-9_]+?)(?:\.(?P<id>\d+))?", re.IGNORECASE)


def isles2018_datalist(
    dataset_dir: str | Path,
    *,
    modalities: Sequence[str] = ("cbf", "mtt", "cbv", "tmax"),
    label_name: str = "ot",
    patients: Mapping[str, str] | None = None,
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return an item for each case of ISLES 2018, or of another data set with names of the SMIR.

    Recognised below ``dataset_dir``, with ``.nii`` or ``.nii.gz``, in a folder of the same name or without:
    ``TRAINING/case_1/SMIR.Brain.XX.O.CT_CBF.345563/SMIR.Brain.XX.O.CT_CBF.345563.nii``. The modality is what stands
    before the number, without ``CT_`` or ``MR_``: ``ct``, ``cbf``, ``cbv``, ``mtt``, ``tmax``, ``dwi``; ``4dpwi`` is
    the perfusion series itself, and ``ot`` the lesion, drawn on the DWI.

    Args:
        dataset_dir: folder of the data set.
        modalities: names as above, without case.
        label_name: name of the label, as above.
        patients: patient of each case, by the name of the case's folder. Some patients of ISLES 2018 are two cases (two
            slabs of one scan), which the names do not tell: without this, each case is a patient of its own, and a
            split may put two slabs of one patient on both sides.
        require_labels: whether a case without a label (the challenge's test set) is an error.

    Returns:
        Items in natural order, each with a path under the name of each modality and under ``label``; ``case`` (its
        folder below ``dataset_dir``, joined by ``-``), ``patient`` and ``ignore_labels``, which is empty.

    Raises:
        ValueError: if nothing is found, a case lacks a modality or the label (both are named), or ``patients`` lacks a
            case.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("CT_CBF.1", "OT.2"):
        ...     (folder / "case_1" / f"SMIR.Brain.XX.O.{name}").mkdir(parents=True)
        ...     (folder / "case_1" / f"SMIR.Brain.XX.O.{name}" / f"SMIR.Brain.XX.O.{name}.nii").touch()
        >>> (item,) = isles2018_datalist(folder, modalities="cbf")
        >>> item["case"], Path(item["label"]).name
        ('case_1', 'SMIR.Brain.XX.O.OT.2.nii')
    """
    tree = folder_tree(lesion_root(dataset_dir))
    found = _smir_cases(tree, label_name.lower())
    if not found:
        raise ValueError(
            "`dataset_dir` needs files with names such as SMIR.Brain.XX.O.CT_CBF.345563.nii, got none below "
            f"{tree.root}."
        )
    for case in found if patients is not None else ():
        if patients is not None and case.folder.name not in patients:
            raise ValueError(f"`patients` needs the patient of every case, got none for {case.folder.name!r}.")
        case.patient = (patients or {})[case.folder.name]
    return lesion_items(found, modalities, require_labels, tree.root, tree.skipped)


def _smir_cases(tree: FolderTree, label_name: str) -> list[LesionCase]:
    """Return the cases of a tree; images that belong to none are added to what was skipped."""
    root = tree.root
    cases: dict[Path, LesionCase] = {}
    for path in tree.files:
        stem = image_stem(path)
        match = _SMIR.fullmatch(stem) if stem is not None else None
        if match is None:
            tree.skipped += [f"{path} (no name of the SMIR)"] if stem is not None else []
            continue
        folder = path.parent.parent if _SMIR.fullmatch(path.parent.name) and path.parent != root else path.parent
        case = cases.setdefault(folder, LesionCase("", folder, notes={"ignore_labels": []}))
        what = re.sub(r"^(ct|mr)_", "", match["what"].lower())
        (case.labels if what == label_name else case.images.setdefault(what, [])).append(path)
    found = [case for case in cases.values() if case.images]
    parts = [case.folder.relative_to(root).parts or (root.resolve().name,) for case in found]
    for case, name in zip(found, joined_names(parts), strict=True):
        case.name = name
    tree.skipped += [
        f"{path} (a label without an image)" for case in cases.values() if not case.images for path in case.labels
    ]
    return found
