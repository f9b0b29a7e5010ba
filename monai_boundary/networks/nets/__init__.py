# SPDX-License-Identifier: Apache-2.0
"""Networks: the boundary-aware network, DC-UNet, the shape stream around a MONAI backbone, SEMEDA's edge network."""

from __future__ import annotations

from monai_boundary.networks.nets.backbones import BackboneParts, backbone_parts
from monai_boundary.networks.nets.boundary_aware_net import BoundaryAwareNet
from monai_boundary.networks.nets.dc_unet import DCUNet
from monai_boundary.networks.nets.semantic_edge_file import load_semantic_edge_net, save_semantic_edge_net
from monai_boundary.networks.nets.semantic_edge_fit import edge_scores, fit_semantic_edge_net
from monai_boundary.networks.nets.semantic_edge_net import SemanticEdgeNet
from monai_boundary.networks.nets.shape_stream_net import ShapeStreamNet

__all__ = [
    "BackboneParts",
    "BoundaryAwareNet",
    "DCUNet",
    "SemanticEdgeNet",
    "ShapeStreamNet",
    "backbone_parts",
    "edge_scores",
    "fit_semantic_edge_net",
    "load_semantic_edge_net",
    "save_semantic_edge_net",
]
