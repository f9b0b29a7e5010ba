# SPDX-License-Identifier: Apache-2.0
"""Ignite handlers: thin shells that let MONAI's engines run this library's losses, metrics and pictures."""

import warnings
from typing import Any

from monai_boundary._extras import extras_named

with extras_named("monai_boundary.handlers"):
    from monai_boundary.handlers.former_names import FORMER_NAMES
    from monai_boundary.handlers.pictures.cases import CasePictures
    from monai_boundary.handlers.pictures.sections import ValidationPictures
    from monai_boundary.handlers.pictures.volumes import VolumePictures
    from monai_boundary.handlers.scores.instances import InstanceScoresHandler
    from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
    from monai_boundary.handlers.scores.threshold_curve import ThresholdCurveHandler
    from monai_boundary.handlers.scores.volumes import VolumeScoresHandler
    from monai_boundary.handlers.tracking.tracked_run import TrackedRun
    from monai_boundary.handlers.training.checkpoint_file import save_atomically
    from monai_boundary.handlers.training.epoch_line import EpochLine
    from monai_boundary.handlers.training.loss_terms import LossTerms
    from monai_boundary.handlers.training.loss_weights import LossWeightHandler
    from monai_boundary.handlers.training.progress import TerminalProgress, is_terminal
    from monai_boundary.handlers.training.resume import (
        ResumeTraining,
        SeedEveryEpoch,
        StopWithoutImprovement,
        higher_is_better,
        lower_is_better,
    )
    from monai_boundary.handlers.training.step_time import StepTime
    from monai_boundary.handlers.training.targets import LossWithTargets

__all__ = [
    "CasePictures",
    "EpochLine",
    "InstanceScoresHandler",
    "ItemScoresHandler",
    "LossTerms",
    "LossWeightHandler",
    "LossWithTargets",
    "ResumeTraining",
    "SeedEveryEpoch",
    "StepTime",
    "StopWithoutImprovement",
    "TerminalProgress",
    "ThresholdCurveHandler",
    "TrackedRun",
    "ValidationPictures",
    "VolumePictures",
    "VolumeScoresHandler",
    "higher_is_better",
    "is_terminal",
    "lower_is_better",
    "save_atomically",
]


def __getattr__(name: str) -> Any:
    """Return what took the place of a former name, so that a configuration which names it still runs."""
    if name not in FORMER_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made, now = FORMER_NAMES[name]
    warnings.warn(f"monai_boundary.handlers.{name} is now {now}: name that.", DeprecationWarning, stacklevel=2)
    return made
