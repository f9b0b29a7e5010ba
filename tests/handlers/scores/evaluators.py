# SPDX-License-Identifier: Apache-2.0
"""Evaluators of MONAI that run a handler on given predictions and truths."""

from __future__ import annotations

from typing import Any

import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine

TRUTH = torch.tensor([[[1, 1, 0, 2, 2]] * 4])
BOTH = from_engine(["pred", "label_instances"])


class Shift(torch.nn.Module):
    """Adds a number to its input, so that a test sets what the evaluator predicts."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(()))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.shift


def evaluator_of(items: list[tuple[torch.Tensor, torch.Tensor]], metrics: dict[str, Any], **arguments: Any) -> Any:
    """An evaluator whose prediction is the first of each item, and whose batch brings the second as truth ids."""
    data = [{"image": pred.float(), "label": pred.float(), "label_instances": truth} for pred, truth in items]
    names = list(metrics)
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data), batch_size=2),
        network=arguments.pop("network", None) or Shift(),
        postprocessing=arguments.pop("postprocessing", None),
        key_val_metric={names[0]: metrics[names[0]]},
        additional_metrics={name: metrics[name] for name in names[1:]},
        **arguments,
    )
