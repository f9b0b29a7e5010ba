# SPDX-License-Identifier: Apache-2.0
"""A whole set that was never trained on, for an evaluation: one folder or several, of one image or many."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.workflows.membranes.data import em_items
from monai_boundary.workflows.runs.training_settings import warn_of_trained
from monai_boundary.workflows.volumes.challenge_data import challenge_patients

__all__ = ["challenge_scored", "em_scored"]

logger = logging.getLogger(__name__)

Folder = str | os.PathLike[str]
Items = list[dict[str, Any]]


def em_scored(
    data: Mapping[str, Any] | None,
    test_dir: Folder | Sequence[Folder] | None,
    spatial_dims: int,
    output_dir: Folder,
    part: str = "validation",
    **options: Any,
) -> dict[str, Any]:
    """Return ``{"part": its name, "items": what is scored, "label_kind": of its labels}``.

    Args:
        data: what :func:`~monai_boundary.workflows.em_split` returned, or ``None`` where only a test set is scored.
        test_dir: a folder or file of a test set as ``dataset_dir`` is one of a training, or several: all of their
            sections (stacks, in 3-D) are scored. None scores a part of the split.
        spatial_dims: 2 or 3.
        output_dir: where the phantom goes.
        part: of the split, where there is no test set.
        **options: how a test set is read, as `em_items` takes it: ``image_dataset``,
            ``label_dataset``, ``label_kind``, ``polarity``, ``spacing``.

    Raises:
        ValueError: if the labels of the test set are of two kinds; as `em_items`.
    """
    if test_dir is None:
        if data is None:
            raise ValueError("`test_dir` needs a test set where there is no `dataset_dir`, got None.")
        return {"part": part, "items": list(data[part]), "label_kind": data["label_kind"]}
    items = _of_all(test_dir, lambda folder: em_items(folder, spatial_dims, output_dir, **options))
    kinds = sorted({item["label_kind"] for item in items})
    if len(kinds) > 1:
        raise ValueError(f"`test_dir` needs labels of one kind, membranes or ids, got both: {test_dir}.")
    warn_of_trained(items, data)
    logger.info(f"Test set: {len(items)} items of {test_dir}, labels are {kinds[0]}.")
    return {"part": "test", "items": items, "label_kind": kinds[0]}


def challenge_scored(
    data: Mapping[str, Any] | None,
    test_dir: Folder | Sequence[Folder] | None,
    layout: str,
    modalities: Sequence[str],
    output_dir: Folder,
    part: str = "validation",
    **options: Any,
) -> dict[str, Any]:
    """Return ``{"part": its name, "items": the patients (or cases) that are scored}``.

    Patients of several folders that bear the same name are named ``folder/name``.

    Args:
        data: what :func:`~monai_boundary.workflows.challenge_split` returned, or ``None`` where only a test set is
            scored.
        test_dir: a folder of a test set in the same layout, or several: all of their patients are scored, one or many.
            None scores a part of the split.
        layout: ``"wmh"``, ``"isles2022"``, ``"isles2018"`` or ``"brats"``: which reader of `monai_boundary.data`.
        modalities: the images of a patient, in the order of the channels.
        output_dir: where a phantom goes.
        part: of the split, where there is no test set.
        **options: how a test set is read, as :func:`~monai_boundary.workflows.challenge_patients` takes it:
            ``patient_pattern``, and ``phantom`` where there is none.

    Raises:
        ValueError: if there is neither a split nor a test set; as :func:`~monai_boundary.workflows.challenge_patients`.
    """
    if test_dir is None:
        if data is None:
            raise ValueError("`test_dir` needs a test set where there is no `dataset_dir`, got None.")
        return {"part": part, "items": list(data[part])}

    def read(folder: Folder) -> Items:
        return challenge_patients(folder, layout, modalities, output_dir, **options)

    items = _of_all(test_dir, read)
    names = [item["case"] for item in items]
    if len(set(names)) < len(names):
        items = _of_all(
            test_dir, lambda folder: [{**i, "case": f"{Path(folder).resolve().name}/{i['case']}"} for i in read(folder)]
        )
    warn_of_trained(items, data)
    logger.info(f"Test set: {len(items)} cases of {test_dir}.")
    return {"part": "test", "items": items}


def _of_all(folders: Folder | Sequence[Folder], read: Callable[[Folder], Items]) -> Items:
    places = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
    if not places:
        raise ValueError("`test_dir` needs a folder or a list of folders, got an empty list.")
    if len({Path(place).resolve() for place in places}) < len(places):
        raise ValueError(f"`test_dir` needs different folders, got {[str(place) for place in places]}.")
    try:
        return [item for place in places for item in read(place)]
    except ValueError as error:  # the readers know their folder as a training's
        raise ValueError(str(error).replace("`dataset_dir`", "`test_dir`")) from error
