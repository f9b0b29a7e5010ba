# SPDX-License-Identifier: Apache-2.0
"""What any layout of a data set of volumes is read into: cases, channels, labels, folds, and what is wrong."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary.data.em.source import natural_key
from monai_boundary.data.splits import split_patients

__all__ = ["DatasetProblem", "VolumeDataset", "check_problems", "volume_stem"]

logger = logging.getLogger(__name__)

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
LabelIds = int | tuple[int, ...]
_NAMED = 100  # of one kind of problem in an error


class DatasetProblem(NamedTuple):
    """Something that is wrong with a data set, and with which file or case.

    Attributes:
        kind: a few words that several may share, such as ``"missing files"``.
        where: the file, case or entry.
        message: what was needed and what came; may be empty where kind and file say it.
    """

    kind: str
    where: str
    message: str = ""


@dataclass(frozen=True)
class VolumeDataset:
    """Volumes of patients with their labels, whatever the layout on disk.

    Attributes:
        layout: ``"decathlon"``, ``"nnunet"``, ``"paired_folders"`` or ``"table"``.
        source: the file or folder that says what belongs together.
        channels: names of the images of a case, in order; one name where the layout names none.
        labels: class -> its id in the label, or the ids of a region that several classes share. Without background and
            without what is ignored; empty where the layout declares none (paired folders, tables).
        ignore_label: id of voxels that are neither class nor background, or None.
        items: a dictionary for each labelled case: ``image`` (a path, or a list of paths in the order of the channels),
            ``label``, ``case``, ``patient``, and ``split`` (``"train"``, ``"val"``) where the layout states it.
        unlabelled: the same without ``label``, for inference.
        folds: for each fold of a split that lies beside the data, the cases for training and those for validation.
        region_order: nnU-Net's ``regions_class_order``: which id each region is written as, later ones over earlier.
        channel_kinds: name of a channel -> what it holds as the layout says it (``"CT"``, ``"MRI"``).
        problems: all that is wrong with the listing: missing, unmatched and double files, unknown splits.
    """

    layout: str
    source: str
    channels: tuple[str, ...]
    labels: Mapping[str, LabelIds] = field(default_factory=dict)
    ignore_label: int | None = None
    items: tuple[dict[str, Any], ...] = ()
    unlabelled: tuple[dict[str, Any], ...] = ()
    folds: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    region_order: tuple[int, ...] = ()
    channel_kinds: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[DatasetProblem, ...] = ()

    @property
    def label_ids(self) -> tuple[int, ...]:
        """Every id that a label may hold besides 0: of the classes, of the regions, and the one that is ignored."""
        ids = {i for of in self.labels.values() for i in ((of,) if isinstance(of, int) else of)}
        return tuple(sorted(ids | ({self.ignore_label} if self.ignore_label is not None else set())))

    def split(
        self, fold: int = 0, num_folds: int = 5, seed: int = 0
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return ``(training, validation)`` items.

        What the data set states counts: its ``split`` column, then its ``folds``. Else patients are dealt to folds.

        Args:
            fold: which fold is for validation; not looked at where there is a ``split`` column.
            num_folds: of the patients; not looked at where the data set states its split.
            seed: of dealing the patients.

        Raises:
            ValueError: if the fold is none, or has no cases for training or for validation.
        """
        if any("split" in item for item in self.items):
            parts = [[dict(item) for item in self.items if item.get("split") == side] for side in ("train", "val")]
            return _both(f"the split of {self.source}", *parts)
        if not self.folds:
            return split_patients(self.items, num_folds=num_folds, fold=fold, seed=seed)
        if not 0 <= fold < len(self.folds):
            raise ValueError(f"`fold` needs 0..{len(self.folds) - 1}, the folds beside {self.source}, got {fold!r}.")
        parts = [[dict(item) for item in self.items if item["case"] in cases] for cases in self.folds[fold]]
        return _both(f"fold {fold} beside {self.source}", *parts)


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


def check_problems(problems: Sequence[DatasetProblem], source: str) -> None:
    """Check that there are none.

    Args:
        problems: of a `VolumeDataset`.
        source: what they were found in.

    Returns:
        None.

    Raises:
        ValueError: that names all of them, in groups of one kind.
    """
    if not problems:
        return
    groups: dict[str, list[str]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(
            f"{problem.where} ({problem.message})" if problem.message else problem.where
        )
    lines = []
    for kind, found in groups.items():
        more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        lines.append(f"{kind} ({len(found)}): {', '.join(found[:_NAMED])}{more}")
    raise ValueError(f"`dataset_dir` needs a data set without gaps, got {source} with {'; '.join(lines)}.")


def missing_files(items: Iterable[Mapping[str, Any]]) -> list[DatasetProblem]:
    """Return a problem for each file of the items that is not there, and for each that two items share."""
    problems, seen = [], dict[str, str]()
    for item in items:
        for path in [*as_paths(item["image"]), *([item["label"]] if "label" in item else [])]:
            if not Path(path).is_file():
                problems.append(DatasetProblem("missing files", path, f"case {item['case']}"))
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


def log_dataset(dataset: VolumeDataset) -> None:
    """Log in one line what was found."""
    labels = ", ".join(f"{name} {list(of) if isinstance(of, tuple) else of}" for name, of in dataset.labels.items())
    patients = len({item["patient"] for item in dataset.items})
    logger.info(
        f"{len(dataset.items)} cases of {patients} patients in {dataset.source} ({dataset.layout}); channels: "
        f"{', '.join(dataset.channels)}; labels: {labels or 'not declared'}"
        f"{'' if dataset.ignore_label is None else f'; ignored: {dataset.ignore_label}'}; "
        f"{len(dataset.unlabelled)} without a label."
    )


def _both(
    what: str, train: list[dict[str, Any]], val: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    for name, items in (("training", train), ("validation", val)):
        if not items:
            raise ValueError(f"`fold` needs cases for {name}, got none in {what}.")
    return train, val
