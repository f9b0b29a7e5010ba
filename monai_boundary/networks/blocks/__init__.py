# SPDX-License-Identifier: Apache-2.0
"""Building blocks: residual block, attention gate, dilated pyramid, shape stream, and the two blocks of DC-UNet."""

from __future__ import annotations

from monai_boundary.networks.blocks.dilated_pyramid import DilatedPyramid
from monai_boundary.networks.blocks.dual_channel import DualChannelBlock
from monai_boundary.networks.blocks.pre_activation import PreActivationBlock
from monai_boundary.networks.blocks.residual_path import ResidualPath
from monai_boundary.networks.blocks.shape_gate import ShapeGate
from monai_boundary.networks.blocks.shape_stream import ShapeStream

__all__ = ["DilatedPyramid", "DualChannelBlock", "PreActivationBlock", "ResidualPath", "ShapeGate", "ShapeStream"]
