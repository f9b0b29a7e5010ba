# SPDX-License-Identifier: Apache-2.0
"""The tasks that are known by name: each file in ``tasks`` holds one, under its own name in capitals."""

from __future__ import annotations

import importlib
import pkgutil

from monai_boundary._validation import check_choice
from monai_boundary.workflows.volumes import tasks
from monai_boundary.workflows.volumes.task import VolumeTask

__all__ = ["known_task"]


def known_task(name: str | None) -> VolumeTask | None:
    """Return a task of the library by name, or None for None.

    Args:
        name: of a file in ``monai_boundary/workflows/volumes/tasks``, such as ``"hippocampus"``.

    Raises:
        ValueError: if there is no such task.

    Example:
        >>> known_task("hippocampus").names
        ('background', 'anterior', 'posterior')
    """
    if name is None:
        return None
    check_choice("known_task", name, sorted(module.name for module in pkgutil.iter_modules(tasks.__path__)))
    task: VolumeTask = getattr(importlib.import_module(f"{tasks.__name__}.{name}"), name.upper())
    return task
