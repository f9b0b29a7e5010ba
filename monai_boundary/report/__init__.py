# SPDX-License-Identifier: Apache-2.0
"""Any folder of predictions against its truths: scores of every case, what they say, and which differences are real."""

from monai_boundary.report.case_files import CaseFile, CaseMatches, CasePair, case_of_file, list_case_files, match_cases
from monai_boundary.report.case_summary import bootstrap_interval
from monai_boundary.report.folder_evaluation import evaluate_folders
from monai_boundary.report.label_classes import read_class_table
from monai_boundary.report.label_volume import LabelVolume, grid_difference, read_label_volume, resample_nearest
from monai_boundary.report.method_comparison import compare_methods, holm_adjusted, wilcoxon_p
from monai_boundary.report.paired_difference import PairedDifference, paired_difference
from monai_boundary.report.report_files import FolderEvaluation
from monai_boundary.report.report_tables import ReportTables

__all__ = [
    "CaseFile",
    "CaseMatches",
    "CasePair",
    "FolderEvaluation",
    "LabelVolume",
    "PairedDifference",
    "ReportTables",
    "bootstrap_interval",
    "case_of_file",
    "compare_methods",
    "evaluate_folders",
    "grid_difference",
    "holm_adjusted",
    "list_case_files",
    "match_cases",
    "paired_difference",
    "read_class_table",
    "read_label_volume",
    "resample_nearest",
    "wilcoxon_p",
]
