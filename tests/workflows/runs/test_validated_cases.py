# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import from_engine

from monai_boundary._tables import read_table
from monai_boundary.handlers import VolumeScoresHandler
from monai_boundary.workflows.runs.processes import CaseShare
from monai_boundary.workflows.runs.results import MetricsFiles
from monai_boundary.workflows.runs.validated_cases import ValidatedCases
from tests.gloo import in_two_processes


class Scores:
    """Gives every case the mean of its image, as a metric's handler does, and one number that is of no case."""

    def attach(self, engine: Any) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.keep)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.write)

    def start(self, engine: Any) -> None:
        self.values: list[float] = []

    def keep(self, engine: Any) -> None:
        self.values += [float(item["image"].mean()) for item in engine.state.batch]

    def write(self, engine: Any) -> None:
        rows = torch.tensor(self.values)
        engine.state.metric_details = {"dice": rows[:, None], "curve": torch.zeros(7)}


def evaluator(*cases: tuple[str, float], **changes: Any) -> SupervisedEvaluator:
    items = [{"image": torch.full((1, 4, 4), v), "label": torch.zeros(1, 4, 4), "case": name} for name, v in cases]
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=2),
        network=torch.nn.Identity(),
        val_handlers=[Scores()],
        **changes,
    )


def test_each_case_with_its_name_and_its_own_scores() -> None:
    engine, cases = evaluator(("007", 0.5), ("b", 0.25), ("007", 1.0)), ValidatedCases()
    cases.attach(engine)
    for _ in range(2):  # the second validation does not add to the first
        engine.run()
        assert cases.rows(engine) == [
            {"case": "007", "dice": 0.5},
            {"case": "b", "dice": 0.25},
            {"case": "007 (2)", "dice": 1.0},
        ]


@pytest.mark.parametrize("count", [1, 3])
def test_two_processes_know_each_case_once(tmp_path: Path, count: int) -> None:
    """Also where there are fewer cases than processes, so that both of them validate the same one."""
    label = torch.zeros(1, 2, 4)
    label[:, 0] = 1
    images = [torch.zeros(1, 2, 4) for _ in range(count)]
    for k, image in enumerate(images):
        image[:, 0, : k + 1] = 1
    items = [{"image": image, "label": label, "case": f"p{k}"} for k, image in enumerate(images)]

    def validate(rank: int) -> list[Any]:
        scores = VolumeScoresHandler(from_engine(["pred", "label"]), scores=["dice"], spacing=1.0)
        engine = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=DataLoader(Dataset(items), sampler=CaseShare(items, rank, 2)),
            network=torch.nn.Identity(),
            key_val_metric={"dice": scores},
        )
        cases = ValidatedCases()
        cases.attach(engine)
        engine.run()
        return [(row["case"], row["dice"]) for row in cases.rows(engine)]

    wanted = [("p0", pytest.approx(2 / 5)), ("p2", pytest.approx(6 / 7)), ("p1", pytest.approx(4 / 6))]
    assert in_two_processes(validate, tmp_path / "job") == [wanted[:count]] * 2


@pytest.mark.filterwarnings("ignore")
def test_a_batch_that_is_not_taken_apart_has_no_names() -> None:
    engine, cases = evaluator(("a", 0.5), decollate=False), ValidatedCases()
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda e: e.state.output.clear())
    cases.attach(engine)
    for handlers in engine._event_handlers.values():
        handlers[:] = [h for h in handlers if not isinstance(getattr(h[0], "__self__", None), Scores)]
    engine.run()
    assert cases.rows(engine) == []


def test_a_training_writes_those_of_the_best_epoch_and_of_the_last(tmp_path: Path) -> None:
    engine = evaluator(("007", 0.5), ("b", 0.25))
    files = MetricsFiles(tmp_path, engine)
    trainer = SimpleNamespace(state=SimpleNamespace(rank=0, metrics={}), add_event_handler=lambda *_: None)
    files.attach(trainer)  # type: ignore[arg-type]
    for epoch, best, image in ((1, 1, 0.5), (2, 2, 0.75), (3, 2, 0.125), (4, 2, 0.25)):
        engine.data_loader.dataset.data[0]["image"].fill_(image)  # type: ignore[union-attr]
        engine.run(epoch)
        engine.state.best_metric_epoch = best
        trainer.state.epoch = epoch
        files(trainer)  # type: ignore[arg-type]
    found = read_table(tmp_path / "metrics_cases.csv", text=["case"])
    assert [(row["epoch"], row["case"], row["dice"]) for row in found] == [
        (2, "007", 0.75),
        (2, "b", 0.25),
        (4, "007", 0.25),
        (4, "b", 0.25),
    ]
