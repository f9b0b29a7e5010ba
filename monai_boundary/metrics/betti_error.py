# SPDX-License-Identifier: Apache-2.0
"""Whether a prediction has the truth's topology: pieces, tunnels and cavities counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import euler_number

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_same_shape, check_spatial_dims
from monai_boundary.metrics.mask_metric import MaskMetric, counts_of_misses
from monai_boundary.ops.label_values import binary_mask


class BettiError(NamedTuple):
    """Absolute differences of the Betti numbers of two masks, and their sum."""

    betti0_error: float
    betti1_error: float
    betti2_error: float
    betti_error: float


def compute_betti_error(y_pred: npt.ArrayLike, y: npt.ArrayLike, *, fully_connected: bool = True) -> BettiError:
    r"""Return by how much the numbers of pieces, tunnels and cavities of two masks differ.

    Betti number 0 counts the connected pieces; in 2-D Betti number 1 counts the holes; in 3-D number 1 counts the
    tunnels and number 2 the closed cavities. Outside the image is background. The numbers say nothing of the place: a
    wrong piece and a missed one cancel.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        fully_connected: whether voxels that share an edge or a corner are connected (True; the background is then
            connected over faces), or faces only (and the background fully).

    Returns:
        Differences >= 0; ``betti2_error`` is NaN in 2-D. Empty masks have numbers 0: a missed structure costs its
        pieces, tunnels and cavities.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: if a mask holds anything but 0 and 1, or the shapes differ or are not 2-D or 3-D.

    Example:
        >>> import numpy as np
        >>> ring = np.ones((3, 3)); ring[1, 1] = 0
        >>> compute_betti_error(np.ones((3, 3)), ring)
        BettiError(betti0_error=0.0, betti1_error=1.0, betti2_error=nan, betti_error=1.0)
    """
    predicted, true = binary_mask("y_pred", y_pred), binary_mask("y", y)
    check_spatial_dims("y", true.ndim)
    check_same_shape("y_pred", predicted.shape, "y", true.shape)
    return betti_error_of_masks(predicted, true, fully_connected)


def betti_error_of_masks(predicted: BoolArray, true: BoolArray, fully_connected: bool = True) -> BettiError:
    """Return what :func:`compute_betti_error` does, for two boolean masks."""
    mine, theirs = (betti_numbers(mask, fully_connected) for mask in (predicted, true))
    apart = [float(abs(a - b)) for a, b in zip(mine, theirs, strict=True)]
    return BettiError(apart[0], apart[1], apart[2] if true.ndim == 3 else math.nan, sum(apart))


def betti_numbers(mask: BoolArray, fully_connected: bool = True) -> tuple[int, ...]:
    """Return the Betti numbers of a mask: (pieces, holes) in 2-D, (pieces, tunnels, cavities) in 3-D."""
    connectivity = mask.ndim if fully_connected else 1
    opposite = 1 if fully_connected else mask.ndim
    wide = np.pad(mask, 1)
    pieces = int(ndimage.label(wide, ndimage.generate_binary_structure(mask.ndim, connectivity))[1])
    voids = int(ndimage.label(~wide, ndimage.generate_binary_structure(mask.ndim, opposite))[1]) - 1
    if mask.ndim == 2:
        return pieces, voids
    return pieces, pieces + voids - int(euler_number(wide, connectivity=connectivity)), voids


class BettiErrorMetric(MaskMetric):
    """Accumulate :func:`compute_betti_error` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    A structure that is missed costs only what it consists of, so beside the errors stand the numbers of items that are
    ``missed`` and ``false_alarm``.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        fully_connected: whether voxels that share an edge or a corner are connected (True; the background is then
            connected over faces), or faces only (and the background fully).

    Example:
        >>> import torch
        >>> truth = torch.ones(1, 1, 3, 3); truth[..., 1, 1] = 0
        >>> metric = BettiErrorMetric()
        >>> _ = metric(torch.ones_like(truth), truth)
        >>> metric.aggregate()["betti1_error"].item()
        1.0
    """

    mask_scores: tuple[str, ...] = (*BettiError._fields, "missed", "false_alarm")

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        reduction: str = "mean",
        fully_connected: bool = True,
    ) -> None:
        super().__init__(structures, spacing=1.0, reduction=reduction)  # topology has no unit
        self.fully_connected = fully_connected

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the differences of two masks by name."""
        found = compute_betti_error(y_pred, y, fully_connected=self.fully_connected)
        return {**found._asdict(), **counts_of_misses(y_pred, y)}
