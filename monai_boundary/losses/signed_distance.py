# SPDX-License-Identifier: Apache-2.0
"""Boundary loss of Kervadec et al.: the prediction weighted by the signed distance to the true border."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from monai_boundary._validation import check_positive, check_same_shape, check_section_axis
from monai_boundary.losses._base import (
    ClassLoss,
    check_classes,
    first_class,
    known_target,
    plain_inputs,
    wide,
)
from monai_boundary.losses._empty_classes import class_truth, give_opinion_by_section
from monai_boundary.losses._target_maps import maps_of, spacings_of
from monai_boundary.losses._uncompiled import uncompiled
from monai_boundary.ops.activation import clamp_to_unit, to_probabilities
from monai_boundary.ops.class_masks import target_masks
from monai_boundary.ops.plain_tensor import plain_tensor
from monai_boundary.ops.signed_distance import check_distance_options

_SAMPLE = 2**12  # voxels of each map that are looked at


def signed_distance_loss(
    input: Tensor,
    target: Tensor,
    *,
    distance_map: Tensor | None = None,
    mask: Tensor | None = None,
    include_background: bool = False,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
    spacing: Sequence[float] | float | None = None,
    empty_distance: float = 1.0,
    convention: str = "faces",
    section_axis: int | None = None,
    clip: float | None = None,
    normalise: str | None = None,
    backend: str = "auto",
) -> Tensor:
    """The boundary loss of every item and class: the mean over the voxels of s * phi (Kervadec et al., Eq. 5).

    Args:
        input: logits or probabilities s, (B, C, H, W[, D]).
        target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
        distance_map: signed distance maps as ``SignedDistanceMapd`` makes them, (B, C, spatial), or without the channel
            of a background that is excluded. Made from the target if not given.
        mask: (B, 1, spatial), voxels that count (> 0). The mean is over them; the target may hold any value elsewhere.
        include_background: use channel 0 too. A lone channel is no background, and is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        spacing: voxel size along each axis in mm, for maps made here; by default of the target's affine where it is a
            MetaTensor, else 1.
        empty_distance: in the unit of the map: a class that is absent from an item has this distance everywhere, and
            one that fills it minus this; 0 for no opinion.
        convention: where the border lies: ``"faces"`` (between voxels), ``"border"`` (on the class's outermost voxels)
            or ``"released"`` (the formula of the paper's code and of MONAI).
        section_axis: axis of a volume across which every slice is an image of its own: the map is that of each slice,
            and a slice without border is an item without one, also where the map is given.
        clip: largest distance in mm; farther voxels get it.
        normalise: divide the map by its largest distance (``"max"``) or by the image's diagonal (``"diagonal"``).
        backend: what makes the maps: ``"auto"``, ``"numba"``, ``"torch"``, ``"scipy"``, ``"simpleitk"``, ``"edt"``,
            ``"cupy"`` or ``"cucim"``. Only ``numba`` and ``torch`` know ``"faces"``.

    Returns:
        (B, C), or (B, C - 1) without the background. In the unit of the map (mm).

    Raises:
        ValueError: as `SignedDistanceLoss.forward`.

    Example:
        >>> import torch
        >>> label = torch.tensor([[[[0.0, 0, 1, 1, 1, 1, 1, 0]]]])
        >>> float(signed_distance_loss(label, label))  # -(0.5 + 1.5 + 2.5 + 1.5 + 0.5) / 8
        -0.8125
    """
    sizes = spacings_of(target) if spacing is None and distance_map is None else spacing
    scores, truth, counted = plain_inputs(input, target, mask)
    check_classes(scores, truth, to_onehot_y)
    first = first_class(scores.shape[1], include_background)
    with torch.autocast(scores.device.type, enabled=False):
        scores = wide(scores)
        fused = softmax and counted is None and not torch.compiler.is_compiling()
        probability = scores if fused else to_probabilities(scores, sigmoid, softmax, other_act)
        if not (sigmoid or softmax):
            probability = clamp_to_unit(probability)
        if distance_map is None:
            masks = target_masks(truth, scores.shape[1] if to_onehot_y else None, counted)[:, first:]
            phi = maps_of(
                masks,
                sizes,
                known=counted,
                convention=convention,
                section_axis=section_axis,
                clip=clip,
                normalise=normalise,
                backend=backend,
            )
        else:
            phi = _given_map(distance_map, scores.shape, first)
        sides = functools.partial(class_truth, truth, scores.shape[1], to_onehot_y, first)
        axis = None if phi.ndim == 4 else check_section_axis(section_axis, 3)
        phi = give_opinion_by_section(phi.to(scores.dtype), sides, empty_distance, axis, counted=counted)
        value = (
            _MeanSoftmaxProduct.apply(scores, phi, first) if fused else _mean_product(probability, phi, first, counted)
        )
        if distance_map is not None and not torch.compiler.is_compiling():
            _check_values(value, phi, truth, counted, to_onehot_y, first)
        return value


def _mean_product(probability: Tensor, phi: Tensor, first: int, counted: Tensor | None) -> Tensor:
    """The mean of s * phi over the voxels that count, for each item and class from ``first`` on."""
    if counted is None:
        mean = _plain_mean_product if torch.compiler.is_compiling() else _MeanProduct.apply
        value: Tensor = mean(probability, phi, first)
    else:
        weight = counted.to(phi.dtype).flatten(2)
        product = (probability[:, first:] * phi).flatten(2)
        value = (product * weight).sum(-1) / weight.sum(-1).clamp(min=1)
    return value


def _plain_mean_product(probability: Tensor, phi: Tensor, first: int) -> Tensor:
    """The value of the two functions below, for whoever needs the graph: a compiler, a second derivative."""
    return (probability[:, first:] * phi).flatten(2).mean(-1)


class _MeanSoftmaxProduct(torch.autograd.Function):
    """The mean product of the softmax and phi: one buffer less, and fewer passes, than the two after each other."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, phi: Tensor, first: int) -> Tensor:
        """Return (B, C - first)."""
        probability = to_probabilities(logits, softmax=True)
        ctx.save_for_backward(logits, probability, phi)
        ctx.first = first
        return torch.stack([(p[first:] * d).flatten(1).mean(-1) for p, d in zip(probability, phi, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return s_c (w_c - sum over k of s_k w_k), with w = phi / n times the gradient of each mean; w_0 may be 0."""
        logits, probability, phi = ctx.saved_tensors
        first = ctx.first
        if torch.is_grad_enabled():  # create_graph: somebody wants the curvature
            value = _plain_mean_product(to_probabilities(logits, softmax=True), phi, first)
            return torch.autograd.grad(value, logits, gradient, create_graph=True)[0], None, None
        each = (gradient / phi[0, 0].numel()).view(*gradient.shape, *(1,) * (phi.ndim - 2))
        result = torch.empty_like(probability)
        for s, d, g, out in zip(probability, phi, each, result, strict=True):
            weight = d * g
            total = (s[first:] * weight).sum(0)
            torch.sub(weight, total, out=out[first:])
            if first:
                torch.neg(total, out=out[0])
            out.mul_(s)
        return result, None, None


class _MeanProduct(torch.autograd.Function):
    """The mean product, without the copies that slicing a channel off costs in the backward pass."""

    @staticmethod
    def forward(ctx: Any, probability: Tensor, phi: Tensor, first: int) -> Tensor:
        """Return (B, C - first); item by item, so that the product needs little room."""
        ctx.save_for_backward(phi)
        ctx.first = first
        return torch.stack([(p[first:] * d).flatten(1).mean(-1) for p, d in zip(probability, phi, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return phi / n, times the gradient of each mean; 0 for the channels before ``first``."""
        (phi,) = ctx.saved_tensors
        each = (gradient / phi[0, 0].numel()).view(*gradient.shape, *(1,) * (phi.ndim - 2))
        if torch.is_grad_enabled():  # create_graph: the gradient depends on the upstream gradient
            return torch.cat([phi.new_zeros(len(phi), ctx.first, *phi.shape[2:]), phi * each], dim=1), None, None
        result = phi.new_empty((phi.shape[0], phi.shape[1] + ctx.first, *phi.shape[2:]))
        result[:, : ctx.first] = 0
        torch.mul(phi, each, out=result[:, ctx.first :])
        return result, None, None


def _given_map(distance_map: Tensor, shape: torch.Size, first: int) -> Tensor:
    """The map's channels that belong to the classes from ``first`` on."""
    phi = plain_tensor(distance_map).detach()
    classes = shape[1]
    if phi.ndim != len(shape) or phi.shape[1] not in (classes, classes - first):
        wanted = f"{classes} channels" if first == 0 else f"{classes} channels (or {classes - first}, no background)"
        raise ValueError(f"`distance_map` needs {wanted} for input {tuple(shape)}, got shape {tuple(phi.shape)}.")
    if phi.shape[1] == classes:
        phi = phi[:, first:]
    check_same_shape("distance_map", phi.shape, "input (its classes)", (shape[0], classes - first, *shape[2:]))
    if not phi.is_floating_point():
        raise TypeError(f"`distance_map` needs a floating dtype, got {phi.dtype}.")
    return phi.float() if phi.dtype in (torch.float16, torch.bfloat16) else phi


@uncompiled
@torch.no_grad()
def _check_values(
    value: Tensor, phi: Tensor, truth: Tensor, counted: Tensor | None, to_onehot_y: bool, first: int
) -> None:
    """Refuse a map with NaN or of the opposite sign, by a sample of it: one wait for the device."""
    step = max(1, phi[0, 0].numel() // _SAMPLE)
    maps, labels = phi.flatten(2)[..., ::step].float(), truth.flatten(2)[..., ::step]
    known = None if counted is None else counted.flatten(2)[..., ::step]
    labels = class_truth(known_target(labels, known), first + maps.shape[1], to_onehot_y, first)
    inside, total, finite = torch.stack([(maps * labels).sum(), maps.sum(), value.sum().float()]).tolist()
    if not math.isfinite(finite) and not bool(torch.isfinite(phi).all()):
        raise ValueError("`distance_map` needs finite values, got NaN or infinity.")
    if inside > 0 and total - inside < 0:
        raise ValueError(
            "`distance_map` needs negative values inside and positive ones outside, got the opposite: multiply it "
            "by -1, or make it with `SignedDistanceMapd`."
        )


class SignedDistanceLoss(ClassLoss):
    """Boundary loss: the mean over items, classes and voxels of s * phi, with phi the signed distance to the border.

    Kervadec et al., "Boundary loss for highly unbalanced segmentation", Eq. 5. The paper writes an integral; the mean
    keeps the weight alpha independent of the image's size. phi is negative inside the truth, so the loss is *negative*
    at the optimum, where the prediction is the truth: minus the mean depth. It is linear in s: its gradient is phi,
    however wrong the prediction is, and it needs a regional loss beside it (`CompoundLoss`, with a schedule).

    Against ``monai.losses.BoundaryLoss``: it takes a map that was made once on the whole image (a patch without
    foreground still knows the way to it), measures in mm, and excludes the background by default. With
    ``convention="released"``, ``empty_distance=0`` and unit spacing, the value is that of MONAI's class.

    A class that an item does not hold, or that fills it, has no border, and a map of 0. Its value is the mean of s
    times ``empty_distance`` (minus that where it fills the item), so that a false alarm costs something there too.

    Second derivatives are right (``create_graph=True``). ``torch.compile(fullgraph=True)`` needs a given map, and then
    takes its values as they are.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
            Channels that are regions (BraTS: whole tumour, core, enhancing) need ``True``: the first is no background.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).
        spacing: voxel size along each axis in mm, for maps made here; by default of the target's affine where it is a
            MetaTensor, else 1. Not used with a given map, as ``convention``, ``clip``, ``normalise`` and ``backend``.
        convention: where the border lies: ``"faces"`` (between voxels), ``"border"`` (on the class's outermost voxels)
            or ``"released"`` (the formula of the paper's code and of MONAI).
        section_axis: axis of a volume across which every slice is an image of its own: the map is that of each slice,
            and a slice without border is an item without one, also where the map is given.
        clip: largest distance in mm; farther voxels get it.
        normalise: divide the map by its largest distance (``"max"``) or by the image's diagonal (``"diagonal"``).
        backend: what makes the maps: ``"auto"``, ``"numba"``, ``"torch"``, ``"scipy"``, ``"simpleitk"``, ``"edt"``,
            ``"cupy"`` or ``"cucim"``. Only ``numba`` and ``torch`` know ``"faces"``.
        empty_distance: how far every voxel of an item is taken to lie from the border of a class that has none in it,
            in the unit of the map (mm). The paper is silent; its code and MONAI's class have 0, no opinion. 1 is less
            than most voxels of a map have, so that many images without foreground do not drown those that have some:
            with normalised maps, give a share such as 0.01.

    Raises:
        ValueError: if an option is not among those named, or several activations are asked for.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import SignedDistanceMapd
        >>> label = torch.zeros(1, 16, 16)
        >>> label[:, 4:12, 4:12] = 1
        >>> data = SignedDistanceMapd("label")({"label": label})  # once, before the crops
        >>> crop = {key: value[None, :, :8, :8] for key, value in data.items()}
        >>> logits = 20 * crop["label"] - 10
        >>> loss = SignedDistanceLoss(sigmoid=True)
        >>> round(float(loss(logits, crop["label"], distance_map=crop["sdm_label"])), 3)
        -0.344
    """

    def __init__(
        self,
        include_background: bool = False,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        reduction: str = "mean",
        spacing: Sequence[float] | float | None = None,
        convention: str = "faces",
        section_axis: int | None = None,
        clip: float | None = None,
        normalise: str | None = None,
        backend: str = "auto",
        empty_distance: float = 1.0,
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        check_distance_options(convention, clip, normalise, backend)
        check_section_axis(section_axis, 3)
        check_positive("empty_distance", empty_distance, zero=True)
        self.spacing = spacing
        self.convention = convention
        self.section_axis = section_axis
        self.clip = clip
        self.normalise = normalise
        self.backend = backend
        self.empty_distance = empty_distance

    def forward(
        self, input: Tensor, target: Tensor, *, distance_map: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss.

        Args:
            input: (B, C, H, W[, D]).
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            distance_map: signed distance maps as ``SignedDistanceMapd`` makes them, (B, C, spatial), or (B, C - 1,
                spatial) where the background is excluded; float16 or wider. Slices of a volume's map do for 2-D. Made
                from the target if not given; on a whole image the value is the same.
            mask: (B, 1, spatial), voxels that count (> 0). The mean is over them; the target may hold any value (255)
                elsewhere. An item without any counts 0.

        Raises:
            ValueError: if shapes do not fit; a target to make maps of is not one-hot (or holds indices outside 0..C-1
                with ``to_onehot_y``); the map holds NaN or infinity, or is positive inside; an affine is singular.
            TypeError: if the map is not floating.

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        loss = signed_distance_loss(
            input,
            target,
            distance_map=distance_map,
            mask=mask,
            spacing=self.spacing,
            empty_distance=self.empty_distance,
            convention=self.convention,
            section_axis=self.section_axis,
            clip=self.clip,
            normalise=self.normalise,
            backend=self.backend,
            **self.class_options,
        )
        return self._reduced(loss)
