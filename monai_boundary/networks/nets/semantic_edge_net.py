# SPDX-License-Identifier: Apache-2.0
"""The edge network of SEMEDA: from a segmentation to its semantic edges."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_boundary._validation import check_spatial_dims


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
