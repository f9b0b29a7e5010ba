# SPDX-License-Identifier: Apache-2.0
"""What the bundles share: their data, where their files lie, and the results at the end."""

from monai_boundary._extras import extras_named

with extras_named("monai_boundary.workflows"):
    from monai_boundary._folder_lock import FolderLock
    from monai_boundary.workflows.evaluation.case_report import CaseReport
    from monai_boundary.workflows.evaluation.case_scores import write_case_scores
    from monai_boundary.workflows.evaluation.curves import em_scores, write_evaluation
    from monai_boundary.workflows.evaluation.scored_set import challenge_scored, em_scored
    from monai_boundary.workflows.evaluation.threshold import as_evaluated, choose_threshold, keep_evaluated
    from monai_boundary.workflows.inference.sectionwise import SectionwiseInferer
    from monai_boundary.workflows.inference.strides import check_patch_multiple, stride_multiple
    from monai_boundary.workflows.losses.edge_head import supervises_edges
    from monai_boundary.workflows.losses.edge_net import semantic_edge_net
    from monai_boundary.workflows.losses.identity import network_title
    from monai_boundary.workflows.losses.schedule import PolynomialRate
    from monai_boundary.workflows.losses.spec import LossSpec, loss_spec
    from monai_boundary.workflows.membranes.data import (
        check_em_outputs,
        check_patch_size,
        em_inputs,
        em_split,
    )
    from monai_boundary.workflows.membranes.normalize import NormalizeSectionsd
    from monai_boundary.workflows.membranes.pipeline import em_transforms
    from monai_boundary.workflows.runs.loaded_dataset import LoadedDataset
    from monai_boundary.workflows.runs.paths import find_bundle_root, find_model, require_model, tracking_run_name
    from monai_boundary.workflows.runs.results import MetricsFiles, log_next_inference, log_training_summary
    from monai_boundary.workflows.runs.score_table import log_scores
    from monai_boundary.workflows.runs.training_settings import (
        check_trained_settings,
        resumed_settings,
        trained_settings,
    )
    from monai_boundary.workflows.volumes.case_checks import check_cases
    from monai_boundary.workflows.volumes.challenge_data import challenge_patients, challenge_split, patients_per_batch
    from monai_boundary.workflows.volumes.dataset import SliceDataset, case_names, volume_dataset
    from monai_boundary.workflows.volumes.fitting import check_patch_strides, fitting_patch
    from monai_boundary.workflows.volumes.known_tasks import known_task
    from monai_boundary.workflows.volumes.own_data import own_inputs, own_scored, own_split
    from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_postprocessing, volume_transforms
    from monai_boundary.workflows.volumes.save import SaveVolumesd, check_segmentations
    from monai_boundary.workflows.volumes.task import VolumeTask
    from monai_boundary.workflows.volumes.tasks.brats import BRATS, brats_task
    from monai_boundary.workflows.volumes.tasks.isles import ISLES
    from monai_boundary.workflows.volumes.tasks.wmh import WMH

__all__ = [
    "BRATS",
    "ISLES",
    "WMH",
    "CaseReport",
    "FolderLock",
    "LoadedDataset",
    "LossSpec",
    "MetricsFiles",
    "NormalizeSectionsd",
    "PolynomialRate",
    "SaveVolumesd",
    "SectionwiseInferer",
    "SliceDataset",
    "VolumeTask",
    "as_evaluated",
    "brats_task",
    "case_names",
    "challenge_patients",
    "challenge_scored",
    "challenge_split",
    "check_cases",
    "check_em_outputs",
    "check_patch_multiple",
    "check_patch_size",
    "check_patch_strides",
    "check_segmentations",
    "check_trained_settings",
    "choose_threshold",
    "em_inputs",
    "em_scored",
    "em_scores",
    "em_split",
    "em_transforms",
    "find_bundle_root",
    "find_model",
    "fitting_patch",
    "keep_evaluated",
    "known_task",
    "log_next_inference",
    "log_scores",
    "log_training_summary",
    "loss_spec",
    "network_title",
    "own_inputs",
    "own_scored",
    "own_split",
    "patients_per_batch",
    "require_model",
    "resumed_settings",
    "semantic_edge_net",
    "stride_multiple",
    "supervises_edges",
    "tracking_run_name",
    "trained_settings",
    "volume_crops",
    "volume_dataset",
    "volume_postprocessing",
    "volume_transforms",
    "write_case_scores",
    "write_evaluation",
]
