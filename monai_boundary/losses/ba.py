# SPDX-License-Identifier: Apache-2.0
"""Boundary-aware loss (BALoss): cross-entropy where the minimum-barrier cut finds the weak walls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.losses._base import ClassLoss, entropy_inputs
from monai_boundary.losses._uncompiled import uncompiled
from monai_boundary.ops.activation import voxel_cross_entropy
from monai_boundary.ops.barrier_contour import CONTOURS, REGION_REDUCTIONS, check_width
from monai_boundary.ops.boundary_batch import batch_boundary_weights

# The cut runs on the host; torch.compile leaves it as it is and compiles what is around it.
_weights = uncompiled(batch_boundary_weights)


def ba_loss_terms(
    input: Tensor,
    target: Tensor,
    *,
    seeds: Tensor | Sequence[Any] | None = None,
    regions: Tensor | None = None,
    cells: Tensor | None = None,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
    boundary: bool = True,
    contour: str = "leak",
    contour_width: int | Sequence[int] | None = None,
    region_reduction: str = "mean",
    balance: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """The two terms of BALoss for every item and channel: cross-entropy, and its mean over the contours.

    Args:
        input: logits or probabilities of the membrane, (B, C, H, W[, D]).
        target: true membrane, 0 or 1, same shape, or labels (B, 1, spatial) with ``to_onehot_y``.
        seeds: region ids at one voxel per region, 0 elsewhere, same shape (after the background is left out); or for
            each item the voxel indices (K, ndim). Derived from the target if not given.
        regions: true regions, same shape, for ``leak``; derived if not given.
        cells: ids of the nearest region, same shape, for ``per_region``; derived if not given.
        include_background: use channel 0 too. A lone channel is no background, and is kept.
        to_onehot_y: turn a label (B, 1, spatial) into one channel per class.
        sigmoid: ``input`` holds logits.
        softmax: ``input`` holds logits of exclusive channels.
        other_act: gives probabilities from ``input``.
        boundary: compute the second term.
        contour: where the walls are judged: ``"leak"`` (the true membrane near voxels that a foreign front took),
            ``"partition"`` (where the fronts of all seeds meet) or ``"per_region"`` (the paper's cut of each region).
        contour_width: for ``leak``, how near to leaked voxels the membrane counts (3 unless given); for the others,
            width of the contours in voxels, odd (1 unless given). One number or one per axis.
        region_reduction: ``"mean"`` or ``"sum"`` over the regions.
        balance: give membrane and other voxels of a contour half of its weight each.

    Returns:
        Mean cross-entropy (B, C), and boundary term (B, C) or None; C without the background where it is left out.

    Raises:
        ValueError: if the shapes differ or are not those of 2-D or 3-D images, and as
            `monai_boundary.ops.batch_boundary_weights`.

    Example:
        >>> wall = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
        >>> base, boundary = ba_loss_terms(torch.full_like(wall, 0.5), wall)
        >>> base.shape, boundary.shape
        (torch.Size([1, 1]), torch.Size([1, 1]))
    """
    scores, truth, _ = entropy_inputs(
        input,
        target,
        maskable=False,
        include_background=include_background,
        to_onehot_y=to_onehot_y,
        sigmoid=sigmoid,
        softmax=softmax,
        other_act=other_act,
    )
    with torch.autocast(scores.device.type, enabled=False):
        probability = torch.sigmoid(scores) if sigmoid else scores
        losses = voxel_cross_entropy(scores, truth, sigmoid)
        base = losses.flatten(2).mean(-1)
        _check_finite(base, scores)
        if not boundary:
            return base, None
        chosen: dict[str, Any] = {
            "contour": contour,
            "contour_width": contour_width,
            "region_reduction": region_reduction,
            "balance": balance,
        }
        weights = _weights(probability, truth, seeds=seeds, regions=regions, cells=cells, **chosen)
        return base, (losses * weights.to(losses.dtype)).flatten(2).sum(-1)


@torch.no_grad()
def _check_finite(values: Tensor, scores: Tensor) -> None:
    """Refuse a prediction through which no front can flow."""
    if torch.compiler.is_compiling():
        return
    if bool(values.isnan().any()) and not bool(scores.isfinite().all()):
        wrong = int((~scores.isfinite()).sum())
        raise ValueError(f"`input` needs finite numbers, got NaN or infinity in {wrong} of {scores.numel()} places.")


class BALoss(ClassLoss):
    """Boundary-aware loss: cross-entropy plus alpha times the cross-entropy on the cut's contours.

    L = BCE(u, g) + alpha * L_BAL(u, g) with L_BAL the sum (or mean) over the true regions i of the cross-entropy
    averaged over the contour C_i (Ngoc et al., BMVC 2021, Eq. 4-5). Fronts start from one seed per true region and
    flow over the *predicted* membrane; they meet where the prediction's wall is, or behind it where the wall has a
    hole, so the contour finds what the mean over all voxels hides. ``input`` is the membrane's probability, and the
    membrane is 1 in ``target``.

    Against the released code: the fronts are those of the fault-free propagation, probabilities are taken from the
    logits once, the cross-entropy is averaged over the contour's voxels (not over the image), and a perfect
    prediction gives 0.

    A crop needs no whole-image maps: seeds are placed inside it (``ReseedRegionsd``). A region without neighbours, an
    image that is all membrane or has none contribute nothing to the boundary term. No gradient flows through the cut.

    It takes no ``mask``: an unknown voxel lets a front through or stops it, and that decides about all that lies behind
    it, so leaving its own cross-entropy out would not make it unknown. Call unknown areas membrane, or crop them away.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: turn a label (B, 1, spatial) into one channel per class.
        sigmoid: ``input`` holds logits.
        softmax: ``input`` holds logits of exclusive channels, one of them the membrane; with
            ``include_background=False`` the membrane is channel 1.
        other_act: gives probabilities from ``input``.
        alpha: weight of the boundary term. It may be changed while training; at 0 the cut is not computed.
        contour: where the walls are judged. ``leak`` (default, beyond the paper): the true membrane near voxels that a
            foreign front took, so that an open hole counts however wide it is; 0 where nothing leaks. ``partition``:
            where the fronts of all seeds meet, in one propagation. ``per_region``: the paper's cut of each region
            against its neighbours. The study of the three on real EM, in the documentation, made the default.
        contour_width: for ``leak``, how near to leaked voxels the membrane counts (default 3); for the others, width of
            the contours in voxels, odd (default 1; the released code: 7). One number or one per axis.
        region_reduction: ``mean`` (default) or the paper's ``sum`` over the regions. The mean keeps ``alpha``
            independent of the number of cells in the image; a sum over 100 regions is like a hundredfold alpha.
        balance: give membrane and other voxels of a contour half of its weight each.
        include_base: add the cross-entropy over the whole image.
        reduction: ``mean``, ``sum`` over items and channels, or ``none``: (B, C).

    Raises:
        ValueError: if an option is not among those named, alpha is negative, or several activations are asked for.

    Example:
        >>> import torch
        >>> membrane = torch.zeros(1, 1, 8, 9)
        >>> membrane[..., 2] = 1
        >>> loss = BALoss(sigmoid=True)
        >>> perfect = 400 * membrane - 200
        >>> float(loss(perfect, membrane))
        0.0
        >>> hole = perfect.clone()
        >>> hole[..., 3, 2] = -200
        >>> bool(loss(hole, membrane) > BALoss(sigmoid=True, alpha=0)(hole, membrane))
        True
        >>> sorted(loss.terms)
        ['bce', 'boundary']
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        alpha: float = 0.1,
        contour: str = "leak",
        contour_width: int | Sequence[int] | None = None,
        region_reduction: str = "mean",
        balance: bool = False,
        include_base: bool = True,
        reduction: str = "mean",
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        check_choice("contour", contour, CONTOURS)
        check_choice("region_reduction", region_reduction, REGION_REDUCTIONS)
        check_positive("alpha", alpha, zero=True)
        if contour_width is not None:
            check_width(contour_width, 1 if isinstance(contour_width, int) else len(contour_width), contour)
        self.alpha = alpha
        self.contour = contour
        self.contour_width = contour_width
        self.region_reduction = region_reduction
        self.balance = balance
        self.include_base = include_base
        self._base_weight = 1.0
        self.terms: dict[str, Tensor] = {}

    @property
    def target_names(self) -> frozenset[str]:
        """The precomputed targets that this contour takes: cells are of ``per_region`` alone."""
        return frozenset({"seeds", "regions", "cells"} if self.contour == "per_region" else {"seeds", "regions"})

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Change the weights of the terms that are named, as `CompoundLoss.set_weights`: a schedule calls this.

        Args:
            weights: of ``bce`` (the cross-entropy over the whole image; 1 unless it is set) and ``boundary``
                (``alpha``).

        Raises:
            ValueError: if a name is no term, or a weight is negative or not finite.
        """
        for name, weight in weights.items():
            check_choice("weights", name, ("bce", "boundary"))
            check_positive(f"weights[{name!r}]", weight, zero=True)
        self.alpha = float(weights.get("boundary", self.alpha))
        self._base_weight = float(weights.get("bce", self._base_weight))

    def forward(  # type: ignore[override]
        self,
        input: Tensor,
        target: Tensor,
        *,
        seeds: Tensor | Sequence[Any] | None = None,
        regions: Tensor | None = None,
        cells: Tensor | None = None,
    ) -> Tensor:
        """Return the loss; its terms are left in ``terms``, detached and unweighted: ``bce``, ``boundary`` if computed.

        Args:
            input: (B, C, H, W[, D]).
            target: (B, C, H, W[, D]), the membrane is 1; or (B, 1, spatial) labels with ``to_onehot_y``.
            seeds: region ids at one voxel per region, 0 elsewhere, as ``RegionTargetsd`` makes them, same shape as
                ``input`` (after the background is left out); or for each item the voxel indices (K, ndim). Derived
                from the target if not given, which costs more than the cut.
            regions: true regions, same shape; used by ``leak`` (derived if not given).
            cells: nearest-region ids, same shape; used by ``per_region`` (derived if not given).

        Raises:
            ValueError: for shapes that differ, NaN in the input, a target outside [0, 1] (label 255), seeds outside
                the image, overlapping or on the membrane.

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        base, boundary = ba_loss_terms(
            input,
            target,
            seeds=seeds,
            regions=regions,
            cells=cells,
            **self.class_options,
            boundary=self.alpha > 0,
            contour=self.contour,
            contour_width=self.contour_width,
            region_reduction=self.region_reduction,
            balance=self.balance,
        )
        self.terms = {"bce": base.detach().mean()}
        loss = self._base_weight * base if self.include_base else torch.zeros_like(base)
        if boundary is not None:
            self.terms["boundary"] = boundary.detach().mean()
            loss = loss + self.alpha * boundary
        return self._reduced(loss)
