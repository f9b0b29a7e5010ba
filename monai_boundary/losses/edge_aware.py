# SPDX-License-Identifier: Apache-2.0
"""Edge-aware loss of the boundary-aware network: the segmentation's Dice, the edges' Dice, and balanced BCE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from monai_boundary._validation import check_choice, check_positive, check_same_shape
from monai_boundary.losses._base import ClassLoss, class_inputs, first_class, wide
from monai_boundary.losses._target_maps import spacings_of
from monai_boundary.losses.balanced_cross_entropy import BALANCES, balanced_cross_entropy
from monai_boundary.losses.compound import accepted_targets, keywords_of
from monai_boundary.ops.class_masks import counted_voxels, target_masks
from monai_boundary.ops.edges import CLASSES, check_edge_options, edge_masks
from monai_boundary.ops.plain_tensor import plain_tensor

_SMOOTH = 1e-5
_EMPTY_SHARE = 0.01


class EdgeAwareLoss(ClassLoss):
    """Dice(segmentation) + 0.5 Dice(edges) + 0.1 balanced BCE(edges), for a network with two heads.

    Hatamizadeh et al., "End-to-End Boundary Aware Networks for Medical Image Segmentation", Eq. 3-5. Dice is
    ``1 - (2 sum(u g) + e) / (sum(u^2) + sum(g^2) + e)`` of each item and channel, with squared sums (Eq. 4) and
    ``e = 1e-5`` above too, so that a perfect empty prediction gives 0: MONAI's ``DiceLoss(squared_pred=True)``, in
    float32 also inside autocast. The other edge term is `BalancedBCELoss`.

    In an item (and channel) *without* foreground or edges, ``e`` is 1 % of the voxels, so that the term is
    ``sum(u^2) / (sum(u^2) + e)``: 0 for an empty prediction, a half where false alarms fill 1 % of the image. With the
    constant of the other items, nearly any false alarm would cost 1 and none would have a gradient.

    ``input`` is the pair (segmentation, edge *logits*) that `BoundaryAwareNet` gives while it trains. A single tensor
    (of another network, or in evaluation) has no edges: that is an error, unless both edge weights are 0, and the loss
    then is the segmentation's term alone, of a pair too.

    After each call ``terms`` holds ``region``, ``edge_dice`` and ``edge_bce``, detached and unweighted, and the terms
    of a ``region_loss`` as ``region.{name}``.

    Args:
        include_background: use channel 0 too, for the segmentation and for edges made here. A prediction of one
            channel has no background channel, and it is kept. Regions (BraTS) need ``True``: the first is none either.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: the segmentation holds logits of independent channels. (The edges are always logits.)
        softmax: the segmentation holds logits of exclusive classes.
        other_act: gives probabilities from the segmentation.
        lambda_region: weight of the segmentation's term.
        lambda_edge_dice: weight of the edges' Dice.
        lambda_edge_bce: weight of the edges' balanced cross-entropy.
        balance: of the edges' cross-entropy: the share of edges in each item and channel (``"sample"``), or in each
            channel over the whole ``"batch"``.
        region_loss: another loss in place of the segmentation's Dice, called as ``region_loss(segmentation, target,
            **targets)``, which gives a scalar and has its own activation: a `CompoundLoss` of Dice and
            `SignedDistanceLoss`, for example.
        edge_classes: edges made here: of ``"each"`` class, or of ``"any"`` in one channel. By default as the edge head
            has channels: ``"any"`` where it has one.
        edge_side: of edges made here: ``"inner"`` (voxels of the class), ``"outer"`` (voxels outside it) or ``"both"``.
        edge_thickness: on each side, in ``edge_unit``; a whole number in voxels.
        edge_unit: ``"voxel"``, or ``"mm"`` by ``spacing``.
        edge_frame: the outside of the image is background, so that a class which the image cuts has an edge there.
        spacing: voxel size along each axis in mm, for edges in mm made here; by default of the target's affine where it
            is a MetaTensor, else 1.

    Raises:
        ValueError: if an option is not among those known, a weight is negative, several activations are asked for, or
            one beside ``region_loss``.
        TypeError: if ``region_loss`` is not callable.

    Example:
        >>> import torch
        >>> from monai_boundary.losses import EdgeAwareLoss
        >>> from monai_boundary.transforms import EdgeMask
        >>> label = torch.zeros(1, 1, 16, 16)
        >>> label[..., 4:12, 4:12] = 1
        >>> edges = EdgeMask()(label[0])[None]
        >>> loss = EdgeAwareLoss(sigmoid=True)
        >>> outputs = 6 * label - 3, torch.zeros(1, 1, 16, 16)  # a fair segmentation, no idea of the edges
        >>> float(loss(outputs, label, edges=edges)) == float(loss(outputs, label))
        True
        >>> {name: round(float(term), 2) for name, term in loss.terms.items()}
        {'region': 0.0, 'edge_dice': 0.52, 'edge_bce': 0.25}
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        lambda_region: float = 1.0,
        lambda_edge_dice: float = 0.5,
        lambda_edge_bce: float = 0.1,
        balance: str = "sample",
        region_loss: Callable[..., Tensor] | None = None,
        edge_classes: str | None = None,
        edge_side: str = "both",
        edge_thickness: float = 1,
        edge_unit: str = "voxel",
        edge_frame: bool = False,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act)
        check_choice("balance", balance, BALANCES)
        check_choice("edge_classes", edge_classes, (None, *CLASSES))
        check_edge_options(edge_side, edge_thickness, edge_unit, connectivity=1)
        weights = {"region": lambda_region, "edge_dice": lambda_edge_dice, "edge_bce": lambda_edge_bce}
        for name, weight in weights.items():
            check_positive(f"lambda_{name}", weight, zero=True)
        if region_loss is not None and not callable(region_loss):
            raise TypeError(f"`region_loss` needs a callable or None, got {type(region_loss).__name__}.")
        if region_loss is not None and (sigmoid or softmax or other_act is not None):
            raise ValueError(
                "`region_loss` needs its own activation, got one of `sigmoid`, `softmax`, `other_act` beside it."
            )
        self.lambda_region = lambda_region
        self.lambda_edge_dice = lambda_edge_dice
        self.lambda_edge_bce = lambda_edge_bce
        self.balance = balance
        self.region_loss = region_loss
        self._accepted = None if region_loss is None else keywords_of(region_loss)
        self.edge_classes = edge_classes
        self.spacing = spacing
        self.edge_side = edge_side
        self.edge_thickness = edge_thickness
        self.edge_unit = edge_unit
        self.edge_frame = edge_frame
        self.terms: dict[str, Tensor] = {}

    @property
    def target_names(self) -> frozenset[str] | None:
        """Keywords of the precomputed targets: ``edges``, and those of the segmentation; None where it takes any."""
        own = frozenset({"mask"}) if self.region_loss is None else accepted_targets(self.region_loss)
        return None if own is None else own | {"edges"}

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Change the weights of the terms of ``region_loss``: a schedule calls this.

        Args:
            weights: name of a term of ``region_loss`` -> weight.

        Raises:
            ValueError: if ``region_loss`` has no such weights.
        """
        change = getattr(self.region_loss, "set_weights", None)
        if change is None:
            raise ValueError(
                f"`weights` needs a `region_loss` that has weights, got {type(self.region_loss).__name__}."
            )
        change(weights)

    def forward(
        self,
        input: Tensor | Sequence[Any],
        target: Tensor,
        *,
        edges: Tensor | None = None,
        mask: Tensor | None = None,
        **targets: Any,
    ) -> Tensor:
        """Return the weighted sum, a scalar.

        Args:
            input: (segmentation (B, C, H, W[, D]), edge logits (B, E, spatial)), and the coarser segmentations of deep
                supervision, which go to ``region_loss`` in a list after the first.
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            edges: true edges (B, E, spatial), 0 or 1, as ``EdgeMaskd`` makes them. Made from the target if not given;
                on a whole image the value is the same.
            mask: (B, 1, spatial), voxels that count (> 0), for the segmentation (a ``region_loss`` has to take it) and
                for the edges. Elsewhere the target may hold any value (255), and no edge is drawn where a class meets
                such voxels.
            targets: what else ``region_loss`` takes (``distance_map=...``).

        Raises:
            ValueError: if shapes do not fit, a single tensor came and an edge weight is not 0, a target that no term
                takes is given, or the target holds anything but classes.
        """
        region, edge_scores = self._heads(input)
        value = self._region_term(region, target, mask, targets)
        terms = {"region": value.detach()}
        terms.update({f"region.{name}": term for name, term in getattr(self.region_loss, "terms", {}).items()})
        total = self.lambda_region * value
        if edge_scores is not None:
            dice, cross_entropy = self._edge_terms(region, edge_scores, target, edges, mask)
            terms.update(edge_dice=dice.detach(), edge_bce=cross_entropy.detach())
            total = total + self.lambda_edge_dice * dice + self.lambda_edge_bce * cross_entropy
        self.terms = terms
        return total

    def _heads(self, input: Tensor | Sequence[Any]) -> tuple[Any, Tensor | None]:
        """The segmentation, and the edges where they count."""
        counts = self.lambda_edge_dice > 0 or self.lambda_edge_bce > 0
        if isinstance(input, Tensor):
            if counts:
                raise ValueError(
                    "`input` needs the pair (segmentation, edges) of a network with two heads in training, got one "
                    f"tensor of shape {tuple(input.shape)}. For a network without edges set `lambda_edge_dice` and "
                    "`lambda_edge_bce` to 0."
                )
            return input, None
        if len(input) < 2:
            raise ValueError(f"`input` needs the pair (segmentation, edges), got {len(input)} outputs.")
        if len(input) > 2 and self.region_loss is None:
            raise ValueError(
                "`region_loss` needs to be a loss over the heads of deep supervision, such as `DeepSupervisedLoss"
                f"(DiceLoss(...))`, for the {len(input) - 1} segmentations that came, got None."
            )
        region = input[0] if len(input) == 2 else [input[0], *input[2:]]
        return region, plain_tensor(input[1]) if counts else None

    def _region_term(self, region: Any, target: Tensor, mask: Tensor | None, targets: dict[str, Any]) -> Tensor:
        if self.region_loss is not None:
            targets = targets if mask is None else {**targets, "mask": mask}
            accepted = self._accepted
            unknown = [] if accepted is None else sorted(set(targets) - accepted)
            if unknown:
                raise ValueError(f"`{unknown[0]}` needs a `region_loss` that takes it, got {sorted(accepted or ())}.")
            value = self.region_loss(region, target, **targets)
            if value.numel() != 1:
                raise ValueError(f'`region_loss` needs a scalar (reduction="mean"), got {tuple(value.shape)}.')
            return plain_tensor(value).reshape(())
        if targets:
            raise ValueError(f"`{next(iter(targets))}` needs a `region_loss` that takes it, got None.")
        probability, masks, counted = class_inputs(region, target, mask, **self.class_options)
        with torch.autocast(probability.device.type, enabled=False):
            return _squared_dice(probability, masks, counted)

    def _edge_terms(
        self, region: Any, edge_scores: Tensor, target: Tensor, edges: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        head = region if isinstance(region, Tensor) else region[0]  # deep supervision: the first is at full resolution
        counted = None if mask is None else counted_voxels(mask, edge_scores)
        if edges is None:
            edges = self._edges_of(head, edge_scores, target, counted)
        true = plain_tensor(edges)
        check_same_shape("edges", true.shape, "input[1], the edge logits", edge_scores.shape)
        cross_entropy = balanced_cross_entropy(edge_scores, true, mask=mask, sigmoid=True, balance=self.balance).mean()
        with torch.autocast(edge_scores.device.type, enabled=False):
            return _squared_dice(torch.sigmoid(wide(edge_scores)), true, counted), cross_entropy

    def _edges_of(self, region: Tensor, edge_scores: Tensor, target: Tensor, counted: Tensor | None) -> Tensor:
        """The edges of the target, in the channels of the edge head."""
        channels = edge_scores.shape[1]
        classes = self.edge_classes or ("any" if channels == 1 else "each")
        spacing: Any = None
        if self.edge_unit == "mm":
            spacing = spacings_of(target) if self.spacing is None else self.spacing
        masks = target_masks(target, self._num_classes(region), counted)
        edges = edge_masks(
            masks[:, first_class(masks.shape[1], self.include_background) :],
            self.edge_side,
            self.edge_thickness,
            self.edge_unit,
            spacing=spacing,
            frame=self.edge_frame,
            known=counted,
        )
        if classes == "any":
            edges = edges.any(dim=1, keepdim=True)
        if edges.shape[1] != channels:
            raise ValueError(
                f"`input[1]`, the edge logits, need {edges.shape[1]} channels (edges of {classes} class) or 1, got "
                f"{channels}; or give `edges`."
            )
        return edges

    def _num_classes(self, scores: Tensor) -> int | None:
        if self.to_onehot_y and scores.shape[1] == 1:
            raise ValueError("`to_onehot_y` needs a prediction of at least 2 channels, got 1.")
        return scores.shape[1] if self.to_onehot_y else None


def _squared_dice(probability: Tensor, truth: Tensor, counted: Tensor | None) -> Tensor:
    """Dice with squared sums (Eq. 4) over the voxels that count, the mean over items and channels.

    1 - (2 sum(u g) + e) / (sum(u^2) + sum(g^2) + e), written as sum((u - g)^2) / (...), which is 0 and not a rounding
    error at the perfect prediction. The constant above makes a perfect empty prediction 0.
    """
    true = truth.to(probability.dtype)
    voxels: Any = true[0, 0].numel()
    if counted is not None:
        probability, true = (torch.where(counted, values, 0) for values in (probability, true))
        voxels = counted.flatten(2).sum(-1)
    sizes = true.square().flatten(2).sum(-1)
    apart = (probability - true).square().flatten(2).sum(-1)
    both = probability.square().flatten(2).sum(-1) + sizes
    smooth = torch.where(sizes > 0, _SMOOTH, _EMPTY_SHARE * voxels).clamp(min=_SMOOTH)
    return (apart / (both + smooth)).mean()
