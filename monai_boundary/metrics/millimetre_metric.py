# SPDX-License-Identifier: Apache-2.0
"""What the metrics in millimetres share: the spacing by the truth's affine, and an error where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.data import MetaTensor

from monai_boundary.metrics.item_metric import ItemMetric
from monai_boundary.ops.grid import affine_spacing


class MillimetreMetric(ItemMetric):
    """Base of the metrics that measure in mm; see :class:`~monai_boundary.metrics.ItemMetric`.

    *Spacing* is that of the call (one for all, or a row for each item), of the constructor, or of the truth's affine
    when it is a ``MetaTensor``: the lengths of its columns, so flipped and oblique ones too.

    Args:
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
    """

    def _image_spacing(self, y: torch.Tensor, item: int) -> tuple[float, ...] | None:
        if not isinstance(y, MetaTensor):
            return None
        return affine_spacing(y.affine[item] if y.affine.ndim == 3 else y.affine, y.ndim - 2)


def known_spacing(spacing: Sequence[float] | float | None, ndim: int) -> Sequence[float] | float:
    """Return ``spacing``.

    Raises:
        ValueError: if there is none, because a cache that drops the meta data would turn mm into voxels in silence.
    """
    if spacing is None:
        raise ValueError(
            f"`spacing` needs {ndim} entries (mm per axis): `y` is no MetaTensor with an affine (a cache may have "
            "dropped it), and neither the metric nor the call gives it."
        )
    return spacing
