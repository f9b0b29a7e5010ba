# SPDX-License-Identifier: Apache-2.0
"""What a tracked run takes from the configuration that runs, and its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import deepcopy
from types import FrameType
from typing import Any

from monai.bundle import ConfigParser
from monai.handlers.mlflow_handler import MLFlowHandler

from monai_boundary.handlers import TrackedRun


def running_configuration() -> dict[str, Any]:
    """Return the configuration that is being resolved, as it is written, with what was given on the command line.

    Raises:
        ValueError: if it is called from elsewhere than a configuration.

    Example:
        >>> parser = ConfigParser({"lr": 0.1, "all": "$running_configuration()"}, globals=False)
        >>> parser.globals["running_configuration"] = running_configuration
        >>> parser.get_parsed_content("all")
        {'lr': 0.1, 'all': '$running_configuration()'}
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, ConfigParser):
            return dict(deepcopy(owner.get()))
        frame = frame.f_back
    raise ValueError("`running_configuration` needs to be called in a configuration, no parser is at work.")


def close_tracking(handlers: Sequence[Any]) -> None:
    """Close the tracked runs among the handlers of an engine, after its files are written.

    Args:
        handlers: of the engine; MONAI's ``MLFlowHandler`` is closed too.
    """
    for handler in handlers:
        if isinstance(handler, (TrackedRun, MLFlowHandler)):
            handler.close()
