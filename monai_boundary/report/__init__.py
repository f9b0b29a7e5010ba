# SPDX-License-Identifier: Apache-2.0
"""Scores of predictions over cases: which differences are larger than the noise."""

from monai_boundary.report.paired_difference import PairedDifference, paired_difference

__all__ = ["PairedDifference", "paired_difference"]
