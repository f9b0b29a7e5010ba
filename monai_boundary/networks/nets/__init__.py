# SPDX-License-Identifier: Apache-2.0
"""Networks: the boundary-aware network, DC-UNet, and the shape stream around a MONAI backbone."""

from __future__ import annotations

from monai_boundary.networks.nets.backbones import BackboneParts, backbone_parts
from monai_boundary.networks.nets.boundary_aware_net import BoundaryAwareNet
from monai_boundary.networks.nets.dc_unet import DCUNet
from monai_boundary.networks.nets.shape_stream_net import ShapeStreamNet

__all__ = ["BackboneParts", "BoundaryAwareNet", "DCUNet", "ShapeStreamNet", "backbone_parts"]
