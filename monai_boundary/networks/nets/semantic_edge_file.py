# SPDX-License-Identifier: Apache-2.0
"""The file of SEMEDA's edge network."""

from __future__ import annotations

import os
from typing import Any

import torch

from monai_boundary._output_file import atomic_output
from monai_boundary.networks.nets.semantic_edge_net import SemanticEdgeNet

_FORMAT = "monai_boundary.semantic_edge_net"
_VERSION = 1


def save_semantic_edge_net(net: SemanticEdgeNet, path: str | os.PathLike[str]) -> None:
    """Write a fitted network to a file that `load_semantic_edge_net` reads: format, version, shape, scores, weights.

    Args:
        net: fitted.
        path: of the file; its folder must exist.

    Raises:
        ValueError: if the network was not fitted.

    Example:
        >>> import tempfile
        >>> net = SemanticEdgeNet()
        >>> _ = net.fitted.fill_(True)  # `fit_semantic_edge_net` does
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_semantic_edge_net(net, f"{folder}/edges.pt")
        ...     load_semantic_edge_net(f"{folder}/edges.pt", num_classes=2).num_classes
        2
    """
    if not net.fitted:
        raise ValueError("`net` needs to be fitted before it is saved: see `fit_semantic_edge_net`.")
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "spatial_dims": net.spatial_dims,
        "num_classes": net.num_classes,
        "scores": dict(net.scores),
        "weights": {name: value.cpu() for name, value in net.state_dict().items()},
    }
    with atomic_output(path, overwrite=True) as part, part.open("wb") as file:  # a reader sees the whole file or none
        torch.save(content, file)


def load_semantic_edge_net(
    path: str | os.PathLike[str], spatial_dims: int | None = None, num_classes: int | None = None
) -> SemanticEdgeNet:
    """Return the fitted network of a file, in eval mode. Only tensors and plain values are read (``weights_only``).

    Args:
        path: of the file.
        spatial_dims: 2 or 3, what it must have; not checked if not given.
        num_classes: classes that it must have; not checked if not given.

    Returns:
        The network, on the CPU.

    Raises:
        ValueError: if the file is no such network or of a newer version, or has other classes or dimensions.

    Example:
        >>> load_semantic_edge_net("edges.pt")  # doctest: +SKIP
    """
    content: Any = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"`path` needs a file written by `save_semantic_edge_net`, got {os.fspath(path)!r}.")
    if content["version"] > _VERSION:
        raise ValueError(f"`path` needs a file of version {_VERSION} or older, got {content['version']}.")
    for name, wanted in (("spatial_dims", spatial_dims), ("num_classes", num_classes)):
        if wanted is not None and content[name] != wanted:
            raise ValueError(
                f"`path` needs an edge network with {name}={wanted}, got {content[name]}: fit one for your labels."
            )
    net = SemanticEdgeNet(content["spatial_dims"], content["num_classes"])
    net.load_state_dict(content["weights"])
    net.scores = dict(content["scores"])
    return net.eval()
