# SPDX-License-Identifier: Apache-2.0
"""A look at a data set before anyone trains: what is in it, what will hurt, and which settings fit it."""

from monai_boundary.inspection.dataset_inspection import inspect_dataset

__all__ = ["inspect_dataset"]
