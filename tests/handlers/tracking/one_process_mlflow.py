# SPDX-License-Identifier: Apache-2.0
"""``mlflow server`` in this process: MLflow starts a second Python for the server, which imports all of it once more.

The command line, its options, the database and the server are MLflow's own.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

import mlflow.server
from mlflow.cli import cli


def run_here(command: list[str], *, extra_env: dict[str, str], **_: Any) -> None:
    """Do in this process what ``command``, of the form ``python -m MODULE WORDS``, would do in one of its own."""
    os.environ.update(extra_env)
    sys.argv = command[2:]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    mlflow.server._exec_cmd = run_here
    cli()
