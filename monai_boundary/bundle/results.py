# SPDX-License-Identifier: Apache-2.0
"""The numbers of a training or an evaluation as files, and as a summary at the end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import is_scalar

from monai_boundary._tables import Row, read_table, write_json, write_table
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS

__all__ = [
    "EM_METRICS",
    "TITLES",
    "MetricsFiles",
    "Row",
    "log_scores",
    "log_training_summary",
    "read_table",
    "write_json",
    "write_table",
]

logger = logging.getLogger(__name__)

EM_METRICS = ("voi_split", "voi_merge", "ari", "cremi_score")

# scores that are shown to people, in this order
TITLES = {
    "voi_split": "VOI split (bits)",
    "voi_merge": "VOI merge (bits)",
    "ari": "ARI",
    "cremi_score": "CREMI score",
    "dice": "Dice",
    "jaccard": "Jaccard",
    "hausdorff_mm": "Hausdorff (mm)",
    "hd95_mm": "HD95 (mm)",
    "volume_difference_percent": "volume diff. (%)",
    "volume_difference_ml": "volume diff. (ml)",
    "lesion_recall": "lesion recall",
    "lesion_precision": "lesion precision",
    "lesion_f1": "lesion F1",
    "lesion_count_difference": "count difference",
    "missed": "missed patients",
    "false_alarm": "false alarms",
    **{
        f"{region}_{score}": f"{region.upper()} {title}"
        for region in TUMOUR_REGIONS
        for score, title in {
            "dice": "Dice",
            "jaccard": "Jaccard",
            "hausdorff_mm": "Hausdorff (mm)",
            "hd95_mm": "HD95 (mm)",
            "missed": "missed",
            "false_alarm": "false alarms",
        }.items()
    },
}


class MetricsFiles:
    """Write ``metrics.csv`` (a row per epoch) and ``metrics.json`` (best and last epoch, settings) during a training.

    A row holds the trainer's metrics and, when the epoch had a validation, the evaluator's. A resumed training keeps
    the rows of the epochs before it. Only the first process writes.

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
        self.evaluator = evaluator
        self.settings = dict(settings or {})

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, after its ``ValidationHandler``."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow) -> None:
        """Add the row of the epoch."""
        if engine.state.rank:
            return
        epoch = engine.state.epoch
        metrics = dict(engine.state.metrics)
        if self.evaluator.state.epoch == epoch:
            metrics.update(self.evaluator.state.metrics)
        row = {"epoch": epoch, **{name: float(value) for name, value in metrics.items() if is_scalar(value)}}
        rows = [*[old for old in read_table(self.csv_path) if old["epoch"] < epoch], row]
        best = next((r for r in rows if r["epoch"] == self.evaluator.state.best_metric_epoch), None)
        self.csv_path.parent.mkdir(parents=True, exist_ok=True)
        write_table(rows, self.csv_path)
        name = self.evaluator.state.key_metric_name
        write_json({"key_metric": name, "best": best, "last": row, "settings": self.settings}, self.json_path)


def log_scores(title: str, scores: Mapping[str, Any], files: Mapping[str, str | os.PathLike[str]]) -> None:
    """Log scores, those of ``TITLES`` first, and where those of the ``files`` (name -> path) lie that exist.

    Args:
        title: first line.
        scores: metric name -> value.
        files: for example ``{"checkpoint": "output/model.pt"}``.
    """
    ordered = [name for name in TITLES if name in scores] + [name for name in scores if name not in TITLES]
    lines = [title]
    lines += [f"  {TITLES.get(name, name):<18}{_shown(scores[name])}" for name in ordered]
    lines += [f"  {name:<18}{path}" for name, path in files.items() if Path(path).exists()]
    logger.info("\n".join(lines))


def log_training_summary(output_dir: str | os.PathLike[str]) -> None:
    """Log the best epoch's scores of the training in ``output_dir``, and where checkpoint, metrics and pictures lie."""
    folder = Path(output_dir)
    summary = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    best = summary["best"] or summary["last"]
    log_scores(
        f"Best epoch {best['epoch']} of {summary['last']['epoch']} by {summary['key_metric']}:",
        {name: value for name, value in best.items() if name in TITLES},
        {
            "best network": folder / "model.pt",
            "checkpoint": folder / "checkpoint.pt",
            "metrics": folder / "metrics.json",
            "every epoch": folder / "metrics.csv",
            "pictures": folder / "pictures",
        },
    )


def _shown(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
