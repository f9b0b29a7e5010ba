# SPDX-License-Identifier: Apache-2.0
"""What one of two processes finds that score different numbers of items; see test_instance_metric.py."""

from __future__ import annotations

import logging
import math
from typing import Any

import torch
from ignite.engine import Engine
from monai.utils import ensure_tuple

from monai_boundary.handlers import InstanceScoresHandler
from monai_boundary.metrics import InstanceMetric, ThresholdCurveMetric, VariationOfInformationMetric

TRUTH = torch.tensor([[[[1, 1, 0, 2, 2]] * 4]])
MERGED = torch.ones_like(TRUTH)
NOTHING = torch.zeros_like(TRUTH)
ITEMS = {
    "uneven": ([(MERGED, TRUTH), (TRUTH, TRUTH), (MERGED, TRUTH)], [(MERGED, TRUTH)]),
    "one empty": ([(MERGED, TRUTH), (TRUTH, TRUTH), (MERGED, TRUTH)], []),
    "both empty": ([], []),
    "undefined": ([(MERGED, NOTHING)], [(TRUTH, NOTHING)]),
}


def gathered(metric: InstanceMetric, items: list[Any], *names: str) -> dict[str, Any]:
    for pred, truth in items:
        metric(pred, truth)
    scores = {name: float(value) for name, value in metric.aggregate().items() if name in names}
    return {**{n: None if math.isnan(s) else s for n, s in scores.items()}, "items": len(metric)}


def by_handler(items: list[Any]) -> dict[str, Any]:
    evaluator = Engine(lambda _, batch: batch)
    evaluator.logger.setLevel(logging.ERROR)
    handler = InstanceScoresHandler(
        scores=("voi_split", "voi_merge"), key_score="voi_merge", negate_key=True, output_transform=ensure_tuple
    )
    handler.attach(evaluator, "key")
    metrics = evaluator.run(items).metrics
    return {
        "key": metrics["key"],
        "voi_merge": metrics["voi_merge"],
        "items": len(evaluator.state.metric_details["voi_merge"]),
    }


def scored(rank: int) -> dict[str, Any]:
    """What a process finds, of two that score different items."""
    found: dict[str, Any] = {
        name: gathered(VariationOfInformationMetric(), items[rank], "voi_split", "voi_merge")
        for name, items in ITEMS.items()
    }
    membranes = [((TRUTH == 0).float(), TRUTH)] * 3 if rank else []
    found["curve"] = gathered(ThresholdCurveMetric(), membranes, "ari_best")
    found["handler"] = by_handler(ITEMS["uneven"][rank])
    return found
