# SPDX-License-Identifier: Apache-2.0
"""An MLflow server of its own, for tests: with its database and artifacts, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


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
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        place = ["--backend-store-uri", f"sqlite:///{self.folder}/ml.db"]
        place += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        command = [sys.executable, "-m", "mlflow", "server", *place, "--host", "127.0.0.1", "--port", str(self.port)]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "default"}
        log = self.folder / "log.txt"
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=file, env=environment, cwd=self.folder, start_new_session=True
            )
        opener, end = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + 90
        while True:
            assert self._process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < end, "timed out"
            try:
                if opener.open(f"{self.address}/health", timeout=2).status == 200:
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)

    def stop(self) -> None:
        """Kill all of its processes (SIGKILL)."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None
