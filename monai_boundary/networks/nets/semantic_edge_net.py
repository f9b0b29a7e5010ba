# SPDX-License-Identifier: Apache-2.0
"""The edge network of SEMEDA: from a segmentation to its semantic edges, and its file."""

from __future__ import annotations

import itertools
import os
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_boundary._output_file import atomic_output
from monai_boundary._validation import check_spatial_dims

_FORMAT = "monai_boundary.semantic_edge_net"
_VERSION = 1


class SemanticEdgeNet(nn.Module):
    """Edge network g of SEMEDA (Chen et al. 2020, section 3.4): C -> 16 -> 32 -> 2 by 3 x 3 convolutions with ReLU.

    It sees a segmentation alone, never the image, and is fitted to the semantic edges of true masks
    (`fit_semantic_edge_net`). Its features then say what `monai_boundary.losses.SEMEDALoss` compares. The convolutions
    repeat the voxels at the frame, so that the frame, which is no edge, looks like none.

    For 4 classes it has 5,810 parameters in 2-D and 17,330 in 3-D; its receptive field is 7 voxels per axis. The
    weights are converted to the dtype and device of the input in each call.

    Args:
        spatial_dims: 2 or 3.
        num_classes: channels C of the segmentation, background included; 1 for a mask alone.

    Attributes:
        fitted: whether it was fitted (or loaded); a tensor, so that checkpoints keep it.
        scores: accuracy and F1 of the edges on held-out crops when it was fitted, and the steps that took.

    Raises:
        ValueError: if an argument is out of range; when called, if the input has other channels or axes.

    Example:
        >>> import torch
        >>> net = SemanticEdgeNet(spatial_dims=2, num_classes=4)
        >>> net(torch.zeros(1, 4, 16, 16)).shape, bool(net.fitted)
        (torch.Size([1, 2, 16, 16]), False)
    """

    fitted: Tensor

    def __init__(self, spatial_dims: int = 2, num_classes: int = 2) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError(f"`num_classes` needs a whole number >= 1, got {num_classes!r}.")
        self.spatial_dims = spatial_dims
        self.num_classes = num_classes
        widths = (num_classes, 16, 32, 2)
        conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.convolutions = nn.ModuleList(conv(a, b, 3) for a, b in itertools.pairwise(widths))
        self.register_buffer("fitted", torch.tensor(False))
        self.scores: dict[str, float] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of "no edge" and "edge", (B, 2, spatial)."""
        return self.features(x, activated=False)[-1]

    def features(self, x: Tensor, activated: bool = True, layers: int = 3) -> list[Tensor]:
        """Return the features of the first ``layers`` layers, after the activation (ReLU, ReLU, softmax) or before it.

        Args:
            x: probabilities or one-hot truth (B, C, spatial).
            activated: after the activation.
            layers: 1 to 3.

        Raises:
            ValueError: if the input has other channels or axes than the network.
        """
        if x.ndim != self.spatial_dims + 2 or x.shape[1] != self.num_classes:
            raise ValueError(
                f"`input` needs {self.num_classes} classes in {self.spatial_dims}-D for this edge network, got shape "
                f"{tuple(x.shape)}: fit one for your classes."
            )
        convolve = F.conv2d if self.spatial_dims == 2 else F.conv3d
        found = []
        for number, layer in enumerate(self.convolutions[:layers]):
            weight, bias = (value.to(x) for value in layer.parameters())
            padded = F.pad(x, [1] * 2 * self.spatial_dims, mode="replicate")
            before = convolve(padded, weight, bias)
            x = before.relu() if number < 2 else before.softmax(1)
            found.append(x if activated else before)
        return found


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
