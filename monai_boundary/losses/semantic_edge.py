# SPDX-License-Identifier: Apache-2.0
"""SEMEDA: prediction and truth compared in the features of a network that knows semantic edges."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.losses._base import ClassLoss
from monai_boundary.losses._feature_tiles import tiled_distances, tiling_helps, whole_distances

_PARTS = ("features", "fitted", "num_classes", "spatial_dims")


class SEMEDALoss(ClassLoss):
    """SEMEDA: the weighted L1 distance of prediction and truth in the layers of a fitted edge network.

    Chen et al. 2020, Eq. 4-5: L = sum over layers l of lambda_l * ``||psi_l(s) - psi_l(g)||_1``, here as a mean over
    channels and voxels, so that lambda does not depend on the image's size (``feature_reduction="sum"`` is the paper's
    norm). The gradient flows through the network to the prediction; its weights are frozen. 0 for a perfect prediction.
    A class that is absent costs what is predicted of it. To be added to a regional loss (`CompoundLoss`).

    All channels take part, the background too, as the edge network was fitted with them. With a mask, the voxels that
    do not count hold 0 in prediction and truth. After each call ``terms`` holds the distance in each layer, detached
    and unweighted: ``layer1``, ...

    Args:
        net: a fitted `monai_boundary.networks.SemanticEdgeNet`, for the classes and dimensions of the prediction. The
            loss keeps a frozen copy.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        layer_weights: lambda of the three layers; (2, 4, 0) and (4, 2, 0) were best in the paper. Layers after the
            last weight above 0 are not computed.
        features: ``"after"`` the activation or ``"before"`` it.
        feature_reduction: ``"mean"`` or ``"sum"`` of the absolute differences in a layer.
        reduction: ``mean``, ``sum`` over the items, or ``none``: (B,).

    Raises:
        TypeError: if ``net`` is no edge network.
        ValueError: if ``net`` was not fitted, the weights are not three numbers >= 0 with one above 0, an option is not
            among those named, or several activations are asked for.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import fit_semantic_edge_net
        >>> label = torch.zeros(1, 1, 32, 32)
        >>> label[..., 8:20, 10:24] = 1
        >>> net = fit_semantic_edge_net([label], max_steps=25, progress=False)
        >>> loss = SEMEDALoss(net, to_onehot_y=True)
        >>> perfect = torch.cat([1 - label, label], 1)
        >>> float(loss(perfect, label)), bool(loss(perfect.flip(-1), label) > 0)
        (0.0, True)
    """

    def __init__(
        self,
        net: nn.Module,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        layer_weights: Sequence[float] = (2.0, 4.0, 0.0),
        features: str = "after",
        feature_reduction: str = "mean",
        reduction: str = "mean",
    ) -> None:
        super().__init__(True, to_onehot_y, sigmoid, softmax, other_act, reduction)
        check_choice("features", features, ("after", "before"))
        check_choice("feature_reduction", feature_reduction, ("mean", "sum"))
        if not all(hasattr(net, part) for part in _PARTS):
            raise TypeError(f"`net` needs a `SemanticEdgeNet`, got {type(net).__name__}.")
        if not net.fitted:
            raise ValueError(
                "`net` needs to be fitted: use `fit_semantic_edge_net` on your labels, or `load_semantic_edge_net`."
            )
        if len(layer_weights) != 3 or not any(layer_weights):
            raise ValueError(f"`layer_weights` needs three numbers, one above 0, got {tuple(layer_weights)}.")
        for weight in layer_weights:
            check_positive("layer_weights", weight, zero=True)
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.layer_weights = tuple(float(weight) for weight in layer_weights)
        self.features = features
        self.feature_reduction = feature_reduction
        self.terms: dict[str, Tensor] = {}

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return the weighted distance of each item, (B,); leave the distance in each layer in ``terms``."""
        net: Any = self.net
        layers = max(number for number, weight in enumerate(self.layer_weights, 1) if weight)
        after = self.features == "after"
        if counted is not None:
            probability = torch.where(counted, probability, 0)
        compare = tiled_distances if tiling_helps(probability) else whole_distances
        each, distances = compare(
            probability,
            masks,
            lambda x: net.features(x, after, layers),
            self.layer_weights[:layers],
            self.feature_reduction == "mean",
        )
        self.terms = {f"layer{number}": d.detach().mean() for number, d in enumerate(distances, 1)}
        return each
