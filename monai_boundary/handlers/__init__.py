# SPDX-License-Identifier: Apache-2.0
"""Ignite handlers: thin shells that let MONAI's engines run this library's losses, metrics and pictures."""

from monai_boundary.handlers.case_pictures import CasePictures
from monai_boundary.handlers.em_metrics import (
    AdaptedRandHandler,
    CREMIScoreHandler,
    InstanceScoresHandler,
    ThresholdCurveHandler,
    VariationOfInformationHandler,
)
from monai_boundary.handlers.epoch_line import EpochLine
from monai_boundary.handlers.item_scores import ItemScoresHandler
from monai_boundary.handlers.lesion_metrics import LesionScoresHandler
from monai_boundary.handlers.lesion_pictures import LesionPictures
from monai_boundary.handlers.loss_terms import LossTerms
from monai_boundary.handlers.loss_weights import LossWeightHandler
from monai_boundary.handlers.mask_metrics import MaskScoresHandler
from monai_boundary.handlers.pictures import ValidationPictures
from monai_boundary.handlers.progress import TerminalProgress, is_terminal
from monai_boundary.handlers.resume import (
    ResumeTraining,
    SeedEveryEpoch,
    StopWithoutImprovement,
    higher_is_better,
    lower_is_better,
    save_atomically,
)
from monai_boundary.handlers.step_time import StepTime
from monai_boundary.handlers.targets import LossWithTargets
from monai_boundary.handlers.tumour_metrics import TumourScoresHandler
from monai_boundary.handlers.tumour_pictures import TumourPictures

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
