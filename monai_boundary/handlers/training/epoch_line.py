# SPDX-License-Identifier: Apache-2.0
"""One line in the log for every epoch of a training."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import is_scalar

from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS

logger = logging.getLogger(__name__)

COUNTS = ("missed", "false_alarm")
# said by another score of the line, or by metrics.csv
_LEFT_OUT = ("jaccard", "hausdorff_mm", "volume_difference_ml", "lesion_count_difference", "arand")
_WEIGHT = re.compile(r"[/.]weight_\w+$")
_OF_A_TERM = re.compile(r"[/.](weight|share)_\w+$")  # may be small, and is not nothing then


class EpochLine:
    """Log an epoch in one line: time, terms of the loss, scores of the validation, and the best one so far.

    The names are those of ``metrics.csv``, which holds every score. The line leaves out what another score of it says
    (Jaccard beside Dice), distances by region and counts that are 0: where something was missed, it is there beside the
    distance that it went into. The weight of a term of the loss is in the first line, and then where it has changed. An
    epoch without validation has no scores. A line before the first epoch says how many there will be, since on a CPU it
    may take minutes. In place of MONAI's ``StatsHandler``, which writes several lines and for trainer and evaluator
    apart. Only the first process writes.

    Args:
        evaluator: the validation engine.

    Example:
        >>> EpochLine.scores({"dice": 0.5, "jaccard": 0.3, "missed": 0.0, "wt_hd95_mm": 4.0})
        'dice: 0.5000'
    """

    def __init__(self, evaluator: Workflow | None = None) -> None:
        self.evaluator = evaluator
        self._started = time.monotonic()
        self._weights: dict[str, Any] = {}  # of the last line

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, after its ``ValidationHandler``."""
        engine.add_event_handler(Events.STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _begin(self, engine: Workflow) -> None:
        """Log how long the training is."""
        if not engine.state.rank:
            logger.info(f"Training: {engine.state.max_epochs} epochs of {engine.state.epoch_length} steps.")

    def start(self, engine: Workflow) -> None:
        """Note the time."""
        self._started = time.monotonic()

    def __call__(self, engine: Workflow) -> None:
        """Log the line of the epoch that ends."""
        if engine.state.rank:
            return
        seconds = time.monotonic() - self._started
        metrics, old = engine.state.metrics, self._weights
        self._weights = {name: value for name, value in metrics.items() if _WEIGHT.search(name)}
        parts = [
            f"Epoch {engine.state.epoch} of {engine.state.max_epochs}, {seconds:.1f} s",
            self.scores({name: value for name, value in metrics.items() if name not in old or old[name] != value}),
        ]
        validated = self.evaluator.state if self.evaluator is not None else None
        if validated is not None and validated.epoch == engine.state.epoch:
            parts += [self.scores(validated.metrics)]
        if validated is not None and validated.best_metric_epoch > 0:
            best = f"{validated.best_metric:.4f} in epoch {validated.best_metric_epoch}"
            parts += [f"best {validated.key_metric_name}: {best}"]
        logger.info(" | ".join(part for part in parts if part))

    @staticmethod
    def scores(metrics: Mapping[str, Any]) -> str:
        """Return the scores that are shown as text.

        Args:
            metrics: name -> value, as in ``engine.state.metrics``.
        """
        shown = []
        for name, value in metrics.items():
            region, _, score = name.partition("_")
            score = score if region in TUMOUR_REGIONS else name
            by_region = score != name and score.endswith("_mm")
            count = score in COUNTS or name.endswith(tuple(f"_{word}" for word in COUNTS))  # of all, or of one class
            if (
                isinstance(value, str)
                or not is_scalar(value)
                or score in _LEFT_OUT
                or by_region
                or (count and not value)
            ):
                continue
            number = float(value)
            text = f"{number:.0f}" if count and math.isfinite(number) else f"{number:.4f}"
            if _OF_A_TERM.search(name) and 0 < abs(number) < 0.001:
                text = f"{number:.1e}"
            shown.append(f"{name}: {'undefined' if math.isnan(number) else text}")
        return " ".join(shown)
