# SPDX-License-Identifier: Apache-2.0
"""From the stroke data of ISLES 2022 (BIDS) on disk to a MONAI datalist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.folder_tree import FolderTree, folder_tree
from monai_boundary.data.volumes.lesion_cases import LesionCase, image_stem, lesion_items, lesion_root

__all__ = ["isles2022_datalist"]

_BIDS = re.compile(r"(?P<sub>sub-[A-Za-z0-9]+)(?:_(?P<ses>ses-[A-Za-z0-9]+))?(?:_.*)?_(?P<suffix>[A-Za-z0-9-]+)")


def isles2022_datalist(
    dataset_dir: str | Path,
    *,
    modalities: Sequence[str] = ("dwi", "adc"),
    label_suffix: str = "msk",
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return an item for each session of ISLES 2022, or of another BIDS data set of lesions.

    Recognised below ``dataset_dir``: images ``sub-X_ses-Y_dwi.nii.gz`` (adc, flair, ...) in any folders, with
    ``rawdata/`` and ``anat/``, ``dwi/`` or without, and labels ``derivatives/.../sub-X_ses-Y_msk.nii.gz``. Folders that
    are links are entered. The log says how many sessions were found and in which folders, and names the images that
    were not taken.

    DWI, ADC and label share a grid; FLAIR has its own (other size, voxels and angle). Each modality has a key of its
    own, to be resampled to the label's grid: ``ResampleToMatchd(["flair"], key_dst="label")``. The label itself is
    never resampled.

    Args:
        dataset_dir: folder of the data set.
        modalities: suffixes of the images, without case: ``"dwi"``, ``"adc"``, ``"flair"``.
        label_suffix: suffix of the labels' names.
        require_labels: whether a session without a label is an error.

    Returns:
        Items in natural order, each with a path under the name of each modality and under ``label``; ``case``
        (``sub-X_ses-Y``), ``patient`` (``sub-X``: split by it, as one patient may have more sessions) and
        ``ignore_labels``, which is empty.

    Raises:
        ValueError: if nothing is found, or a session lacks a modality or the label: both are named.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("rawdata/sub-1_ses-1_dwi.nii.gz", "derivatives/sub-1_ses-1_msk.nii.gz"):
        ...     (folder / name).parent.mkdir()
        ...     (folder / name).touch()
        >>> (item,) = isles2022_datalist(folder, modalities="dwi")
        >>> item["case"], item["patient"]
        ('sub-1_ses-1', 'sub-1')
    """
    tree = folder_tree(lesion_root(dataset_dir))
    found = _bids_cases(tree, label_suffix.lower())
    if not found:
        raise ValueError(
            "`dataset_dir` needs images in BIDS, such as rawdata/sub-strokecase0001/ses-0001/"
            f"sub-strokecase0001_ses-0001_dwi.nii.gz, got none below {tree.root}."
        )
    return lesion_items(found, modalities, require_labels, tree.root, tree.skipped)


def _bids_cases(tree: FolderTree, label_suffix: str) -> list[LesionCase]:
    """Return the sessions of a tree; images that belong to none are added to what was skipped."""
    cases: dict[str, LesionCase] = {}
    for path in tree.files:
        stem = image_stem(path)
        match = _BIDS.fullmatch(stem) if stem is not None else None
        if match is None:
            tree.skipped += [f"{path} (no name of BIDS)"] if stem is not None else []
            continue
        name = "_".join(part for part in (match["sub"], match["ses"]) if part)
        suffix = match["suffix"].lower()
        case = cases.setdefault(name, LesionCase(name, path.parent, match["sub"], notes={"ignore_labels": []}))
        if suffix == label_suffix:
            case.labels.append(path)
        elif "derivatives" in path.relative_to(tree.root).parts:
            tree.skipped.append(f"{path} (derived)")
        else:
            case.folder = path.parent
            case.images.setdefault(suffix, []).append(path)
    tree.skipped += [
        f"{path} (a label without an image)" for case in cases.values() if not case.images for path in case.labels
    ]
    return [case for case in cases.values() if case.images]
