# SPDX-License-Identifier: Apache-2.0
"""A study in MLflow: a parent run with the tables and the picture, and a child run for each run."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._extras import pip_line
from monai_boundary._tables import flat_names, plain_name, read_table, write_json
from monai_boundary.study.evaluations import evaluations_by_name
from monai_boundary.study.plan import StudyPlan, StudyRun
from monai_boundary.study.runs import read_run
from monai_boundary.study.scores import ArmScore, read_score

_ARTIFACTS = ("overrides.yaml", "log.txt", "metrics.csv", "metrics.json", "pictures", "evaluation")
_LONGEST = 500  # of a parameter's value, the least that any version of MLflow takes


class StudyTracking:
    """Writes a study to an MLflow server or database.

    The parent's id is kept in ``tracking.json`` of the study's folder, so that a study that goes on later goes on with
    the same runs; a run's child is written when the run is finished, and only once.

    Args:
        tracking_uri: such as ``http://127.0.0.1:5000`` or ``sqlite:///mlflow.db``.
        plan: the study.
        study_dir: its folder, whose name is the parent's.
        experiment: name of the experiment, made when missing.

    Raises:
        ImportError: if MLflow is not installed.
    """

    def __init__(
        self, tracking_uri: str, plan: StudyPlan, study_dir: str | os.PathLike[str], experiment: str = "studies"
    ) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise ImportError(f"`tracking_uri` needs MLflow: {pip_line('mlflow')}") from error
        self.client = MlflowClient(tracking_uri=tracking_uri)
        self.plan = plan
        self.study_dir = Path(study_dir)
        self.file = self.study_dir / "tracking.json"
        known = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}
        self.state: dict[str, Any] = known.get(tracking_uri) or {"parent": None, "children": {}}
        self._others = {uri: state for uri, state in known.items() if uri != tracking_uri}
        self._uri = tracking_uri
        found = self.client.get_experiment_by_name(experiment)
        self.experiment = self.client.create_experiment(experiment) if found is None else found.experiment_id

    @property
    def parent(self) -> str:
        """Id of the parent run."""
        return str(self.state["parent"])

    def start(self) -> None:
        """Open the parent run, or open it again."""
        if self.state["parent"] is None:
            run = self.client.create_run(self.experiment, run_name=self.study_dir.resolve().name)
            self.state["parent"] = run.info.run_id
            self._log_params(self.parent, {"base": self.plan.base, **flat_names(self.plan.settings())})
            self._save()
        else:
            self.client.update_run(self.parent, status="RUNNING")

    def add_run(self, run: StudyRun) -> None:
        """Write the child run of a finished run: parameters, every epoch's numbers, scores, files and pictures.

        One that is there gets the scores and files of what it was scored in since.
        """
        folder = run.place(self.study_dir)
        about = read_run(folder) or {}
        later, told = list(about.get("scored_later", ())), self.state.setdefault("scored_later", {})
        if run.folder in self.state["children"]:
            if later != told.get(run.folder, []):
                self._log_scores(self.state["children"][run.folder], run)
                new = [name for name in later if name not in told.get(run.folder, [])]
                self._log_files(self.state["children"][run.folder], folder, new)
                told[run.folder] = later
                self._save()
            return
        tags = {"mlflow.parentRunId": self.parent, "run": run.folder}
        child = self.client.create_run(self.experiment, run_name=run.folder, tags=tags).info.run_id
        self._log_params(child, {"arm": run.arm, **flat_names(about.get("overrides", {}))})
        for row in read_table(folder / "metrics.csv"):
            self._log_metrics(child, {k: v for k, v in row.items() if k != "epoch"}, step=int(row["epoch"]))
        self._log_scores(child, run)
        self._log_metrics(child, {"study/seconds": about.get("seconds", math.nan)})
        ways = evaluations_by_name(about.get("settings", {}).get("evaluate"))
        self._log_files(child, folder, dict.fromkeys((*_ARTIFACTS, *ways)))
        self.client.set_terminated(child)
        self.state["children"][run.folder] = child
        told[run.folder] = later
        self._save()

    def finish(self, scores: Sequence[ArmScore], files: Sequence[Path], failed: bool = False) -> None:
        """Write the tables and the picture to the parent run, and close it.

        Args:
            scores: of :func:`arm_scores`: means by arm, and the differences to the base.
            files: the tables and the picture.
            failed: whether runs failed.
        """
        numbers: dict[str, float] = {}
        for score in scores:
            numbers[f"{score.metric}/{plain_name(score.arm)}"] = score.mean
            if score.arm != self.plan.base:
                numbers[f"{score.metric}_difference/{plain_name(score.arm)}"] = score.difference.mean
        self._log_metrics(self.parent, numbers)
        for path in files:
            self.client.log_artifact(self.parent, str(path))
        self.client.set_terminated(self.parent, status="FAILED" if failed else "FINISHED")

    def interrupted(self) -> None:
        """Close the parent run of a study that was stopped."""
        self.client.set_terminated(self.parent, status="KILLED")

    def _log_scores(self, child: str, run: StudyRun) -> None:
        if run.arm in self.plan.arms:
            folder = run.place(self.study_dir)
            self._log_metrics(child, {f"study/{m.name}": read_score(folder, m) for m in self.plan.metrics})

    def _log_files(self, child: str, folder: Path, names: Iterable[str]) -> None:
        for path in [folder / name for name in names]:
            if path.is_dir():
                self.client.log_artifacts(child, str(path), path.name)
            elif path.is_file():
                self.client.log_artifact(child, str(path))

    def _save(self) -> None:
        write_json({**self._others, self._uri: self.state}, self.file)

    def _log_params(self, run: str, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        entries = [Param(plain_name(key), str(value)[:_LONGEST]) for key, value in params.items()]
        self.client.log_batch(run, params=entries)

    def _log_metrics(self, run: str, metrics: Mapping[str, Any], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and math.isfinite(v)}
        self.client.log_batch(run, metrics=[Metric(plain_name(k), float(v), now, step) for k, v in numbers.items()])
