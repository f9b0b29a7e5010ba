# SPDX-License-Identifier: Apache-2.0
"""Tiny trainings for the handlers' tests."""

from __future__ import annotations

from typing import Any

import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import ValidationHandler
from monai.transforms import Compose, RandGaussianNoised


class WeightedLoss(torch.nn.Module):
    """Squared error, weighted by a target that the batch brings; its terms are 1 and 2 times the error."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = 1.0
        self.terms: dict[str, torch.Tensor] = {}
        self.seen: list[dict[str, Any]] = []

    def forward(self, pred: torch.Tensor, label: torch.Tensor, **targets: Any) -> torch.Tensor:
        self.seen.append(targets)
        weight = targets.get("weight", torch.ones(()))
        error = (weight * (pred - label) ** 2).mean()
        self.terms = {"base": error.detach(), "map": torch.zeros(3)}
        if self.alpha:
            self.terms["boundary"] = 2 * error.detach()
        return error + 2 * self.alpha * error


def items(number: int = 6) -> list[dict[str, Any]]:
    return [
        {
            "image": torch.full((1, 4, 4), float(i)),
            "label": torch.full((1, 4, 4), 2.0 * i),
            "label_weight": torch.full((1, 4, 4), i + 1, dtype=torch.int32),
        }
        for i in range(number)
    ]


def make_trainer(
    loss: Any, handlers: list[Any], epochs: int = 2, number: int = 6, **arguments: Any
) -> SupervisedTrainer:
    transform = Compose([RandGaussianNoised("image", prob=1.0, std=0.1)])
    dataset = Dataset(items(number), transform)
    network = arguments.pop("network", None) or torch.nn.Conv2d(1, 1, 1)
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(dataset, batch_size=2, shuffle=True),
        network=network,
        optimizer=arguments.pop("optimizer", None) or torch.optim.Adam(network.parameters(), 0.01),
        loss_function=loss,
        train_handlers=handlers,
        **arguments,
    )


class Scores:
    """A key metric that gives the next number of a list at each validation."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def attach(self, engine: Any, name: str) -> None:
        from ignite.engine import Events

        engine.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: engine.state.metrics.update({name: self.scores[engine.state.epoch - 1]})
        )


def make_evaluator(
    network: torch.nn.Module, scores: list[float], compare: Any, **arguments: Any
) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items(2)), batch_size=1),
        network=network,
        key_val_metric={"score": Scores(scores)},
        metric_cmp_fn=compare,
        **arguments,
    )


def validation(evaluator: SupervisedEvaluator) -> ValidationHandler:
    return ValidationHandler(1, evaluator)
