# SPDX-License-Identifier: Apache-2.0
"""What any layout of a data set of volumes is read into: cases, channels, labels, folds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.patient_split import split_patients

__all__ = ["VolumeDataset"]

logger = logging.getLogger(__name__)
LabelIds = int | tuple[int, ...]
_NAMED = 5  # patients


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

        What the data set states counts: its ``split`` column, then its ``folds``; a warning names the patients that it
        puts on both sides. Else patients are dealt to folds.

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
    if both := sorted({str(item["patient"]) for item in train} & {str(item["patient"]) for item in val}):
        more = f" and {len(both) - _NAMED} more" if len(both) > _NAMED else ""
        logger.warning(
            f"{len(both)} patients are in the training and the validation of {what}: {', '.join(both[:_NAMED])}{more}. "
            "Scores of cases of theirs say little of others."
        )
    return train, val
