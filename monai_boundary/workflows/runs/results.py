# SPDX-License-Identifier: Apache-2.0
"""The numbers of a training or an evaluation as files, and as a summary at the end."""

from __future__ import annotations

import json
import logging
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import is_scalar

from monai_boundary._tables import Row, read_table, write_json, write_table
from monai_boundary.workflows.runs.score_table import log_scores, logged_title, missed_notes
from monai_boundary.workflows.runs.training_settings import SETTINGS, write_training_settings
from monai_boundary.workflows.runs.validated_cases import ValidatedCases

logger = logging.getLogger(__name__)


class MetricsFiles:
    """Write ``metrics.csv`` (a row per epoch) and ``metrics.json`` (best and last epoch, settings) during a training.

    A row holds the trainer's metrics and, when the epoch had a validation, the evaluator's. ``metrics_cases.csv`` has
    those of each validated case, in the best epoch and in the last that was validated. A row is written before the
    epoch's checkpoint, so that none is lost; a resumed training keeps those that its checkpoint has and drops what came
    after. The settings are also written to ``settings.json`` with each best epoch, after its network and beside it,
    where evaluation and inference find them. Only the first process writes.

    Args:
        folder: where the files go.
        evaluator: validation engine whose key metric says which epoch is the best.
        settings: written into the JSON file.
    """

    def __init__(
        self, folder: str | os.PathLike[str], evaluator: Workflow, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.csv_path = Path(folder) / "metrics.csv"
        self.json_path = Path(folder) / "metrics.json"
        self.cases_path = Path(folder) / "metrics_cases.csv"
        self.cases = ValidatedCases()
        self.evaluator = evaluator
        self.settings = dict(settings or {})

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, after its ``ValidationHandler`` and ``ResumeTraining``, which restores before."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)
        self.cases.attach(self.evaluator)

    def start(self, engine: Workflow) -> None:
        """Drop the rows that a resumed checkpoint does not have, and settings of a network that will be replaced."""
        if engine.state.rank:
            return
        rows, done = read_table(self.csv_path), engine.state.epoch
        if done and rows and rows[-1]["epoch"] > done:  # killed between a row and its checkpoint
            self._write([row for row in rows if row["epoch"] <= done])
        if not self.settings:
            return
        if self.evaluator.state.best_metric_epoch > 0:
            write_training_settings(self.settings, self.json_path.parent)
        else:
            (self.json_path.parent / SETTINGS).unlink(missing_ok=True)
        if not engine.has_event_handler(self.write_settings, Events.EPOCH_COMPLETED):
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.write_settings)  # after that of the checkpoint

    def __call__(self, engine: Workflow) -> None:
        """Add the row of the epoch."""
        if engine.state.rank:
            return
        epoch = engine.state.epoch
        metrics = dict(engine.state.metrics)
        if self.evaluator.state.epoch == epoch:
            metrics.update(self.evaluator.state.metrics)
        row = {"epoch": epoch, **{name: float(value) for name, value in metrics.items() if is_scalar(value)}}
        self._write([*[old for old in read_table(self.csv_path) if old["epoch"] < epoch], row])
        if self.evaluator.state.epoch == epoch:
            self._write_cases(epoch)

    def write_settings(self, engine: Workflow) -> None:
        """Write the settings beside the network of a new best epoch."""
        if self.evaluator.state.best_metric_epoch == engine.state.epoch:
            write_training_settings(self.settings, self.json_path.parent)

    def _write(self, rows: list[Row]) -> None:
        self.csv_path.parent.mkdir(parents=True, exist_ok=True)
        write_table(rows, self.csv_path)
        best = next((row for row in rows if row["epoch"] == self.evaluator.state.best_metric_epoch), None)
        last = rows[-1] if rows else None
        name = self.evaluator.state.key_metric_name
        write_json({"key_metric": name, "best": best, "last": last, "settings": self.settings}, self.json_path)

    def _write_cases(self, epoch: int) -> None:
        """Write the cases of a validation beside those of the best epoch."""
        best = self.evaluator.state.best_metric_epoch
        kept = [row for row in read_table(self.cases_path, text=["case"]) if row["epoch"] == best and best < epoch]
        now: list[Row] = [{"epoch": epoch, **row} for row in self.cases.rows(self.evaluator)]
        if kept or now:
            write_table([*kept, *now], self.cases_path)


def next_commands(
    bundle_root: str | os.PathLike[str], output_dir: str | os.PathLike[str], settings: Mapping[str, Any] | None = None
) -> list[str]:
    """Return the commands that evaluate what was trained, and that segment new images with it, for a shell.

    Args:
        bundle_root: folder of the bundle.
        output_dir: of the training.
        settings: of the training, for its data set.

    Example:
        >>> evaluate, segment = next_commands("/bundles/em", "/my out", {"dataset_dir": "/data"})
        >>> evaluate[evaluate.index("--config") :]
        "--config_file /bundles/em/configs/evaluate.yaml --output_dir '/my out' --dataset_dir /data"
    """
    trained = (settings or {}).get("dataset_dir")
    new = ("--dataset_dir", "/path/to/new/images")
    data = {"evaluate": () if trained is None else ("--dataset_dir", _whole(trained)), "inference": new}
    return [
        shlex.join(
            [
                *("python", "-m", "monai.bundle", "run"),
                *("--config_file", _whole(Path(bundle_root) / "configs" / f"{name}.yaml")),
                *("--output_dir", _whole(output_dir)),
                *options,
            ]
        )
        for name, options in data.items()
    ]


def _whole(path: Any) -> str:
    return str(Path(str(path)).absolute())


def log_next_inference(bundle_root: str | os.PathLike[str], output_dir: str | os.PathLike[str]) -> None:
    """Log the command that segments new images with the network that was evaluated.

    Args:
        bundle_root: folder of the bundle.
        output_dir: of the training.
    """
    logger.info(f"Next: segment new images as these were.\n  {next_commands(bundle_root, output_dir)[1]}")


def log_training_summary(output_dir: str | os.PathLike[str], bundle_root: str | os.PathLike[str] | None = None) -> None:
    """Log the best epoch's scores of the training in ``output_dir``, where its files lie, and what to run next.

    Args:
        output_dir: of the training.
        bundle_root: folder of the bundle, for the commands that come next; they are left out without it.
    """
    folder = Path(output_dir)
    summary = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    best = summary["best"] or summary["last"]
    log_scores(
        f"Best epoch {best['epoch']} of {summary['last']['epoch']} by {summary['key_metric']}:",
        {name: value for name, value in best.items() if logged_title(name)},
        {
            "best network": folder / "model.pt",
            "checkpoint": folder / "checkpoint.pt",
            "metrics": folder / "metrics.json",
            "every epoch": folder / "metrics.csv",
            "pictures": folder / "pictures",
            "best pictures": folder / "pictures" / "best",
        },
        missed_notes(best),
    )
    if bundle_root is not None:
        evaluate, segment = next_commands(bundle_root, output_dir, summary["settings"])
        logger.info(f"Next: score it, and segment new images.\n  {evaluate}\n  {segment}")
