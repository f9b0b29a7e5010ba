# SPDX-License-Identifier: Apache-2.0
"""The semantic edge map of SEMEDA: where the neighbours of a voxel do not all carry its label."""

from __future__ import annotations

from torch import Tensor

from monai_boundary._validation import check_spatial_dims
from monai_boundary.ops.edges import label_edges


def semantic_edges(label: Tensor, num_classes: int | None = None, ignore_index: int | None = None) -> Tensor:
    """Return the voxels whose 8 (2-D) or 26 (3-D) neighbours in the image do not all carry their label.

    Chen et al. 2020 (SEMEDA), section 3.3. Two voxels thick, one on each side; the image frame is no edge. As
    `monai_boundary.ops.label_edges` with ``classes="any"`` and steps over corners; ``EdgeMaskd(classes="any",
    connectivity=2)`` (3 for volumes) is the transform.

    Args:
        label: class indices (B, 1, spatial) when ``num_classes`` is given, else 0 and 1 per class (B, C, spatial).
        num_classes: number of classes C, background included.
        ignore_index: value of an index label that belongs to no class: where a class meets it is no edge.

    Returns:
        boolean (B, 1, spatial); empty where there is one class alone.

    Raises:
        ValueError: if the label is not 2-D or 3-D, holds fractions, or classes that are unknown.

    Example:
        >>> import torch
        >>> semantic_edges(torch.tensor([[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]]])).int()
        tensor([[[[0, 0, 0, 0],
                  [0, 0, 1, 1],
                  [0, 0, 1, 1]]]], dtype=torch.int32)
    """
    ndim = label.ndim - 2
    check_spatial_dims("label", ndim)
    return label_edges(label, num_classes, classes="any", ignore_index=ignore_index, connectivity=ndim)
