# SPDX-License-Identifier: Apache-2.0
"""The report of a folder of predictions, of what an evaluator predicts: the same scores, tables and page."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.data import MetaTensor
from monai.engines.workflow import Workflow

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.handlers.pictures.cases import case_name, mlflow_runs
from monai_boundary.ops.label_values import whole_label
from monai_boundary.report.case_drawing import check_pictures
from monai_boundary.report.case_evaluation import CaseJob, LoadedCase, evaluate_case, on_one_grid
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import Record, record_path
from monai_boundary.report.folder_evaluation import case_options
from monai_boundary.report.label_volume import VOLUME_SUFFIX, LabelVolume, write_label_volume
from monai_boundary.report.page_shell import require_page_libraries
from monai_boundary.report.probability_scores import check_probability
from monai_boundary.report.report_files import FolderEvaluation, ReportOptions, report_folder, write_report

logger = logging.getLogger(__name__)

_BEHIND = (1, 99)  # percentiles of the grey values that pictures show


class CaseReport:
    """Ends an evaluation in the page and the tables that ``python -m monai_boundary evaluate`` makes of a folder.

    Every case is scored as it comes, from memory; with pictures its labels are kept on disk until it is known which
    cases are drawn. In the end there are ``report.html`` in the folder, and ``cases.csv``, ``summary.json`` and the
    other tables in ``report`` below it; see :func:`~monai_boundary.report.evaluate_folders`. The evaluator's own scores
    are not taken from these, nor these from them: they may be others, and weigh misses otherwise.

    Page and tables are artifacts, in ``report``, of the MLflow run that tracks the evaluator. A report that cannot be
    made is logged as an error, and the evaluation stands; without the libraries of the page there are the tables, and a
    warning.

    Args:
        folder: of the evaluation.
        pred: key of the segmentation: labels or ids, (1, spatial), or a mask of each class in a channel.
        label: key of its truth.
        image: key of what is behind the contours, its first channel; None for nothing.
        probability: key of the membrane's probability, with ``instances``, for curves over the threshold; or None.
        spacing: key of the spacing of an item (mm); without it that of the truth's affine.
        classes: names of the channels, or name -> label values; without any every label is a class.
        instances: labels are ids of objects.
        challenge: BraTS challenge by whose rules lesion-wise scores are made.
        ignore_labels: labels of the truth that are not scored.
        method: what the page calls the predictions.
        pictures: ``"worst"``, ``"all"``, ``"none"``, or how many of the worst cases.
        workers: processes that draw.
        **options: further fields of the command: ``tolerance``, ``empty_policy``, ``border_tolerance_nm``; and of those
            curves ``instances_by``, which way to instances, and ``min_size``.

    Raises:
        ValueError: if options do not fit together.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        pred: str = "pred",
        label: str = "label",
        *,
        image: str | None = "image",
        probability: str | None = None,
        spacing: str = "spacing",
        classes: Sequence[str] | Mapping[str, Any] | None = None,
        instances: bool = False,
        challenge: str | None = None,
        ignore_labels: Sequence[int] = (),
        method: str = "network",
        pictures: str | int = "worst",
        workers: int = 1,
        **options: Any,
    ) -> None:
        self.folder = Path(folder)
        self.keys = (pred, label, image, probability, spacing)
        self.channels: tuple[str, ...] = ()
        table = classes if isinstance(classes, Mapping) else None
        if classes is not None and not isinstance(classes, Mapping):
            self.channels = tuple(classes)
            table = {name: _values_of_channel(k, len(self.channels)) for k, name in enumerate(self.channels)}
        more = {"instances": instances, "ignore_labels": tuple(ignore_labels), **options}
        self.options = case_options(table, None, challenge, **more)
        check_pictures(pictures)
        rank_by = "pq" if instances else "dice"
        self.how = ReportOptions(rank_by, pictures, page=True, workers=workers, force=True)
        self.method = method
        self._place: Path | None = None
        self._jobs: list[CaseJob] = []
        self._failed: list[Record] = []
        self._images: dict[str, tuple[Path, ...]] = {}

    def attach(self, engine: Workflow) -> None:
        """Attach to an evaluator (with decollating)."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.keep)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def start(self, engine: Workflow) -> None:
        """Forget the cases of an earlier run."""
        self._forget()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place = Path(tempfile.mkdtemp(prefix="report_", dir=self.folder))
        self._remove = weakref.finalize(
            self, shutil.rmtree, self._place, ignore_errors=True
        )  # of a run that fails, too

    def keep(self, engine: Workflow) -> None:
        """Score the cases of an iteration."""
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            try:
                self._score(engine, {**batch, **output})
            except Exception as error:
                engine.logger.exception("a case is not in the report: %s", error)

    def finish(self, engine: Workflow) -> None:
        """Write tables and page."""
        try:
            if self._jobs:
                result = self._report(engine)
                page = self.folder / "report.html"
                if (self.folder / "report" / page.name).is_file():
                    (self.folder / "report" / page.name).replace(page)
                files = [page if file.name == page.name else file for file in result.files]
                for log_artifact in mlflow_runs(engine):
                    for file in files:
                        log_artifact(str(file), "report")
                # Ignite's own logger says no more than warnings in a bundle
                logger.info("Report: %s", ", ".join(map(str, files)))
        except Exception as error:  # a bundle's log has no traceback
            engine.logger.exception("no report, but the scores of the evaluation stand: %s", error)
        finally:
            self._forget()

    def _report(self, engine: Workflow) -> FolderEvaluation:
        page = True
        try:
            require_page_libraries()
        except ImportError as error:
            page = False
            engine.logger.warning("tables, but no page: %s", error)
        settings = {"predictions": {self.method: "an evaluation"}, "truth": "its data set", **self.options.__dict__}
        matches, how = {self.method: CaseMatches([], [], [])}, self.how._replace(page=page)
        place = self.folder / "report"
        with report_folder(place, force=True):
            assert self._place is not None
            shutil.move(self._place / "cases", place / "cases")
            jobs = [job._replace(record=record_path(place, job.method, job.case)) for job in self._jobs]
            return write_report(jobs, self._failed, place, settings, how, matches, self._images)

    def _score(self, engine: Workflow, item: Mapping[str, Any]) -> None:
        assert self._place is not None
        case = case_name(item, len(self._jobs))
        if any(job.case == case for job in self._jobs):
            case = f"{case} ({len(self._jobs)})"
        prediction, truth = (self._place / f"{len(self._jobs):05d}_{n}{VOLUME_SUFFIX}" for n in ("prediction", "truth"))
        record = record_path(self._place, self.method, case)
        job = CaseJob(self.method, case, prediction, truth, self.options, record, run=self._place.name)
        self._jobs.append(job)
        result = evaluate_case(job, lambda _: self._loaded(item))
        if "error" in result:
            self._failed.append(result)
            engine.logger.error("case %s failed: %s", case, result["error"])
        elif self.how.pictures not in ("none", 0):
            self._keep(job, item)

    def _loaded(self, item: Mapping[str, Any]) -> LoadedCase:
        pred, label, _, probability, spacing = self.keys
        affine, unit = _grid(item, label, spacing)
        sides = [LabelVolume(self._labels(item[key]), affine, unit) for key in (pred, label)]
        case = on_one_grid(sides[0], sides[1])
        if probability is None:
            return case
        chances = _array(item[probability])[:1].astype(np.float32)
        return case._replace(probability=check_probability(chances, f"`{probability}`"))

    def _keep(self, job: CaseJob, item: Mapping[str, Any]) -> None:
        """Write what a drawing is made of; which cases are drawn is known in the end."""
        case, image = self._loaded(item), self.keys[2]
        for volume, file in ((case.prediction, job.prediction), (case.truth, job.truth)):
            write_label_volume(volume, file)
        if image is not None and image in item:
            behind = case.truth._replace(values=_grey(_array(item[image])[0]))
            path = job.truth.with_name(job.truth.name.replace("truth", "image"))
            self._images[job.case] = (write_label_volume(behind, path),)

    def _labels(self, values: Any) -> AnyArray:
        """Labels as they are; of masks in channels, which may overlap, sums of the powers of 2 of those that hold."""
        array = _array(values)
        if not self.channels:
            found: AnyArray = array[0]
            return found
        if len(array) != len(self.channels):
            raise ValueError(f"`classes` needs a name for each of {len(array)} channels, got {self.channels}.")
        weights = (1 << np.arange(len(array))).astype(np.int32)
        return np.asarray(np.tensordot(weights, whole_label("mask", array).astype(np.int32), axes=1))

    def _forget(self) -> None:
        self._jobs, self._failed, self._images = [], [], {}
        if self._place is not None:
            self._remove()
            self._place = None


def _values_of_channel(channel: int, count: int) -> tuple[int, ...]:
    """The sums of powers of 2 that hold that of a channel."""
    return tuple(value for value in range(1, 2**count) if value >> channel & 1)


def _grid(item: Mapping[str, Any], label: str, spacing: str) -> tuple[DoubleArray | None, str]:
    """The affine of an item's voxels and its unit: of the truth, with the item's own spacing where there is one."""
    truth = item[label]
    ndim = truth.ndim - 1
    if isinstance(truth, MetaTensor) and truth.meta.get("units") == "voxel":  # of a microscope, and not known
        return None, "voxel"
    affine = np.eye(4)
    stated = isinstance(truth, MetaTensor) and truth.affine.shape[-1] == ndim + 1
    if isinstance(truth, MetaTensor):
        own = truth.affine.cpu().numpy().astype(np.float64)
        affine = own if own.shape == (4, 4) else affine
        stated = stated or own.shape == (4, 4)
    unit = "nm" if isinstance(truth, MetaTensor) and truth.meta.get("units") == "nm" else "mm"
    if spacing in item:
        sizes = np.asarray(torch.as_tensor(item[spacing]).cpu(), dtype=np.float64).ravel()[:ndim]
        now = np.linalg.norm(affine[:3, :ndim], axis=0)
        affine[:3, :ndim] *= sizes / np.where(now > 0, now, 1)
        stated = True
    return (affine, unit) if stated else (None, "voxel")


def _array(values: Any) -> AnyArray:
    tensor = torch.as_tensor(values).detach().cpu()
    found: AnyArray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).as_subclass(torch.Tensor).numpy()
    return found


def _grey(plane: AnyArray) -> AnyArray:
    low, high = np.percentile(plane, _BEHIND)
    return np.asarray(np.clip((plane - low) / max(high - low, 1e-12), 0, 1) * 255).astype(np.uint8)
