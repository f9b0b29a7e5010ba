# SPDX-License-Identifier: Apache-2.0
"""Ignite handlers: thin shells that let MONAI's engines run this library's losses, metrics and pictures."""

from monai_boundary.handlers.pictures.cases import CasePictures
from monai_boundary.handlers.pictures.lesions import LesionPictures
from monai_boundary.handlers.pictures.sections import ValidationPictures
from monai_boundary.handlers.pictures.tumours import TumourPictures
from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.handlers.scores.lesions import LesionScoresHandler
from monai_boundary.handlers.scores.masks import MaskScoresHandler
from monai_boundary.handlers.scores.membranes import (
    AdaptedRandHandler,
    CREMIScoreHandler,
    InstanceScoresHandler,
    ThresholdCurveHandler,
    VariationOfInformationHandler,
)
from monai_boundary.handlers.scores.tumours import TumourScoresHandler
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
    save_atomically,
)
from monai_boundary.handlers.training.step_time import StepTime
from monai_boundary.handlers.training.targets import LossWithTargets

__all__ = [
    "AdaptedRandHandler",
    "CREMIScoreHandler",
    "CasePictures",
    "EpochLine",
    "InstanceScoresHandler",
    "ItemScoresHandler",
    "LesionPictures",
    "LesionScoresHandler",
    "LossTerms",
    "LossWeightHandler",
    "LossWithTargets",
    "MaskScoresHandler",
    "ResumeTraining",
    "SeedEveryEpoch",
    "StepTime",
    "StopWithoutImprovement",
    "TerminalProgress",
    "ThresholdCurveHandler",
    "TumourPictures",
    "TumourScoresHandler",
    "ValidationPictures",
    "VariationOfInformationHandler",
    "higher_is_better",
    "is_terminal",
    "lower_is_better",
    "save_atomically",
]
