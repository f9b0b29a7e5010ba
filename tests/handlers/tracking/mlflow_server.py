# SPDX-License-Identifier: Apache-2.0
"""An MLflow server of its own, for tests: with its database and artifacts, killed and started again."""

from __future__ import annotations

import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.warm_python import WarmRun

COMMAND = str(Path(__file__).with_name("one_process_mlflow.py"))


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class MlflowServer:
    """A server on one port, that can be stopped and started again with the same database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: WarmRun | None = None

    def start(self, seconds: float = 300) -> None:
        """Start it, and wait until it answers."""
        place = ["--backend-store-uri", f"sqlite:///{self.folder}/ml.db"]
        place += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        command = [COMMAND, "server", *place, "--host", "127.0.0.1", "--port", str(self.port)]
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        environment = {**os.environ, **own, "PYTHONWARNINGS": "default"}
        self._process = WarmRun(command, self.folder, environment)
        opener, end = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + seconds
        while True:
            assert self._process.poll() is None, self._process.output[-3000:]
            assert time.monotonic() < end, "timed out"
            try:
                if opener.open(f"{self.address}/health", timeout=2).status == 200:
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)

    def stop(self) -> None:
        """Kill it (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process = None
