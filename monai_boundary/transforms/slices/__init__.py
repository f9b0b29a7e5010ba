# SPDX-License-Identifier: Apache-2.0
"""From volumes to slices."""

from __future__ import annotations

from monai_boundary.transforms.slices.array import SlicesAround
from monai_boundary.transforms.slices.dictionary import SlicesAroundD, SlicesAroundd, SlicesAroundDict

__all__ = ["SlicesAround", "SlicesAroundD", "SlicesAroundDict", "SlicesAroundd"]
