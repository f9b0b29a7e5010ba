# SPDX-License-Identifier: Apache-2.0
"""Networks that know where boundaries are: blocks, nets, and what a network costs.

- ``blocks``: one idea per file; each computes an equation of a paper and can be used alone.
- ``cost``: parameters, operations and receptive field of any network.
- ``nets``: whole networks. They take (B, C, H, W[, D]) and give logits; in eval mode always one tensor.

All of it scripts (TorchScript), exports (``torch.export``, ONNX) and compiles; the tests compare each with eager mode.
"""

from __future__ import annotations

from monai_boundary.networks.blocks import (
    DilatedPyramid,
    DualChannelBlock,
    PreActivationBlock,
    ResidualPath,
    ShapeGate,
    ShapeStream,
)
from monai_boundary.networks.cost import NetworkCost, network_cost, receptive_field
from monai_boundary.networks.nets import (
    BackboneParts,
    BoundaryAwareNet,
    DCUNet,
    SemanticEdgeNet,
    ShapeStreamNet,
    backbone_parts,
    edge_scores,
    fit_semantic_edge_net,
    load_semantic_edge_net,
    save_semantic_edge_net,
)

__all__ = [
    "BackboneParts",
    "BoundaryAwareNet",
    "DCUNet",
    "DilatedPyramid",
    "DualChannelBlock",
    "NetworkCost",
    "PreActivationBlock",
    "ResidualPath",
    "SemanticEdgeNet",
    "ShapeGate",
    "ShapeStream",
    "ShapeStreamNet",
    "backbone_parts",
    "edge_scores",
    "fit_semantic_edge_net",
    "load_semantic_edge_net",
    "network_cost",
    "receptive_field",
    "save_semantic_edge_net",
]
