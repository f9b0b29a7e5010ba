# SPDX-License-Identifier: Apache-2.0
"""A training, an evaluation or an inference as a run of MLflow, which no silent server stops."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import Trainer
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from monai.utils import is_scalar, path_to_sqlite_uri
from monai.utils.enums import CommonKeys

from monai_boundary._output_file import atomic_output
from monai_boundary._tables import flat_names, plain_name
from monai_boundary.handlers.tracking.journal import Journal
from monai_boundary.handlers.tracking.provenance import provenance, running_configuration
from monai_boundary.handlers.tracking.sender import MLflowSender, sent_records

JOURNAL = "tracking.jsonl"


class TrackedRun:
    """Record a run: parameters, loss, metrics, pictures, files, configuration, commit and versions.

    Every record is written to ``tracking.jsonl`` in the run's folder first, then sent to MLflow: at the start, after
    each epoch and at the end. A server that does not answer is told of in one line of the log and stops nothing: the
    records stay on disk and are sent with the next that gets through, at the end, or by the next run in the folder.
    Each tracked run is a run of its own, found again by a key and never by its name or because it is open; a training
    that is resumed goes on with its own. Only the first process of a distributed training has this handler.

    What is recorded, where:

    - parameters: ``settings``, flat, with the epochs and their length. MLflow keeps the first value of each.
    - metrics: ``train_loss`` of each iteration; of each epoch what ``engine.state.metrics`` holds (every term of the
      loss, every score) and the learning rate ``lr``.
    - artifacts: what picture handlers and reports draw, ``config_TIME.json``, and ``files`` at the end.
    - tags: commit and versions, ``tags``, and the training's run as the parent of its evaluations and inferences.

    Args:
        folder: of the run; its records lie there.
        evaluator: of a training: its scores are those of the epoch.
        tracking_uri: of MLflow. None takes the environment's ``MLFLOW_TRACKING_URI``, else ``mlruns.db`` (SQLite) in
            ``training_dir`` or ``folder``, with artifacts in ``mlruns`` beside it.
        experiment_name: made if it is not there.
        run_name: shown by MLflow; None is the folder's name.
        settings: parameters, plain values; nested ones get names with dots.
        configuration: the whole configuration, plain values; None takes the one that makes this handler.
        files: names in ``folder`` that become artifacts at the end, if they are there.
        tags: further tags.
        source: folder of the bundle, for its commit.
        resume: go on with the folder's last run if it has the same name.
        training_dir: of the training whose network is used, for the parent.
        artifacts: whether files are sent at all; without them they stay in ``folder``, and numbers, parameters and tags
            are sent.

    Raises:
        ImportError: if MLflow is not installed.
        ValueError: if ``tracking_uri`` is none.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        evaluator: Workflow | None = None,
        tracking_uri: str | None = None,
        experiment_name: str = "monai_boundary",
        run_name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        configuration: Mapping[str, Any] | None = None,
        files: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        source: str | os.PathLike[str] | None = None,
        resume: bool = False,
        training_dir: str | os.PathLike[str] | None = None,
        artifacts: bool = True,
    ) -> None:
        self.folder = Path(folder)
        self.evaluator = evaluator
        home = self.folder if training_dir is None else Path(training_dir)
        given = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        self.journal = Journal(self.folder / JOURNAL)
        self.sender = MLflowSender(given or path_to_sqlite_uri(home.absolute() / "mlruns.db"), self.journal)
        self.experiment_name = experiment_name
        self.run_name = run_name or self.folder.resolve().name
        self.settings = flat_names(settings or {})
        self.configuration = running_configuration() if configuration is None else configuration
        self.files = tuple(files)
        self.tags = {**provenance(source), **(tags or {})}
        self.resume = resume
        self.training_dir = training_dir
        self.artifacts = artifacts
        self._key: str | None = None
        self._losses: list[torch.Tensor] = []

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, after its validation and before its checkpoint; or to an evaluator that runs alone."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._failed)
        if isinstance(engine, Trainer):
            engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self._iteration)
        if self.evaluator is not None:
            self.evaluator.add_event_handler(Events.EPOCH_COMPLETED, self._scores)

    def _start(self, engine: Workflow) -> None:
        """Open the run, or open it again."""
        known = [record for _, record in self.journal.read()]
        last = next((r for r in reversed(known) if r["kind"] == "run"), None)
        if self.resume and last is not None and last["name"] == self.run_name:
            self._key = last["run"]
            self._add("again")
        else:
            self._key = uuid.uuid4().hex
            tags = {**self.tags, **self._parent()}
            self._add("run", name=self.run_name, experiment=self.experiment_name, tags=tags)
        said = {name for r in known if r["kind"] == "params" and r["run"] == self._key for name in r["values"]}
        length = {"epochs": engine.state.max_epochs, "epoch_length": engine.state.epoch_length}
        values = {plain_name(name): value for name, value in {**length, **self.settings}.items()}
        self._add("params", values={name: str(value) for name, value in values.items() if name not in said})
        if self.configuration is not None:
            path = self.folder / f"config_{time.strftime('%Y%m%d_%H%M%S')}.json"
            with atomic_output(path, overwrite=True) as part:
                part.write_text(json.dumps(self.configuration, indent=2, default=str), encoding="utf-8")
            self.log_artifact(str(path), "")
        self.sender.send(at_once=True)

    def _iteration(self, engine: Workflow) -> None:
        """Keep the loss of an iteration, on its device."""
        self._losses.append(torch.as_tensor(engine.state.output[CommonKeys.LOSS]).detach().mean())

    def _epoch(self, engine: Workflow) -> None:
        """Record an epoch and send it."""
        values = self._kept_losses(engine)
        optimizer = getattr(engine, "optimizer", None)
        if values and optimizer is not None:
            values.append(["lr", float(optimizer.param_groups[0]["lr"]), engine.state.epoch])
        self._add("metrics", values=values + _numbers(engine))
        self.sender.send()

    def _kept_losses(self, engine: Workflow) -> list[Any]:
        """The losses since the last record: [name, value, iteration]; of all of them, one wait for the device."""
        losses, self._losses = self._losses, []
        first = engine.state.iteration - len(losses) + 1
        numbers = torch.stack(losses).tolist() if losses else []
        return [["train_loss", loss, first + k] for k, loss in enumerate(numbers)]

    def _scores(self, engine: Workflow) -> None:
        """Record the scores of a validation; they are sent with its epoch."""
        if self._key is not None:
            self._add("metrics", values=_numbers(engine))

    def log_artifact(self, path: str, place: str) -> None:
        """Record a file, where artifacts are wanted; it is sent with the next epoch, or at the end.

        Args:
            path: of the file.
            place: folder among the run's artifacts.
        """
        if self._key is not None and self.artifacts:
            self._add("artifact", path=str(Path(path).absolute()), place=place)

    def _failed(self, engine: Workflow, error: BaseException) -> None:
        """Close the run that ends with an error, which goes on its way."""
        killed = isinstance(error, (KeyboardInterrupt, SystemExit))
        if self._key is not None and self._losses:  # of an epoch that will not end
            self._add("metrics", values=self._kept_losses(engine))
        self.close("KILLED" if killed else "FAILED", None if killed else f"{type(error).__name__}: {error}")
        raise error

    def close(self, status: str = "FINISHED", message: str | None = None) -> None:
        """Record the files and the end, and send what is left.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            message: of the error.
        """
        if self._key is None:
            return
        for name in self.files:
            if (self.folder / name).is_file():
                self.log_artifact(str(self.folder / name), "")
        if message is not None:
            self._add("tags", values={"error": message[:500]})
        self._add("end", status=status)
        self.sender.send(at_once=True)
        self.sender.close()
        self._key = None

    def _parent(self) -> dict[str, str]:
        if self.training_dir is None:
            return {}
        runs = [r for _, r in Journal(Path(self.training_dir) / JOURNAL).read() if r["kind"] == "run"]
        if not runs:
            return {}
        made = sent_records(self.training_dir).get(self.sender.shown, {}).get("runs", {})
        parent = {"mlflow.parentRunId": made[runs[-1]["run"]]} if runs[-1]["run"] in made else {}
        return {"training": runs[-1]["name"], **parent}

    def _add(self, kind: str, **content: Any) -> None:
        self.journal.append({"kind": kind, "run": self._key, "time": int(time.time() * 1000), **content})


def _numbers(engine: Workflow) -> list[Any]:
    """The metrics of an engine that are numbers: [name, value, epoch]."""
    metrics = {name: value for name, value in engine.state.metrics.items() if not isinstance(value, str)}
    return [[plain_name(k), float(v), engine.state.epoch] for k, v in metrics.items() if is_scalar(v)]
