# SPDX-License-Identifier: Apache-2.0
"""From BraTS on disk, in the layouts of 2017 to 2023, to a MONAI datalist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_choice
from monai_boundary.data.folder_tree import FolderTree, folder_tree
from monai_boundary.data.volumes.lesion_cases import LesionCase, image_stem, lesion_items, lesion_root
from monai_boundary.data.volumes.nifti_reader import check_nifti_grids

__all__ = ["BRATS_MODALITIES", "BRATS_SUFFIXES", "brats_datalist"]

BRATS_MODALITIES = ("t1c", "t1", "t2", "flair")
# modality -> the ends of the files' names: until 2021, since 2023, and in other data sets
BRATS_SUFFIXES: dict[str, tuple[str, ...]] = {
    "t1c": ("t1ce", "t1c", "t1gd"),
    "t1": ("t1", "t1n"),
    "t2": ("t2", "t2w"),
    "flair": ("flair", "t2f"),
}
LABEL_SUFFIXES = ("seg", "segm", "gtv")  # one file of BraTS 2020 is called W39_1998.09.19_Segm.nii; gtv: MEN-RT 2024

_NAME = re.compile(r"(?P<case>.+)[_-](?P<suffix>[A-Za-z0-9]+)")
# since 2023 the last number is the time point: BraTS-GLI-00005-000 and -001 are one patient
_TIME_POINT = re.compile(r"(?P<patient>BraTS(?:-[A-Za-z]+)+-\d+)-\d{1,3}", re.IGNORECASE)


def brats_datalist(
    dataset_dir: str | Path,
    *,
    modalities: Sequence[str] = BRATS_MODALITIES,
    suffixes: Mapping[str, Sequence[str] | str] | None = None,
    label_suffixes: Sequence[str] = LABEL_SUFFIXES,
    require_labels: bool = True,
    check_headers: bool = True,
) -> list[dict[str, Any]]:
    """Return an item for each case, whose ``image`` is the list of its modalities' files.

    Recognised below ``dataset_dir``, at any depth and mixed, ``.nii`` or ``.nii.gz``, whatever the case of the letters:

    - 2017 to 2019: ``HGG/Brats18_2013_2_1/Brats18_2013_2_1_t1ce.nii.gz`` (t1, t2, flair, seg);
    - 2020, 2021: ``BraTS2021_00006/BraTS2021_00006_t1ce.nii.gz``;
    - since 2023, all cohorts: ``BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1c.nii.gz`` (t1n, t2w, t2f, seg).

    Folders that are links are entered. The log says how many cases were found and in which folders, and names the
    images that were not taken.

    The modalities have one name each, whatever the year: ``t1c``, ``t1``, ``t2``, ``flair``. A file whose name ends
    otherwise is a modality of that name (``..._adc.nii.gz`` is ``adc``), or of the one that ``suffixes`` says.
    ``LoadImaged`` stacks the files of ``image`` as channels in the order of ``modalities``: all of a case must lie on
    one grid, as BraTS's do. `TumourRegionsd` understands the labels of every year.

    Args:
        dataset_dir: folder of the data set, or of one case.
        modalities: in the order of the channels.
        suffixes: ends of the names for a modality, beside those known: ``{"t1c": "T1post", "adc": ("adc", "dwi_adc")}``
            (a suffix has letters and digits: what follows the last ``_`` or ``-``).
        label_suffixes: ends of the segmentations' names.
        require_labels: whether a case without segmentation (a validation set) is an error.
        check_headers: open the header of each file, to find those that are unreadable or on another grid before a
            training starts (some milliseconds for a case).

    Returns:
        Items in natural order with ``image`` (list of paths), ``label`` (path, where there is one), ``case``,
        ``patient`` (the case without its time point) and ``site`` (the folder above, such as ``HGG``, or ``""``).

    Raises:
        ValueError: if nothing is found; a case lacks a modality or the label, or has two files of one (all are named);
            a case is there twice; a file cannot be opened, or lies on another grid than the others of its case.

    Example:
        >>> import tempfile
        >>> from monai_boundary.data import write_tumour_phantom
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_tumour_phantom(folder, patients=1, shape=(32, 32, 16), layout="brats2023")
        >>> (item,) = brats_datalist(folder, modalities=("t1c", "flair"))
        >>> item["case"], item["patient"], [Path(path).name for path in item["image"]]
        ('BraTS-GLI-00000-000', 'BraTS-GLI-00000', ['BraTS-GLI-00000-000-t1c.nii.gz', 'BraTS-GLI-00000-000-t2f.nii.gz'])
    """
    tree = folder_tree(lesion_root(dataset_dir))
    asked = [modalities.lower()] if isinstance(modalities, str) else [m.lower() for m in modalities]
    names = _names_by_suffix(suffixes or {}, asked, label_suffixes)
    cases = _cases(tree, names)
    if not cases:
        raise ValueError(
            "`dataset_dir` needs cases such as BraTS2021_00006/BraTS2021_00006_t1ce.nii.gz or BraTS-GLI-00000-000/"
            f"BraTS-GLI-00000-000-t1c.nii.gz, got none below {tree.root}."
        )
    items = []
    for item in lesion_items(cases, asked, require_labels, tree.root, tree.skipped):
        files = {m: item.pop(m) for m in asked}
        if check_headers:
            _check_headers(item["case"], {**files, **({"label": item["label"]} if "label" in item else {})})
        items.append({"image": list(files.values()), **item})
    return items


def _names_by_suffix(
    suffixes: Mapping[str, Sequence[str] | str], asked: Sequence[str], label_suffixes: Sequence[str]
) -> dict[str, str]:
    """Return what each known suffix stands for: a modality, or the label."""
    names = {suffix.lower(): "label" for suffix in label_suffixes}
    names.update({suffix: name for name, known in BRATS_SUFFIXES.items() for suffix in known})
    for name, own in suffixes.items():
        check_choice("suffixes", name.lower(), asked)
        names.update({suffix.lower(): name.lower() for suffix in ([own] if isinstance(own, str) else own)})
    return {**{name: name for name in asked if name not in names}, **names}


def _cases(tree: FolderTree, names: Mapping[str, str]) -> list[LesionCase]:
    """Return the files of a tree, by the folder and the first part of their names."""
    groups: dict[tuple[Path, str], dict[str, list[Path]]] = {}
    for path in tree.files:
        stem = image_stem(path)
        match = _NAME.fullmatch(stem) if stem is not None else None
        if match is not None:
            suffix = match["suffix"].lower()
            group = groups.setdefault((path.parent, match["case"]), {})
            group.setdefault(names.get(suffix, suffix), []).append(path)
        elif stem is not None:
            tree.skipped.append(f"{path} (no name of a modality)")
    known = set(names.values())
    cases: dict[tuple[Path, str], LesionCase] = {}
    for (folder, name), files in groups.items():
        if known & set(files) - {"label"}:
            labels = files.pop("label", [])
            point = _TIME_POINT.fullmatch(name)
            above = folder.relative_to(tree.root).parts[:-1]
            cases[folder, name] = LesionCase(
                name, folder, point["patient"] if point else name, files, labels, {"site": "/".join(above)}
            )
    for (folder, name), files in groups.items():  # a label of another name than the images, alone in their folder
        here = [case for (place, _), case in cases.items() if place == folder]
        if (folder, name) in cases:
            continue
        if "label" in files and len(here) == 1:
            here[0].labels += files.pop("label")
        tree.skipped += [f"{path} (no modality that is known)" for found in files.values() for path in found]
    _check_once(list(cases.values()))
    return list(cases.values())


def _check_once(cases: Sequence[LesionCase]) -> None:
    folders: dict[str, Path] = {}
    for case in cases:
        if case.name in folders:
            raise ValueError(
                f"`dataset_dir` needs each case once, got {case.name!r} in {folders[case.name]} and {case.folder}."
            )
        folders[case.name] = case.folder


def _check_headers(case: str, files: dict[str, str]) -> None:
    nifti = {what: path for what, path in files.items() if path.lower().endswith((".nii", ".nii.gz"))}
    try:
        check_nifti_grids(nifti)
    except ValueError as error:
        raise ValueError(f"case {case!r}: {error}") from error
