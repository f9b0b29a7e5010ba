# SPDX-License-Identifier: Apache-2.0
"""A loss over the outputs of several resolutions, with label and precomputed maps brought to each."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.losses import DeepSupervisionLoss
from torch import Tensor, nn

from monai_boundary._validation import check_choice
from monai_boundary.losses._gradient_shares import unmeasured
from monai_boundary.ops.plain_tensor import plain_tensor

RESAMPLING = ("nearest", "linear")
DEFAULT_RESAMPLING = {"distance_map": "nearest", "weight_map": "linear", "mask": "nearest"}


class DeepSupervisedLoss(DeepSupervisionLoss):
    """A weighted sum of a loss over the heads of a network, which hands each head its targets at its resolution.

    MONAI's ``DeepSupervisionLoss`` resamples the label alone; this one takes keywords too (``distance_map=...``). Label
    and distance map go to a head's grid by the nearest voxel: both are then those of one voxel, so the map has the
    label's sign at every head, and the boundary loss is least where the prediction is the label. (Interpolated, the map
    is off by half a voxel, and a perfect coarse prediction is not the best one.) The distances are *not* rescaled: a
    coarse voxel lies at the same place in the patient, and the mm from there to the border are the same; so alpha means
    the same for every head. A map in voxels counts voxels of the full resolution, and the same holds.

    A `CompoundLoss` with shares measures its gradients at the first head, and the weights are those of all heads. What
    a loss leaves in ``terms`` at the first head is in ``terms`` here.

    Args:
        loss: called as ``loss(head, label, **targets)``.
        weight_mode: ``"same"``, ``"exp"`` (halved from head to head, at least 1/16) or ``"two"``, as MONAI's.
        weights: one for each head, in place of ``weight_mode``.
        resampling: target name -> ``"linear"`` or ``"nearest"``. Known: ``weight_map`` linear, ``distance_map`` and
            ``mask`` nearest.

    Raises:
        ValueError: if a mode of resampling is unknown; when called, for a target that is not named there.

    Example:
        >>> import torch
        >>> from monai_boundary.losses import DeepSupervisedLoss, SignedDistanceLoss
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 2:6, 2:6] = 1
        >>> heads = [torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 4, 4)]
        >>> loss = DeepSupervisedLoss(SignedDistanceLoss(sigmoid=True), weights=[1.0, 0.5])
        >>> maps = torch.ones(1, 1, 8, 8)
        >>> float(loss(heads, label, distance_map=maps))
        0.75
    """

    def __init__(
        self,
        loss: nn.Module,
        weight_mode: str = "exp",
        weights: Sequence[float] | None = None,
        resampling: Mapping[str, str] | None = None,
    ) -> None:
        check_choice("weight_mode", weight_mode, ("same", "exp", "two"))
        super().__init__(loss, weight_mode, None if weights is None else list(weights))  # type: ignore[arg-type]
        self.resampling = {**DEFAULT_RESAMPLING, **(resampling or {})}
        for name, mode in self.resampling.items():
            check_choice(f"resampling[{name!r}]", mode, RESAMPLING)
        self.terms: dict[str, Tensor] = {}

    def extra_repr(self) -> str:
        """Return the arguments, for a printed loss."""
        return f"weight_mode={self.weight_mode!r}, weights={self.weights}, resampling={self.resampling}"

    def forward(  # type: ignore[override]
        self, input: Tensor | Sequence[Tensor], target: Tensor, **targets: Tensor | None
    ) -> Tensor:
        """Return the sum over the heads; ``terms`` are the unweighted loss of each, ``head_0`` the first.

        Args:
            input: the heads' outputs, first the full resolution; or one tensor.
            target: the label at the full resolution, indices or one-hot.
            targets: what else the loss takes, at the full resolution; None is left out.

        Raises:
            ValueError: if the number of heads is not that of the weights, or a target has no mode of resampling.
        """
        given = {name: value for name, value in targets.items() if value is not None}
        unknown = [name for name in given if name not in self.resampling]
        if unknown:
            raise ValueError(f"`resampling` needs a mode for {unknown}, got {sorted(self.resampling)}.")
        heads = [input] if isinstance(input, Tensor) else list(input)
        if self.weights is not None and len(self.weights) != len(heads):
            raise ValueError(f"`weights` needs one for each of {len(heads)} heads, got {len(self.weights)}.")
        weights = self.get_weights(levels=len(heads))
        total: Any = 0.0
        terms = {}
        for number, (head, weight) in enumerate(zip(heads, weights, strict=True)):
            shape = tuple(head.shape[2:])
            mine = {name: resample_target(value, shape, self.resampling[name]) for name, value in given.items()}
            with unmeasured(self.loss) if number else contextlib.nullcontext():
                value = self.loss(head, resample_target(target, shape, "nearest"), **mine)
            terms[f"head_{number}"] = value.detach().mean()
            terms |= getattr(self.loss, "terms", {}) if number == 0 else {}
            total = total + weight * value
        self.terms = terms
        result: Tensor = total
        return result


def resample_target(target: Tensor, shape: Sequence[int], mode: str) -> Tensor:
    """Return a target (B, C, spatial) on a coarser grid over the same field of view, as a plain tensor.

    Args:
        target: label or map; its dtype is kept, but that of half-precision maps, which become float32.
        shape: spatial shape.
        mode: ``"nearest"`` (the voxel at the coarse voxel's centre) or ``"linear"``.

    Example:
        >>> resample_target(torch.tensor([[[[0.0, 1.0, 2.0, 3.0]] * 2]]), (1, 2), "linear")
        tensor([[[[0.5000, 2.5000]]]])
    """
    plain = plain_tensor(target)
    if tuple(plain.shape[2:]) == tuple(shape):
        return plain
    if mode == "nearest":
        return F.interpolate(plain.double(), tuple(shape), mode="nearest-exact").to(plain.dtype)
    linear = "bilinear" if plain.ndim == 4 else "trilinear"
    wide = plain.to(torch.promote_types(plain.dtype, torch.float32))
    return F.interpolate(wide, tuple(shape), mode=linear, align_corners=False)
