# SPDX-License-Identifier: Apache-2.0
"""Where the time of a training goes, bundle by bundle: a table on standard output.

    python tests/benchmarks/training_speed.py
    python tests/benchmarks/training_speed.py wmh_mri_boundary --epochs 5 --set num_workers=2 --clock wall

Each bundle trains on its phantom, in this process; the first epoch is left out (what is compiled, is compiled there).
Times are of this process on the CPU, so that a busy machine changes them little; with workers only ``--clock wall``
sees all. A *step* is one iteration; validation, and what the handlers do when an epoch ends, are spread over the steps
of an epoch.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from monai.engines.utils import IterationEvents

BUNDLES = Path(__file__).parents[2] / "bundles"
NAMES = [
    "wmh_mri_boundary",
    "isles_stroke_boundary",
    "brats_mri_boundary",
    "volume_boundary",
    "em_neuron_boundary",
]
PARTS = ("transforms", "loader", "prepare", "network", "loss", "backward", "optimizer", "handlers", "validation")
COMPUTED = ("network", "loss", "backward", "optimizer")  # what nobody can do without


class Laps:
    """Add the time since the last lap to a part."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self.last = clock()
        self.steps = 0

    def lap(self, part: str) -> None:
        """Add the time since the last lap to ``part``."""
        now = self.clock()
        self.seconds[part] += now - self.last
        self.last = now

    def restart(self, engine: Any) -> None:
        """Forget the first epoch."""
        if engine.state.epoch == 2:
            self.seconds.clear()
            self.steps, self.last = 0, self.clock()

    def around(self, function: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        """Return the function with a lap before and after it."""

        def timed(*arguments: Any, **options: Any) -> Any:
            self.lap(before)
            result = function(*arguments, **options)
            self.lap(after)
            return result

        return timed


def attach(trainer: Any, evaluator: Any, laps: Laps) -> None:
    """Take the time of every part of a trainer's step; what its own handlers do at an event is a part by itself."""
    ends = {
        Events.GET_BATCH_STARTED: "handlers",
        Events.GET_BATCH_COMPLETED: "loader",
        IterationEvents.FORWARD_COMPLETED: "network",
        IterationEvents.LOSS_COMPLETED: "loss",
        IterationEvents.BACKWARD_COMPLETED: "backward",
        IterationEvents.MODEL_COMPLETED: "optimizer",
        Events.ITERATION_COMPLETED: "handlers",
        Events.EPOCH_COMPLETED: "handlers",
        Events.COMPLETED: "handlers",  # the checkpoint of the last epoch, which comes after all that was attached to it
    }
    for event, part in ends.items():
        trainer.add_event_handler(event, lambda _, part=part: laps.lap(part))
        handlers = trainer._event_handlers[event]
        handlers.insert(0, handlers.pop())  # before the handlers of the bundle
        trainer.add_event_handler(event, lambda _: laps.lap("handlers"))
    trainer.add_event_handler(Events.EPOCH_STARTED, laps.restart)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda _: setattr(laps, "steps", laps.steps + 1))
    trainer.prepare_batch = laps.around(trainer.prepare_batch, "handlers", "prepare")
    evaluator.run = laps.around(evaluator.run, "handlers", "validation")
    dataset = trainer.data_loader.dataset.dataset  # what the draws are taken of
    dataset._transform = laps.around(dataset._transform, "loader", "transforms")


def measure(bundle: str, epochs: int, clock: Callable[[], float], overrides: dict[str, Any]) -> dict[str, float]:
    """Return milliseconds of each part for a step."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(BUNDLES / bundle / "configs" / "train.yaml")
        options = {"epochs": epochs, "output_dir": folder, "val_interval": 1, **overrides}
        workflow = ConfigWorkflow(path, workflow_type="train", logging_file=False, **options)
        workflow.initialize()
        trainer = workflow.parser.get_parsed_content("train::trainer")
        evaluator = workflow.parser.get_parsed_content("validate::evaluator")
        laps = Laps(clock)
        attach(trainer, evaluator, laps)
        workflow.run()
        workflow.finalize()
    return {part: 1e3 * laps.seconds[part] / laps.steps for part in PARTS}


def main() -> None:
    """Print a row for each bundle."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("bundles", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the bundle")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    clock = time.process_time if given.clock == "cpu" else time.perf_counter
    overrides = {name: yaml.safe_load(value) for name, _, value in (one.partition("=") for one in given.set)}
    sys.stdout.write(f"| ms per step | {' | '.join(PARTS)} | all | not computed, without validation |\n")
    sys.stdout.write(f"|---|{'---|' * (len(PARTS) + 2)}\n")
    for bundle in given.bundles:
        parts = measure(bundle, given.epochs, clock, overrides)
        step = sum(parts.values()) - parts["validation"]
        share = 1 - sum(parts[part] for part in COMPUTED) / step
        cells = " | ".join(f"{parts[part]:.2f}" for part in PARTS)
        sys.stdout.write(f"| {bundle} | {cells} | {sum(parts.values()):.1f} | {share:.1%} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
