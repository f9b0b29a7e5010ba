# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler of metrics that give each item several scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler

from monai_boundary._validation import check_choice
from monai_boundary.metrics import ItemMetric


class ItemScoresHandler(IgniteMetricHandler):
    """Run an :class:`~monai_boundary.metrics.ItemMetric` in an engine and write each of its scores as a number.

    Attached under a name (the key in ``key_val_metric`` or ``additional_metrics``), it writes at the end of the epoch

    - ``state.metrics[name]``: the *key score*, negated when ``negate_key``;
    - ``state.metrics[prefix + score]``: every score of the metric, averaged over the items that are defined;
    - ``state.metric_details[prefix + score]``: the score of every item, for ``MetricsSaver``.

    Of the metrics that count ``missed`` and ``false_alarm``, for every structure, a warning repeats the counts.

    All are plain numbers, so ``StatsHandler``, ``TensorBoardStatsHandler``, ``MLFlowHandler`` and ``MetricsSaver`` show
    them; NaN where nothing is defined.

    A score of which *lower is better* as key metric needs one of two: ``negate_key=True``, after which MONAI's defaults
    (larger is better) are right everywhere; or ``key_metric_negative_sign=True`` in ``CheckpointSaver`` together with
    ``metric_cmp_fn="$lambda a, b: a < b"`` in the evaluator.

    ``output_transform`` sees each item of ``engine.state.output`` together with that of ``engine.state.batch`` (the
    output wins where both have a key): evaluators copy only image, label and prediction to the output, while the truth
    ids stay in the batch, so ``from_engine(["pred", "label_instances"])`` finds both.

    Args:
        metric_fn: the metric to run.
        output_transform: from that to ``(y_pred, y)``: batches, or lists of channel-first tensors.
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; by default the metric's own ``key_score``.
        negate_key: whether to write it with its sign changed.
        prefix: put before the names of the scores.
        extra: names of further arguments of the metric's call, for what ``output_transform`` gives after ``(y_pred,
            y)``: ``("spacing",)`` with ``from_engine(["pred", "label", "spacing"])``.

    Raises:
        ValueError: if ``key_score`` is not a score of the metric.
    """

    def __init__(
        self,
        metric_fn: ItemMetric,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str | None = None,
        negate_key: bool = False,
        prefix: str = "",
        extra: Sequence[str] = (),
    ) -> None:
        chosen = metric_fn.key_score or metric_fn.score_names[0] if key_score is None else key_score
        check_choice("key_score", chosen, metric_fn.score_names)
        self.item_metric = metric_fn
        self.key_score = chosen
        self.negate_key = negate_key
        self.prefix = prefix
        self.extra = tuple(extra)
        self._said: set[str] = set()
        self._said_before: set[str] = set()
        super().__init__(metric_fn=metric_fn, output_transform=output_transform, save_details=save_details)

    def attach(self, engine: Engine, name: str) -> None:  # type: ignore[override]
        """Attach to the engine under ``name``.

        Raises:
            ValueError: if ``name`` is that of another score, which would be written over it.
        """
        taken = {f"{self.prefix}{score}" for score in self.item_metric.score_names}
        same = name == f"{self.prefix}{self.key_score}" and not self.negate_key
        if name in taken and not same:
            raise ValueError(
                f"`name` needs to differ from the scores that this handler writes, or be that of `key_score` (not "
                f"negated), got {name!r}; rename the metric or set `prefix`."
            )
        super().attach(engine, name)

    def update(self, output: Sequence[Any]) -> None:
        """Score ``(y_pred, y, *extra)``.

        Raises:
            ValueError: if ``output`` has another length.
        """
        if len(output) != 2 + len(self.extra):
            raise ValueError(
                f"`output_transform` needs to return {2 + len(self.extra)} values {('y_pred', 'y', *self.extra)}, "
                f"got {len(output)}."
            )
        self._is_reduced = False
        self.item_metric(output[0], output[1], **dict(zip(self.extra, output[2:], strict=True)))

    @torch.no_grad()
    def iteration_completed(self, engine: Engine) -> None:
        """Score the items of the iteration."""
        self.update(self._output_transform(_with_batch(engine.state.output, engine.state.batch)))

    def compute(self) -> float:
        """Return the key score over all items and processes."""
        value = float(self.item_metric.aggregate("mean")[self.key_score])
        self._is_reduced = True
        return -value if self.negate_key else value

    def completed(self, engine: Engine, name: str) -> None:
        """Write the scores to the engine's state."""
        self._leave_out_repeated(engine)
        super().completed(engine, name)
        self._said_before, self._said = self._said, set()
        for score, value in self.item_metric.aggregate("mean").items():
            engine.state.metrics[f"{self.prefix}{score}"] = float(value)
        if self.save_details:
            details: dict[str, torch.Tensor] = engine.state.metric_details  # type: ignore[attr-defined]
            details.update({f"{self.prefix}{score}": rows for score, rows in self.item_metric.details().items()})
        metric = self.item_metric
        if undefined := metric.count_undefined():
            said = f"{undefined} of {len(metric)} items {metric.undefined}"
            self.warn(engine, f"{name}: {said}; they are left out of the mean.")
        self._tell_misses(engine, name)

    def _tell_misses(self, engine: Engine, name: str) -> None:
        for missed in (score for score in self.item_metric.counted if score.endswith("missed")):
            start = missed[: -len("missed")]
            counts = [engine.state.metrics[f"{self.prefix}{start}{count}"] for count in ("missed", "false_alarm")]
            lost, alarms = map(int, counts)
            if lost or alarms:
                what = start.rstrip("_") or "the structure"
                said = f"{what} was not predicted in {lost} items that have it, and predicted in {alarms} that have not"
                self.warn(engine, f"{name}: {said}{self.item_metric.price_of_a_miss}.")

    def _leave_out_repeated(self, engine: Engine) -> None:
        """Of fewer cases than processes, the last processes score a case that another one has: theirs do not count."""
        repeated = repeated_cases(engine)
        if repeated and dist.is_available() and dist.is_initialized():
            self.item_metric._sync()
            tensors = self.item_metric._synced_tensors or []
            self.item_metric._synced_tensors = [None if rows is None else rows[:-repeated] for rows in tensors]

    def warn(self, engine: Engine, text: str) -> None:
        """Log a warning, unless the last validation had the same to say."""
        if text not in self._said_before:
            engine.logger.warning(text)
        self._said.add(text)


