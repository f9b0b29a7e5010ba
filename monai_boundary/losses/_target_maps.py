# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps that a loss makes of its target, where none came with the batch."""

from __future__ import annotations

from monai.data import MetaTensor
from torch import Tensor

from monai_boundary.losses._uncompiled import uncompiled
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.signed_distance import batch_signed_distance

# Maps are made on the host or with control flow that depends on the data: torch.compile leaves them as they are.
maps_of = uncompiled(
    batch_signed_distance, reason="distance maps are made on the host: give `distance_map` for fullgraph=True"
)


def spacings_of(target: Tensor) -> list[tuple[float, ...]] | None:
    """Return the voxel sizes of a collated batch of MetaTensors, by their affines; None where there is no affine."""
    if not isinstance(target, MetaTensor):
        return None
    affine = target.affine
    each = affine if affine.ndim == 3 else affine[None].expand(len(target), -1, -1)
    return [affine_spacing(one, target.ndim - 2) for one in each]
