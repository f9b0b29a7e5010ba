# SPDX-License-Identifier: Apache-2.0
"""The two masks that the scores of lesions compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_same_shape, check_spatial_dims
from monai_boundary.ops.label_values import whole_label


def lesion_masks(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    lesion_label: int = 1,
    ignore_labels: Sequence[int] = (),
) -> tuple[BoolArray, BoolArray]:
    """Return ``(predicted, true)`` masks of the lesions, both without the voxels that are not scored.

    Args:
        y_pred: the prediction, 0 or 1 (or bool), shape (H, W) or (H, W, D); 1e-3 off an integer is that integer
            (`monai_boundary.ops.whole_label`), here and in the truth.
        y: the truth of the same shape: 0, ``lesion_label``, and ids of ``ignore_labels``.
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are not scored, whatever was predicted there: ``(2,)`` for other
            pathology in the WMH challenge's data.

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the shapes differ or are not 2-D or 3-D, the prediction holds anything but 0 and 1, or the truth
            an id that is neither.

    Example:
        >>> import numpy as np
        >>> pred, true = lesion_masks(np.array([[1, 1, 1, 0]]), np.array([[0, 1, 2, 2]]), ignore_labels=(2,))
        >>> pred.astype(int), true.astype(int)
        (array([[1, 1, 0, 0]]), array([[0, 1, 0, 0]]))
    """
    predicted, truth = whole_label("y_pred", y_pred), whole_label("y", y)
    check_spatial_dims("y", truth.ndim)
    check_same_shape("y_pred", predicted.shape, "y", truth.shape)
    if lesion_label in ignore_labels or lesion_label == 0:
        raise ValueError(f"`lesion_label` needs an id > 0 that is not ignored, got {lesion_label!r}.")
    values = np.unique(predicted)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"`y_pred` needs a mask of 0 and 1, got values from {values[0]:g} to {values[-1]:g}.")
    values = np.unique(truth)
    strange = values[~np.isin(values, (0, lesion_label, *ignore_labels))]
    if strange.size:
        raise ValueError(
            f"`y` needs 0, {lesion_label} (lesion) or an id of `ignore_labels` {tuple(ignore_labels)}, "
            f"got {strange[:5].tolist()}."
        )
    scored = ~np.isin(truth, list(ignore_labels))
    return (predicted == 1) & scored, truth == lesion_label
