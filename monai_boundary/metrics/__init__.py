# SPDX-License-Identifier: Apache-2.0
"""Metrics of segments, lesions and boundaries: ``compute_*`` functions on arrays, and Metric classes over them."""

from lazy_loader import attach_stub

# at once, since its file has its name, and would stand here in its place
from monai_boundary.metrics.lesion_masks import lesion_masks  # noqa: F401

# Each name of the stub beside this file is imported when it is asked for: some need MONAI, whose import takes seconds
# and half a gigabyte; most of what the work on large volumes takes from here does not.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