def repeated_cases(engine: Engine) -> int:
    """Return how many processes, the last ones, have one case that another one has too, as the engine's sampler says.

    Args:
        engine: an evaluator whose cases several processes share; of any other it is 0.

    Example:
        >>> repeated_cases(Engine(lambda engine, batch: None))
        0
    """
    sampler = getattr(getattr(engine, "data_loader", None), "sampler", None)
    return int(getattr(sampler, "repeated", 0))


def with_key(scores: Sequence[str], key_score: str | None) -> tuple[str, ...]:
    """Return the scores, before them the one that selects where it is not among them.

    Args:
        scores: names.
        key_score: a name; None where the first selects.

    Example:
        >>> with_key(["nsd_1mm"], "dice"), with_key(["nsd_1mm", "dice"], "dice")
        (('dice', 'nsd_1mm'), ('nsd_1mm', 'dice'))
    """
    return tuple(scores) if key_score is None or key_score in scores else (key_score, *scores)


def _with_batch(output: Any, batch: Any) -> Any:
    """Return the items of ``output`` with the keys that only ``batch`` has; other forms of output as they are."""
    if isinstance(output, dict) and isinstance(batch, dict):
        return {**batch, **output}
    if isinstance(output, Sequence) and isinstance(batch, Sequence) and len(output) == len(batch):
        return [
            _with_batch(o, b) if isinstance(o, dict) and isinstance(b, dict) else o
            for o, b in zip(output, batch, strict=True)
        ]
    return output
