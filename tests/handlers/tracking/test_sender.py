# SPDX-License-Identifier: Apache-2.0
"""What the sender does with answers of a server, against one that is pretended."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monai_boundary.handlers.tracking.journal import Journal
from monai_boundary.handlers.tracking.sender import MLflowSender, sent_records

pytest.importorskip("mlflow")
URI = "http://127.0.0.1:9"


class PretendedClient:
    """Takes what it is sent; raises the next of ``errors`` first."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.runs: dict[str, dict[str, str]] = {}
        self.batches: list[tuple[str, int]] = []
        self.patience: list[str | None] = []

    def search_runs(self, experiments: list[str], filter_string: str) -> list[Any]:
        key = filter_string.split("'")[1]
        return [run_of(run) for run, tags in self.runs.items() if key in tags.values()]

    def create_run(self, experiment: str, start_time: int, tags: dict[str, str], run_name: str) -> Any:
        run = f"id{len(self.runs)}"
        self.runs[run] = tags
        return run_of(run)

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(lifecycle_stage="active", experiment_id="1")

    def log_batch(self, run: str, **values: Any) -> None:
        self.patience.append(os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES"))
        if self.errors:
            raise self.errors.pop(0)
        self.batches += [(kind, len(given)) for kind, given in values.items()]


def run_of(run: str) -> Any:
    return SimpleNamespace(info=SimpleNamespace(run_id=run))


class RefusedError(Exception):
    error_code = "INVALID_PARAMETER_VALUE"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "tracking.jsonl")
    made.append({"kind": "run", "run": "k1", "name": "n", "experiment": "e", "tags": {}, "time": 1})
    return made


def metrics(journal: Journal, number: int = 1) -> None:
    journal.append({"kind": "metrics", "run": "k1", "time": 2, "values": [["dice", 0.5, k] for k in range(number)]})


def pretended(journal: Journal, client: PretendedClient | None = None) -> tuple[MLflowSender, PretendedClient]:
    sender = MLflowSender(URI, journal)
    sender.client = client or PretendedClient()
    return sender, sender.client


def test_what_is_sent_is_not_sent_again_and_many_numbers_go_in_parts(journal: Journal) -> None:
    sender, client = pretended(journal)
    metrics(journal, 2300)
    assert sender.send()
    assert client.batches == [("metrics", 1000), ("metrics", 1000), ("metrics", 300)]
    metrics(journal)
    again, _ = pretended(journal, client)  # another process
    assert again.send()
    assert client.batches[3:] == [("metrics", 1)]
    assert sent_records(journal.path.parent) == {URI: {"sent": 3, "runs": {"k1": "id0"}}}


def test_a_run_whose_making_was_not_confirmed_is_found_again(journal: Journal) -> None:
    sender, client = pretended(journal)
    client.runs["id0"] = {"monai_boundary.run": "k1"}
    assert sender.send()
    assert list(client.runs) == ["id0"]


def test_one_line_for_an_outage_and_waiting_costs_a_tenth_of_the_time(
    journal: Journal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("monai_boundary.handlers.tracking.sender.time", SimpleNamespace(monotonic=lambda: now[0]))
    sender, client = pretended(journal)
    metrics(journal)

    def slow(run: str, **values: Any) -> None:
        now[0] += 3.0
        raise ConnectionError("Read timed out.")

    monkeypatch.setattr(client, "log_batch", slow)
    with caplog.at_level(logging.INFO):
        assert not sender.send()
        now[0] += 29.0  # thirty seconds after a try that took three
        assert not sender.send()
        assert now[0] == 132.0, "no second try so soon"
        now[0] += 1.5
        assert not sender.send()
        assert now[0] == 136.5
        assert not sender.send(at_once=True)
        monkeypatch.undo()
        assert sender.send(at_once=True)
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "(no answer in time)" in warned[0]
    assert "answers again: 1 records were sent" in caplog.text


def test_a_record_that_is_refused_is_told_and_holds_up_nothing(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    sender, client = pretended(journal)
    metrics(journal)
    metrics(journal)
    client.errors = [RefusedError("not a number")]
    assert sender.send()
    assert "refuses a record of metrics, it is left out: not a number" in caplog.text
    assert client.batches == [("metrics", 1)]


def test_one_try_of_ten_seconds_unless_the_environment_says_otherwise(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, client = pretended(journal)
    metrics(journal)
    assert sender.send()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    metrics(journal)
    assert sender.send()
    assert client.patience == ["0", "2"]
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_another_address_gets_everything_and_no_password_is_written(journal: Journal) -> None:
    sender, _ = pretended(journal)
    metrics(journal)
    assert sender.send()
    other = MLflowSender("http://me:secret@127.0.0.1:8", journal)
    other.client = PretendedClient()
    assert other.send()
    assert other.client.batches == [("metrics", 1)]
    text = (journal.path.parent / "tracking.json").read_text()
    assert json.loads(text).keys() == {URI, "http://127.0.0.1:8"}
