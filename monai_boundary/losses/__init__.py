# SPDX-License-Identifier: Apache-2.0
"""Losses: for each a pure function, and a Module that stores the arguments and calls it."""

from __future__ import annotations

from monai_boundary.losses.ba import BALoss, ba_loss_terms

__all__ = ["BALoss", "ba_loss_terms"]
