# SPDX-License-Identifier: Apache-2.0
"""Sending the records of a journal to MLflow, and going on where it does not answer."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from monai_boundary._extras import extras_named
from monai_boundary._tables import write_json
from monai_boundary.handlers.tracking.journal import Journal, Record

logger = logging.getLogger(__name__)

SENT = "tracking.json"
_KEY = "monai_boundary.run"  # the tag by which a run is found whose making was not confirmed
_LONGEST = 6000  # characters of a parameter's value
_AT_ONCE = {"params": 100, "tags": 100, "metrics": 1000}  # what MLflow takes in one request
# A server that does not answer is not waited for: one try, a few seconds. What the user's environment says counts.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_WAIT = 10.0  # after a failed try, times what it took: waiting for a server costs at most a tenth of the time


class MLflowSender:
    """Send what a journal has and MLflow has not, in order.

    How far it came is kept in ``tracking.json`` beside the journal, for each address, with the runs that were made
    there. A record that was sent and not confirmed is sent again; MLflow keeps it once.

    Args:
        uri: of MLflow: ``http://host:5000``, ``sqlite:////folder/mlruns.db``.
        journal: of the records.

    Raises:
        ImportError: if MLflow is not installed.
        ValueError: if MLflow has no such kind of address.
    """

    def __init__(self, uri: str, journal: Journal) -> None:
        with extras_named("tracking"):
            from mlflow.tracking import MlflowClient
        if "://" not in uri or uri.startswith("file:"):
            raise ValueError(f"`tracking_uri` needs http://HOST:PORT or sqlite:///FILE, got {uri!r}.")
        self.uri = uri
        self.journal = journal
        self.shown = re.sub(r"(?<=://)[^/@]*@", "", uri)  # without name and password
        known = sent_records(journal.path.parent).get(self.shown, {})
        self._sent: int = known.get("sent", 0)
        self._runs: dict[str, str] = dict(known.get("runs", {}))
        self._down_since: float | None = None
        self._next_try = 0.0
        if uri.startswith("sqlite:///"):
            _file(uri).parent.mkdir(parents=True, exist_ok=True)
        try:
            self.client = MlflowClient(tracking_uri=uri)
        except Exception as error:  # of SQLAlchemy too, for a database that does not open
            raise ValueError(f"`tracking_uri` needs an address of MLflow, {self.shown}: {error}") from error

    def send(self, at_once: bool = False) -> bool:
        """Send what is left, and return whether nothing is.

        The first failure is told in one line of the log, and so is the first success after it. After a failed try the
        next one is made when ten times as long has passed as the try took.

        Args:
            at_once: try in any case.
        """
        if not at_once and time.monotonic() < self._next_try:
            return False
        began, before = time.monotonic(), self._sent
        try:
            with _impatient():
                for number, record in self.journal.read(self._sent):
                    self._deliver(record)
                    self._sent = number + 1
        except Exception as error:  # whatever it is: a training is worth more than its record
            self._next_try = time.monotonic() + _WAIT * (time.monotonic() - began)
            if self._down_since is None:
                self._down_since = began
                logger.warning(
                    f"MLflow at {self.shown} does not take records ({_reason(error)}): the run goes on, they are kept "
                    f"in {self.journal.path} and sent when it does, at the latest by the next run in this folder."
                )
            return False
        finally:
            if self._sent > before:
                self._save()
        if self._down_since is not None:
            logger.info(f"MLflow at {self.shown} answers again: {self._sent - before} records were sent.")
        self._down_since = None
        return True

    def close(self) -> None:
        """Give back the database of a local store."""
        if self.uri.startswith("sqlite:"):
            store = self.client._tracking_client.store
            for engine in (getattr(store, "engine", None), getattr(store, "read_engine", None)):
                if engine is not None:
                    engine.dispose()

    def _save(self) -> None:
        folder = self.journal.path.parent
        write_json({**sent_records(folder), self.shown: {"sent": self._sent, "runs": self._runs}}, folder / SENT)

    def _deliver(self, record: Record) -> None:
        """Send one record; one that MLflow refuses for what it is is told and passed over."""
        try:
            getattr(self, f"_send_{record['kind']}")(record)
        except Exception as error:
            if not _refused(error):
                raise
            logger.warning(f"MLflow refuses a record of {record['kind']}, it is left out: {_reason(error)}")

    def _send_run(self, record: Record) -> None:
        experiment = self._experiment(record["experiment"])
        key = record["run"]
        found = self.client.search_runs([experiment], f"tags.`{_KEY}` = '{key}'")
        tags = {**record["tags"], _KEY: key}
        made = found[0] if found else self.client.create_run(experiment, record["time"], tags, record["name"])
        self._runs[key] = made.info.run_id

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage != "active":
                raise RuntimeError(f"its experiment {name!r} was deleted there: restore it, or give --experiment_name")
            return str(found.experiment_id)
        place = None
        if self.uri.startswith("sqlite:///"):  # a database holds no files: they are beside it
            place = (_file(self.uri).parent / "mlruns").as_uri()
        try:
            return str(self.client.create_experiment(name, artifact_location=place))
        except Exception:
            found = self.client.get_experiment_by_name(name)  # another run has just made it
            if found is None:
                raise
            return str(found.experiment_id)

    def _send_again(self, record: Record) -> None:
        self.client.update_run(self._runs[record["run"]], status="RUNNING")

    def _send_params(self, record: Record) -> None:
        from mlflow.entities import Param

        self._batches(record, "params", [Param(k, str(v)[:_LONGEST]) for k, v in record["values"].items()])

    def _send_tags(self, record: Record) -> None:
        from mlflow.entities import RunTag

        self._batches(record, "tags", [RunTag(k, str(v)) for k, v in record["values"].items()])

    def _send_metrics(self, record: Record) -> None:
        from mlflow.entities import Metric

        values = [Metric(name, float(value), record["time"], step) for name, value, step in record["values"]]
        self._batches(record, "metrics", values)

    def _send_artifact(self, record: Record) -> None:
        if Path(record["path"]).is_file():
            self.client.log_artifact(self._runs[record["run"]], record["path"], record["place"] or None)

    def _send_end(self, record: Record) -> None:
        self.client.set_terminated(self._runs[record["run"]], record["status"], record["time"])

    def _batches(self, record: Record, kind: str, values: list[Any]) -> None:
        rest = iter(values)
        while part := list(islice(rest, _AT_ONCE[kind])):
            content: dict[str, Any] = {kind: part}
            self.client.log_batch(self._runs[record["run"]], **content)


def sent_records(folder: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return what of a folder's journal was sent: address -> number of records, and the runs that were made there.

    Example:
        >>> sent_records("no/such/folder")
        {}
    """
    path = Path(folder) / SENT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@contextmanager
def _impatient() -> Iterator[None]:
    missing = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _file(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("sqlite:///"))).absolute()


def _refused(error: Exception) -> bool:
    """Tell a record that will never be taken from a server that does not answer."""
    if isinstance(error, (PermissionError, FileNotFoundError, IsADirectoryError)):
        return True
    return getattr(error, "error_code", None) in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    for sign, said in (("refused", "connection refused"), ("timed out", "no answer in time")):
        if sign in text:
            return said
    return text if len(text) <= 200 else f"{text[:200]}..."
