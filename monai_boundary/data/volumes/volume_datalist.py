# SPDX-License-Identifier: Apache-2.0
"""From a folder or a table of volumes to its cases, whatever its layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from monai_boundary._validation import check_choice
from monai_boundary.data.volumes.dataset_json import declared_labels, read_json_file
from monai_boundary.data.volumes.dataset_problems import DatasetProblem, check_problems
from monai_boundary.data.volumes.decathlon import read_decathlon
from monai_boundary.data.volumes.nnunet import read_nnunet
from monai_boundary.data.volumes.paired_folders import find_folder_pair, read_paired_folders
from monai_boundary.data.volumes.table import read_table_of_paths
from monai_boundary.data.volumes.volume_dataset import VolumeDataset, log_dataset

__all__ = ["VOLUME_LAYOUTS", "volume_datalist"]

VOLUME_LAYOUTS = ("decathlon", "nnunet", "paired_folders", "table")
_TABLES = (".csv", ".tsv", ".json")


def volume_datalist(
    dataset_dir: str | Path,
    layout: str = "auto",
    *,
    image_dir: str | None = None,
    label_dir: str | None = None,
    channels: Sequence[str] | None = None,
    labels: Mapping[str, int | Sequence[int]] | None = None,
    strict: bool = True,
) -> VolumeDataset:
    """Return the cases of a data set with its channels, labels and folds; the log says in one line what was found.

    Layouts: ``"decathlon"`` (``dataset.json`` with ``training``), ``"nnunet"`` (version 2: ``dataset.json`` with
    ``channel_names``, files ``_0000``), ``"paired_folders"`` (images and labels of one name), ``"table"`` (CSV or JSON
    with columns ``image``, ``label`` and, as wanted, ``split``, ``patient``, ``case``). Files are ``.nii``,
    ``.nii.gz``, ``.mha``, ``.mhd``, ``.nrrd`` or ``.nhdr``; names may have spaces and be of any script. Only names are
    looked at: what is in the files is for ``python -m monai_boundary inspect``.

    Args:
        dataset_dir: folder of the data set, or the table, or the ``dataset.json``.
        layout: one of the four, or ``"auto"``, which tells it by the files.
        image_dir: of paired folders, the folder of the images; by default the one whose name begins with ``image``.
        label_dir: of paired folders, the folder of the labels; ``label``, ``mask`` or ``seg``.
        channels: names of the channels, in place of those of the layout; as many.
        labels: class -> id or ids, in place of those of the layout.
        strict: whether problems are an error; else they are in ``problems`` of what is returned.

    Returns:
        The data set, its items in the natural order of the cases' names.

    Raises:
        ValueError: if there is no such data set; and, if ``strict``, for all missing, unmatched and double files,
            double names of cases, wrong numbers of channels, unknown splits and folds without cases, at once.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("images/Ä 1.nii.gz", "images/b.mha", "labels/Ä 1.nii.gz", "labels/b.mha"):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     (folder / name).touch()
        >>> found = volume_datalist(folder, labels={"liver": 1})
        >>> found.layout, [item["case"] for item in found.items], found.label_ids
        ('paired_folders', ['b', 'Ä 1'], (1,))
    """
    check_choice("layout", layout, ("auto", *VOLUME_LAYOUTS))
    root = Path(dataset_dir).expanduser().absolute()
    if not root.exists():
        raise ValueError(f"`dataset_dir` needs an existing folder or table, got {str(dataset_dir)!r}.")
    pair = find_folder_pair(root, image_dir, label_dir) if layout in ("auto", "paired_folders") else None
    kind = _layout(root, image_dir is not None or label_dir is not None, pair) if layout == "auto" else layout
    found = _read(kind, root, pair, channels)
    if channels is not None and kind != "paired_folders":
        found = _renamed(found, channels)
    if labels is not None:
        declared, ignored = declared_labels(dict(labels), root)
        found = dataclasses.replace(
            found, labels=declared, ignore_label=found.ignore_label if ignored is None else ignored
        )
    if not found.items:
        problem = DatasetProblem("no case that has image and label", found.source)
        found = dataclasses.replace(found, problems=(*found.problems, problem))
    if strict:
        check_problems(found.problems, found.source)
    log_dataset(found)
    return found


def _read(kind: str, root: Path, pair: tuple[Path, Path] | None, channels: Sequence[str] | None) -> VolumeDataset:
    if kind == "decathlon":
        return read_decathlon(root)
    if kind == "nnunet":
        return read_nnunet(root)
    if kind == "table":
        return read_table_of_paths(root if root.is_file() else _table_in(root))
    if pair is None:
        there = ", ".join(sorted(p.name for p in root.iterdir())[:20]) if root.is_dir() else "a file"
        raise ValueError(
            f"`dataset_dir` needs two folders, images* and labels* (or `image_dir` and `label_dir`), got {root} with "
            f"{there or 'nothing in it'}."
        )
    return read_paired_folders(*pair, channels=channels or ("image",))


def _layout(root: Path, dirs_given: bool, pair: tuple[Path, Path] | None) -> str:
    if dirs_given:
        return "paired_folders"
    file = root if root.is_file() else root / "dataset.json"
    if file.suffix.lower() == ".json" and file.is_file():
        content = read_json_file(file)
        keys = set(content) if isinstance(content, Mapping) else set()
        if "channel_names" in keys and "training" not in keys:
            return "nnunet"
        if "training" in keys:
            return "decathlon"
        if isinstance(content, list) or "cases" in keys:
            return "table"
        raise ValueError(
            "`layout` is needed: dataset.json has neither `training` (the Decathlon's) nor `channel_names` (nnU-Net's) "
            f"nor `cases` (a table), got {file} with {', '.join(map(str, sorted(keys))) or 'no keys'}."
        )
    if root.is_file():
        return "table"
    if pair is not None:
        return "paired_folders"
    if any(path.suffix.lower() in _TABLES for path in root.iterdir()):
        return "table"
    there = ", ".join(sorted(p.name for p in root.iterdir())[:20]) or "nothing in it"
    raise ValueError(
        "`dataset_dir` needs a dataset.json (the Decathlon's or nnU-Net's), two folders named images* and labels*, or "
        f"a table (.csv, .json), got {root} with {there}."
    )


def _table_in(folder: Path) -> Path:
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() in _TABLES)
    if len(tables) != 1:
        listing = ", ".join(path.name for path in tables) or "none"
        raise ValueError(f"`dataset_dir` needs the table itself, or a folder with one, got {folder} with {listing}.")
    return tables[0]


def _renamed(found: VolumeDataset, channels: Sequence[str]) -> VolumeDataset:
    if len(channels) != len(found.channels):
        raise ValueError(
            f"`channels` needs {len(found.channels)} names ({', '.join(found.channels)} in {found.source}), got "
            f"{len(channels)}: {', '.join(channels)}."
        )
    kinds = {new: found.channel_kinds.get(old, old) for new, old in zip(channels, found.channels, strict=True)}
    return dataclasses.replace(found, channels=tuple(channels), channel_kinds=kinds)
