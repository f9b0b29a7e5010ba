# SPDX-License-Identifier: Apache-2.0
"""One case from its two files to its record; what a worker process does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from monai_boundary import __version__
from monai_boundary._typing import AnyArray
from monai_boundary.report.case_files import ITK_SUFFIXES, NIFTI_SUFFIXES
from monai_boundary.report.case_records import Record, fingerprint, told_infinity, write_record
from monai_boundary.report.case_scores import CURVE_POINTS, TOLERANCE, MaskScoring, score_instances, score_masks
from monai_boundary.report.label_classes import ClassTable, pairs_of_masks
from monai_boundary.report.label_volume import (
    GivenSpacing,
    LabelVolume,
    grid_difference,
    mask_of_picture,
    read_stored_labels,
    resample_nearest,
)
from monai_boundary.report.probability_scores import (
    channel_of_class,
    labels_of_channels,
    membrane_scores,
    read_probability,
    threshold_scores,
)

_MASK_VALUES = (1, 255, 65535)
_OF_A_MASK = 255


@dataclass(frozen=True)
class CaseOptions:
    """All that changes the scores of a case.

    Attributes:
        classes: label values by name; ``"brats"``; None for every label that there is.
        instances: labels are ids of objects.
        ignore_labels: labels of the truth that are not scored; of instances 0 is not either.
        tolerance: of the surface Dice, in the unit of the files; None for 1 mm, 1 voxel or 10 nm.
        border_tolerance_nm: of the instance scores.
        instances_by: how a membrane's probability becomes instances at each threshold: ``"components"``,
            ``"watershed"`` or ``"barrier_cut"``.
        min_size: smaller ones of these are removed.
        empty_policy: what a distance is where one of two masks is empty.
        challenge: BraTS challenge by whose rules lesion-wise scores are made.
        align: resample predictions that are on another grid, by nearest neighbour.
        spacing: instead of what files state.
        pred_dataset: of HDF5 and Zarr files.
        truth_dataset: of HDF5 and Zarr files.
    """

    classes: ClassTable | str | None = None
    instances: bool = False
    ignore_labels: tuple[int, ...] = ()
    tolerance: float | None = None
    border_tolerance_nm: float | None = None
    instances_by: str = "components"
    min_size: int = 0
    empty_policy: str = "diagonal"
    challenge: str | None = None
    align: bool = False
    spacing: GivenSpacing | None = None
    pred_dataset: str | None = None
    truth_dataset: str | None = None


class CaseJob(NamedTuple):
    """A case to score: whose, which, its files, how, where its record goes, and its probabilities, if there are any.

    ``run`` marks the records of a case that comes from memory, which no file tells from those of another time.
    """

    method: str
    case: str
    prediction: Path
    truth: Path
    options: CaseOptions
    record: Path
    probability: Path | None = None
    run: str = ""

    @property
    def mark(self) -> str:
        """What tells its record from those of other settings, files or versions of the package."""
        if self.run:
            return self.run
        files = [self.prediction, self.truth, *([self.probability] if self.probability else [])]
        about = {"method": self.method, "case": self.case, "version": __version__}
        return fingerprint({**about, **self.options.__dict__}, files)


class LoadedCase(NamedTuple):
    """Prediction and truth of a case on one grid, what had to be done for it, and the probabilities (C, *spatial)."""

    prediction: LabelVolume
    truth: LabelVolume
    notes: list[str]
    probability: AnyArray | None = None


def load_case(prediction: Path, truth: Path, options: CaseOptions) -> LoadedCase:
    """Read both segmentations of a case, and compare their grids.

    A picture of nothing but 0 and 255 is a mask of 1, unless 255 is a class: in the table, or beside other labels of
    the other side (0, 128 and 255, of which one side lacks 128).

    Args:
        prediction: its file.
        truth: its file.
        options: datasets, spacing, and whether to resample.

    Raises:
        ValueError: if a file cannot be read, or the grids differ (how they do is told) and are not to be aligned.
    """
    pred = read_stored_labels(prediction, options.pred_dataset, options.spacing)
    true = read_stored_labels(truth, options.truth_dataset, options.spacing)
    masks = mask_of_picture(prediction, pred), mask_of_picture(truth, true)
    table = options.classes if isinstance(options.classes, dict) else {}
    if not any(_OF_A_MASK in of for of in table.values()) and not any((m.values == _OF_A_MASK).any() for m in masks):
        pred, true = masks
    return on_one_grid(pred, true, options.align, f" ({prediction} against {truth})")


def on_one_grid(pred: LabelVolume, true: LabelVolume, align: bool = False, where: str = "") -> LoadedCase:
    """Return both segmentations of a case on one grid.

    Args:
        pred: as it was read.
        true: as it was read.
        align: whether to resample.
        where: for the error.

    Raises:
        ValueError: if the grids differ (how they do is told) and are not to be aligned.
    """
    difference = grid_difference(pred, true)
    notes = []
    if difference and not align:
        raise ValueError(
            f"the prediction is on another grid than the truth: {difference}{where}. "
            "`align` resamples the prediction by nearest neighbour."
        )
    if difference:
        pred = resample_nearest(pred, true)
        notes.append(f"resampled to the truth's grid by nearest neighbour ({difference})")
    elif (pred.affine is None) != (true.affine is None):
        which = "prediction" if pred.affine is None else "truth"
        notes.append(f"the {which} states no grid: only shapes were compared")
        pred, true = (pred._replace(affine=true.affine, unit=true.unit), true) if pred.affine is None else (pred, true)
        true = true if true.affine is not None else true._replace(affine=pred.affine, unit=pred.unit)
    return LoadedCase(pred, true, notes)


def read_case(job: CaseJob) -> LoadedCase:
    """Read the files of a case.

    Args:
        job: the case.

    Raises:
        ValueError: if one cannot be read, or does not fit to the others.
    """
    case = load_case(job.prediction, job.truth, job.options)
    if job.probability is None:
        return case
    axes_xyz = job.truth.name.lower().endswith((*NIFTI_SUFFIXES, *ITK_SUFFIXES))
    chances = read_probability(job.probability, case.truth, job.options.pred_dataset, job.options.spacing, axes_xyz)
    return case._replace(probability=chances)


def evaluate_case(job: CaseJob, load: Callable[[CaseJob], LoadedCase] = read_case) -> Record:
    """Score a case, write its record, and return it. What fails is a record, too: its ``error`` tells why.

    Args:
        job: the case.
        load: gives what is scored.
    """
    about: dict[str, Any] = {"method": job.method, "case": job.case}
    about |= {"prediction": str(job.prediction), "truth": str(job.truth)}
    try:
        record = {**about, "mark": job.mark, **told_infinity(_scores(job, load(job)))}
    except (ValueError, TypeError, OSError, ImportError) as error:
        record = {**about, "error": str(error) or type(error).__name__}
    except MemoryError:
        record = {**about, "error": "there is not enough memory for this case"}
    except Exception as error:  # a library's own: the other cases go on
        record = {**about, "error": f"{type(error).__name__}: {error}"}
    write_record(record, job.record)
    return record


def _scores(job: CaseJob, case: LoadedCase) -> dict[str, Any]:
    options, true = job.options, case.truth
    where = {"unit": true.unit, "spacing": list(true.spacing), "shape": list(true.values.shape), "notes": case.notes}
    return {**where, **(_instance_scores(job, case) if options.instances else _class_scores(options, case))}


def _instance_scores(job: CaseJob, case: LoadedCase) -> dict[str, Any]:
    options, pred, true = job.options, case.prediction, case.truth
    scale = {"mm": 1e6, "nm": 1.0, "voxel": math.nan}[true.unit]
    if options.border_tolerance_nm and math.isnan(scale):
        raise ValueError(f"`border_tolerance_nm` needs a spacing, which {job.truth} does not state: give `spacing_nm`.")
    in_nm = None if math.isnan(scale) else [s * scale for s in true.spacing]
    for path, volume in ((job.prediction, pred), (job.truth, true)):
        _refuse_mask(path, volume.values)
    ignored = tuple(dict.fromkeys((0, *options.ignore_labels)))
    scores, rows = score_instances(pred.values, true.values, in_nm, options.border_tolerance_nm, ignored)
    found: dict[str, Any] = {"scores": scores, "instances": rows}
    if case.probability is not None:
        found["thresholds"] = membrane_scores(
            case.probability,
            true.values,
            options.instances_by,
            min_size=options.min_size,
            ignore_labels=ignored,
            border_tolerance_nm=options.border_tolerance_nm,
            spacing=in_nm,
        )
    return {"volume_unit": "voxels", "classes": {"instances": found}}


def _refuse_mask(path: Path, values: AnyArray) -> None:
    """Tell a mask from ids: all that is not 0 has one of the values that masks have, and lies in three pieces or more.

    As one instance it would have scores, and they would say nothing.
    """
    value = values.max(initial=0)
    if value not in _MASK_VALUES or np.count_nonzero(values) != np.count_nonzero(values == value):
        return
    pieces = ndimage.label(values, structure=np.ones((3,) * values.ndim))[1]
    if pieces > 2:
        raise ValueError(
            f"`instances` needs an id for each object, got a mask in {path}: {value} in {pieces} pieces. Number them "
            "first (for example with `monai_boundary.transforms.MembraneToInstances`), or leave `instances` out."
        )


def _class_scores(options: CaseOptions, case: LoadedCase) -> dict[str, Any]:
    pred, true, unit = case.prediction, case.truth, case.truth.unit
    if options.challenge is not None and unit != "mm":
        raise ValueError("`challenge` needs a spacing in mm, which the truth does not state: give `spacing`.")
    volume_unit, volume = voxel_volume(unit, true.spacing)
    tolerance = TOLERANCE[unit] if options.tolerance is None else options.tolerance
    how = MaskScoring(tolerance, CURVE_POINTS[unit], volume, options.empty_policy, options.challenge)
    masks = pairs_of_masks(pred.values, true.values, options.classes, options.ignore_labels)
    channels = {}
    if case.probability is not None:
        if options.classes is None:  # what neither side has may be a false alarm at a lower threshold
            nothing = np.zeros(true.values.shape, dtype=np.bool_)
            absent = (str(label) for label in labels_of_channels(len(case.probability)))
            masks |= {name: (nothing, nothing) for name in absent if name not in masks}
        channels = channel_of_class(case.probability, list(masks), named=options.classes is not None)
        ignored = np.isin(true.values, list(options.ignore_labels))
    classes = {}
    for name, (predicted, truth) in masks.items():
        found = score_masks(predicted, truth, true.spacing, how)
        classes[name] = {"scores": found.scores, "curve": found.curve, "lesions": found.lesions}
        if found.lesion_wise:
            classes[name]["lesion_wise"] = found.lesion_wise
        if name in channels:
            classes[name]["thresholds"] = threshold_scores(channels[name], truth, ignored)
    return {"volume_unit": volume_unit, "tolerance": tolerance, "classes": classes}


def voxel_volume(unit: str, spacing: Sequence[float]) -> tuple[str, float]:
    """Return the unit of volumes and what a voxel has of it: millilitres of 3-D images in mm, else voxels.

    Args:
        unit: of the spacing.
        spacing: of the image.

    Example:
        >>> voxel_volume("mm", (1.0, 1.0, 3.0))
        ('ml', 0.003)
    """
    return ("ml", math.prod(spacing) / 1000) if unit == "mm" and len(spacing) == 3 else ("voxels", 1.0)
