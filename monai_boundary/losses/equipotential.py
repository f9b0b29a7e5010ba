# SPDX-License-Identifier: Apache-2.0
"""Equipotential learning: the point loss and the line loss of potential fields, and the two together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.losses._base import ClassLoss, class_inputs
from monai_boundary.ops.anisotropic import PADDINGS, SPLITTERS, check_window, ray_directions
from monai_boundary.ops.equipotential import equipotential_values
from monai_boundary.ops.equipotential_terms import PotentialTerm, Rays
from monai_boundary.ops.plain_tensor import plain_tensor

NORMS = (1, 2)
_SAMPLE = 2**12  # voxels of given fields that are compared with the label


def equipotential_terms(
    input: Tensor,
    target: Tensor,
    terms: Sequence[PotentialTerm],
    *,
    potential: Tensor | None = None,
    mask: Tensor | None = None,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """The weighted total of the terms and the terms themselves, for every item and class.

    Args:
        input: logits or probabilities, (B, C, H, W[, D]).
        target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
        terms: which are computed, each with its rays and its weight in the total.
        potential: the fields of the truth as ``PotentialFieldd`` makes them, (B, directions * C, spatial). Made from
            the target if not given.
        mask: (B, 1, spatial), voxels that count (> 0): in each direction the voxels are left out whose ray meets one of
            the others.
        include_background: use channel 0 too. A lone channel is no background, and is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.

    Returns:
        Total (B, C), and the terms without gradient (len(terms), B, C); C without the background where it is left out.

    Raises:
        ValueError: as `EquipotentialPointLoss.forward`.

    Example:
        >>> import torch
        >>> from monai_boundary.ops import PotentialTerm, Rays
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 4:] = 1
        >>> total, each = equipotential_terms(label, label, [PotentialTerm("line", Rays(w=5))])
        >>> float(total), each.shape
        (0.0, torch.Size([1, 1, 1]))
    """
    probability, masks, counted = class_inputs(
        input,
        target,
        mask,
        include_background=include_background,
        to_onehot_y=to_onehot_y,
        sigmoid=sigmoid,
        softmax=softmax,
        other_act=other_act,
    )
    for term in terms:
        check_window(term.rays.w, probability.shape[2:])
    masks = masks.contiguous()
    first = plain_tensor(input).shape[1] - masks.shape[1]
    ready = None if potential is None else _given_potential(potential, masks, terms[0].rays, first)
    with torch.autocast(probability.device.type, enabled=False):
        total, each = equipotential_values(probability, masks, terms, potential=ready, counted=counted)
    return total, each


def _given_potential(potential: Tensor, masks: Tensor, rays: Rays, first: int) -> Tensor:
    """The fields of the classes from ``first`` on, (B, directions, C, spatial)."""
    fields = plain_tensor(potential).detach()
    directions = len(ray_directions(rays.splitter, masks.ndim - 2))
    batch, classes, *spatial = masks.shape
    if fields.ndim == masks.ndim and fields.shape[1] % directions == 0:
        fields = fields.unflatten(1, (directions, -1))
    if first and fields.ndim == masks.ndim + 1 and fields.shape[2] == classes + first:
        fields = fields[:, :, first:]
    wanted = (batch, directions, classes, *spatial)
    if fields.shape != wanted:
        raise ValueError(
            f"`potential` needs {directions} directions times {classes + first} classes of w={rays.w}, splitter "
            f"{rays.splitter!r}: shape {(batch, directions * (classes + first), *spatial)}, got "
            f"{tuple(potential.shape)}."
        )
    whole = fields.round().to(torch.uint8) if fields.is_floating_point() else fields
    if not torch.compiler.is_compiling():
        _check_sample(fields, masks, rays)
    return whole


@torch.no_grad()
def _check_sample(fields: Tensor, masks: Tensor, rays: Rays) -> None:
    """Refuse fields that are not those of the label, by a sample of the voxels, and of those at the frame.

    Rays that stay within the image have to agree. At the frame the fields of a crop of a larger image know more than
    the crop, and agree with no padding; those that agree with the other padding alone were made with it.
    """
    reach, spatial = rays.w // 2, masks.shape[2:]
    step = max(1, math.ceil((math.prod(spatial) / _SAMPLE) ** (1 / len(spatial))))
    inner = [list(range(reach, n - reach, step)) for n in spatial]
    frame = [sorted({0, n - 1, *places}) for n, places in zip(spatial, inner, strict=True)]
    other = "zero" if rays.padding == "replicate" else "replicate"
    found = [(inner, rays.padding), (frame, rays.padding), (frame, other)]
    wrong, here, there = torch.stack([_differs(fields, masks, rays, *one) for one in found]).tolist()
    if wrong:
        raise ValueError(
            f"`potential` needs the fields of this target for w={rays.w}, splitter {rays.splitter!r}, got others: a "
            "flip or a rotation changes what left and right are, so make them after the random spatial transforms."
        )
    if here and not there:
        raise ValueError(f"`potential` needs fields that were made with padding={rays.padding!r}, got {other!r}.")


def _differs(fields: Tensor, masks: Tensor, rays: Rays, places: Sequence[Sequence[int]], padding: str) -> Tensor:
    """Tell whether a field differs from that of the masks on a grid of places along each axis."""
    grid = [torch.tensor(along, dtype=torch.long, device=masks.device) for along in places]

    def select(values: Tensor, shift: Sequence[int]) -> Tensor:
        for axis, (index, offset) in enumerate(zip(grid, shift, strict=True), start=2):
            n = values.shape[axis]
            place = index + offset
            values = values.index_select(axis, place.clamp(0, n - 1))
            if padding == "zero":
                values = values * ((place >= 0) & (place < n)).view(-1, *(1,) * (values.ndim - axis - 1))
        return values

    wrong = torch.zeros((), dtype=torch.bool, device=masks.device)
    for number, direction in enumerate(ray_directions(rays.splitter, len(grid))):
        wanted = sum(select(masks, [k * d for d in direction]).to(torch.uint8) for k in range(rays.w // 2 + 1))
        wrong |= (select(fields[:, number], [0] * len(grid)) != wanted).any()
    return wrong


class _EquipotentialLoss(ClassLoss):
    """What the three losses share: arguments, terms and reduction."""

    def __init__(
        self,
        terms: Sequence[PotentialTerm],
        include_background: bool,
        to_onehot_y: bool,
        sigmoid: bool,
        softmax: bool,
        other_act: Callable[[Tensor], Tensor] | None,
        reduction: str,
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        for term in terms:
            check_window(term.rays.w)
            check_choice("splitter", term.rays.splitter, SPLITTERS)
            check_choice("padding", term.rays.padding, PADDINGS)
            check_choice("norm", term.norm, NORMS)
            check_positive("weight", term.weight, zero=True)
            if isinstance(term.mu, bool) or not isinstance(term.mu, int) or term.mu < 2 or term.mu % 2:
                raise ValueError(f"`mu` needs an even whole number from 2 on, got {term.mu!r}.")
            if term.pooled and reduction != "mean":
                raise ValueError(f'`reduction` needs "mean" where `pooled`, for there is one value, got {reduction!r}.')
        self._terms = tuple(terms)
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, input: Tensor, target: Tensor, *, potential: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss; its terms are left in ``terms``, detached and unweighted: ``point``, ``line``.

        Args:
            input: (B, C, H, W[, D]).
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            potential: the fields of the truth as ``PotentialFieldd`` makes them, (B, directions * C, spatial), made
                *after* the random flips and rotations. Made from the target if not given; the value is the same.
            mask: (B, 1, spatial), voxels that count (> 0). What the others are is not known (the target may hold any
                value there, 255): in each direction the voxels are left out whose ray meets one of them, so that the
                rim of an ignored area is no border. No gradient goes to them.

        Raises:
            ValueError: if shapes do not fit, ``w`` exceeds the image, the target is not one-hot (or holds indices
                outside 0..C-1 with ``to_onehot_y``), or the fields are not those of the target.

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        total, each = equipotential_terms(
            input,
            target,
            self._terms,
            potential=potential,
            mask=mask,
            **self.class_options,
        )
        self.terms = {term.kind: value.mean() for term, value in zip(self._terms, each, strict=True)}
        return self._reduced(total)


class EquipotentialPointLoss(_EquipotentialLoss):
    """Point loss: the mean squared difference of the potential fields of prediction and truth.

    Yin et al., "Contour-Aware Equipotential Learning for Semantic Segmentation", Eq. 3, as the mean over directions,
    voxels, classes and items (the paper sums over the voxels). A voxel's energy is the sum of the class's probability
    along a ray (`monai_boundary.ops.anisotropic_potential`), so an error pulls at the w // 2 + 1 voxels of the ray: the
    gradient reaches across the border. 0 for a perfect prediction.

    Args:
        include_background: use channel 0 too (the paper does). A prediction of one channel has no background channel,
            and it is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        w: odd width of the kernel in voxels, at most the image's smallest side. The paper: 7..11 on crops of 256.
        splitter: the directions: ``"A"`` (to the faces), ``"B"`` (the diagonals) or ``"C"`` (both).
        padding: what a ray meets outside the image, ``"replicate"`` or ``"zero"``.
        norm: 2 for squared differences, 1 for absolute ones.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: if an option is not among those named, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 4:] = 1
        >>> loss = EquipotentialPointLoss(w=3)
        >>> float(loss(label, label)), float(loss(0 * label, label))
        (0.0, 1.9375)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        w: int = 7,
        splitter: str = "A",
        padding: str = "replicate",
        norm: int = 2,
        reduction: str = "mean",
    ) -> None:
        terms = [PotentialTerm("point", Rays(w, splitter, padding), norm=norm)]
        super().__init__(terms, include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        self.w, self.splitter, self.padding, self.norm = w, splitter, padding, norm


class EquipotentialLineLoss(_EquipotentialLoss):
    """Line loss: how far the predicted equipotential lines are from overlapping the true ones.

    Yin et al., Algorithm 1. The true lines are the voxels of energy 1..w // 2, and the predicted line region is as many
    voxels, of the same ranks in the predicted field. For every line, sum_tau (1 - EDC_tau); mean over directions,
    classes and items. See `monai_boundary.ops.line_values` for the equation. Between 0 (a perfect prediction) and
    w // 2.

    By default each item and class is compared by itself and voxels off both line regions are masked out (the paper's
    "category-level"). A class that is absent, or fills the image, has no line: there the value is how many lines the
    prediction has passed in the mean (``lines_passed`` of ``ops.equipotential_lines``). The choice of the region
    passes no gradient, and the value jumps where two voxels change ranks; equal energies are ranked in the order of the
    array.

    Args:
        include_background: use channel 0 too (the paper does). A lone channel is no background, and is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        w: odd width of the kernel in voxels, at most the image's smallest side.
        splitter: the directions: ``"A"`` (to the faces), ``"B"`` (the diagonals) or ``"C"`` (both).
        padding: what a ray meets outside the image, ``"replicate"`` or ``"zero"`` (the released line loss).
        mu: even exponent; 10, or 2 on larger images (the paper).
        pooled: the released code: sums over all voxels, classes and items at once, where a perfect prediction scores
            slightly below 0. Needs ``reduction="mean"``.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: if an option is not among those named, ``mu`` is odd, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 16, 16)
        >>> label[..., 4:12, 4:12] = 1
        >>> loss = EquipotentialLineLoss(w=5)
        >>> near, far = (float(loss(label.roll(shift, -1), label)) for shift in (1, 3))
        >>> float(loss(label, label)), 0 < near < far
        (0.0, True)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        w: int = 7,
        splitter: str = "A",
        padding: str = "replicate",
        mu: int = 10,
        pooled: bool = False,
        reduction: str = "mean",
    ) -> None:
        terms = [PotentialTerm("line", Rays(w, splitter, padding), mu=mu, pooled=pooled)]
        super().__init__(terms, include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        self.w, self.splitter, self.padding, self.mu, self.pooled = w, splitter, padding, mu, pooled


class EquipotentialLoss(_EquipotentialLoss):
    """Point and line loss together: lambda1 * point + lambda2 * line (Yin et al., Eq. 5).

    To be added to a regional loss (`CompoundLoss`). The energies are computed once; ``terms`` shows both.

    Args:
        include_background: use channel 0 too (the paper does). A lone channel is no background, and is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        point_weight: lambda1; 0.1 is the best single weight in the paper's tables.
        line_weight: lambda2; 0.2 is the best single weight in the paper's tables.
        w: odd width of the kernel in voxels, at most the image's smallest side.
        splitter: the directions: ``"A"`` (to the faces), ``"B"`` (the diagonals) or ``"C"`` (both).
        padding: what a ray meets outside the image, ``"replicate"`` or ``"zero"``.
        line_padding: padding of the line loss alone, where it differs (released: ``"zero"``).
        norm: of the point loss: 2 for squared differences, 1 for absolute ones.
        mu: of the line loss: even exponent; 10, or 2 on larger images (the paper).
        pooled: the released line loss: sums over all voxels, classes and items at once. Needs ``reduction="mean"``.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: as the two losses, and if a weight is negative or not finite.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 16, 16)
        >>> label[..., 4:12, 4:12] = 1
        >>> loss = EquipotentialLoss(sigmoid=True, w=5)
        >>> bool(loss(20 * label - 10, label) < loss(label, label))
        True
        >>> sorted(loss.terms)
        ['line', 'point']
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        point_weight: float = 0.1,
        line_weight: float = 0.2,
        w: int = 7,
        splitter: str = "A",
        padding: str = "replicate",
        line_padding: str | None = None,
        norm: int = 2,
        mu: int = 10,
        pooled: bool = False,
        reduction: str = "mean",
    ) -> None:
        line_rays = Rays(w, splitter, padding if line_padding is None else line_padding)
        terms = [
            PotentialTerm("point", Rays(w, splitter, padding), point_weight, norm=norm),
            PotentialTerm("line", line_rays, line_weight, mu=mu, pooled=pooled),
        ]
        super().__init__(terms, include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        self.point_weight, self.line_weight = point_weight, line_weight
        self.w, self.splitter, self.padding, self.line_padding = w, splitter, padding, line_padding
        self.norm, self.mu, self.pooled = norm, mu, pooled
