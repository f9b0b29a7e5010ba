# SPDX-License-Identifier: Apache-2.0
"""From the stroke data of ISLES 2022 (BIDS) and ISLES 2018 (SMIR names) on disk to a MONAI datalist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.lesion_cases import LesionCase, image_stem, lesion_items, lesion_root

__all__ = ["isles2018_datalist", "isles2022_datalist"]

_BIDS = re.compile(r"(?P<sub>sub-[A-Za-z0-9]+)(?:_(?P<ses>ses-[A-Za-z0-9]+))?(?:_.*)?_(?P<suffix>[A-Za-z0-9-]+)")
_SMIR = re.compile(r"(?:SMIR|VSD)\.Brain\.[^.]*\.O\.(?P<what>[A-Za-z0-9_]+?)(?:\.(?P<id>\d+))?", re.IGNORECASE)


def isles2022_datalist(
    dataset_dir: str | Path,
    *,
    modalities: Sequence[str] = ("dwi", "adc"),
    label_suffix: str = "msk",
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return an item for each session of ISLES 2022, or of another BIDS data set of lesions.

    Recognised below ``dataset_dir``: images ``sub-X_ses-Y_dwi.nii.gz`` (adc, flair, ...) in any folders, with
    ``rawdata/`` and ``anat/``, ``dwi/`` or without, and labels ``derivatives/.../sub-X_ses-Y_msk.nii.gz``.

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
    root = lesion_root(dataset_dir)
    cases: dict[str, LesionCase] = {}
    for path, stem in _images_below(root):
        match = _BIDS.fullmatch(stem)
        if match is None:
            continue
        name = "_".join(part for part in (match["sub"], match["ses"]) if part)
        suffix = match["suffix"].lower()
        derived = "derivatives" in path.relative_to(root).parts
        case = cases.setdefault(name, LesionCase(name, path.parent, match["sub"], notes={"ignore_labels": []}))
        if suffix == label_suffix.lower():
            case.labels.append(path)
        elif not derived:
            case.folder = path.parent
            case.images.setdefault(suffix, []).append(path)
    found = [case for case in cases.values() if case.images]
    if not found:
        raise ValueError(
            "`dataset_dir` needs images in BIDS, such as rawdata/sub-strokecase0001/ses-0001/"
            f"sub-strokecase0001_ses-0001_dwi.nii.gz, got none below {root}."
        )
    return lesion_items(found, modalities, require_labels)


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
    root = lesion_root(dataset_dir)
    cases: dict[Path, LesionCase] = {}
    for path, stem in _images_below(root):
        match = _SMIR.fullmatch(stem)
        if match is None:
            continue
        folder = path.parent.parent if _SMIR.fullmatch(path.parent.name) and path.parent != root else path.parent
        name = "-".join(folder.relative_to(root).parts) or root.resolve().name
        case = cases.setdefault(folder, LesionCase(name, folder, notes={"ignore_labels": []}))
        what = re.sub(r"^(ct|mr)_", "", match["what"].lower())
        (case.labels if what == label_name.lower() else case.images.setdefault(what, [])).append(path)
    found = [case for case in cases.values() if case.images]
    if not found:
        raise ValueError(
            f"`dataset_dir` needs files with names such as SMIR.Brain.XX.O.CT_CBF.345563.nii, got none below {root}."
        )
    for case in found if patients is not None else ():
        if patients is not None and case.folder.name not in patients:
            raise ValueError(f"`patients` needs the patient of every case, got none for {case.folder.name!r}.")
        case.patient = (patients or {})[case.folder.name]
    return lesion_items(found, modalities, require_labels)


def _images_below(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the image files below a folder, in order, with their names without suffix."""
    for path in sorted(root.rglob("*")):
        stem = image_stem(path) if path.is_file() else None
        if stem is not None:
            yield path, stem
