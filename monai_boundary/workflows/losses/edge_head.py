# SPDX-License-Identifier: Apache-2.0
"""Whether a training learns edges beside its segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

# of the bundles; what differs was asked for
EDGES: Mapping[str, Any] = MappingProxyType({"side": "both", "thickness": 1, "unit": "voxel"})


def supervises_edges(
    network: nn.Module, edge_losses: bool | None = None, edges: Mapping[str, Any] | None = None
) -> bool | None:
    """Return whether the edges of a network are supervised, and None for a network without an edge head.

    Args:
        network: with an edge head if it has ``forward_heads``.
        edge_losses: whether to supervise it; None is yes where there is one.
        edges: the options of the edges.

    Raises:
        ValueError: if edge losses, or edges other than the bundles' own, are asked for without an edge head: they
            would do nothing.

    Example:
        >>> print(supervises_edges(nn.Conv2d(1, 1, 1)))
        None
        >>> supervises_edges(nn.Conv2d(1, 1, 1), edge_losses=True)
        Traceback (most recent call last):
        ...
        ValueError: `edge_losses` needs a network with an edge head, such as the boundary-aware one, got Conv2d.
    """
    if hasattr(network, "forward_heads"):
        return edge_losses is not False
    asked = {"edge_losses": bool(edge_losses), "edges": edges is not None and dict(edges) != dict(EDGES)}
    for name, given in asked.items():
        if given:
            raise ValueError(
                f"`{name}` needs a network with an edge head, such as the boundary-aware one, got "
                f"{type(network).__name__}."
            )
    return None
