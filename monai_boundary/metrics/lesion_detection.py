# SPDX-License-Identifier: Apache-2.0
"""How many lesions were found, counted as the challenges WMH 2017 and ISLES 2022 do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_choice
from monai_boundary.metrics.lesion_masks import lesion_masks

F1_RULES = ("wmh2017", "isles2022")


class LesionDetection(NamedTuple):
    """Lesions counted, and what follows from the counts; a ratio of nothing to nothing is NaN."""

    recall: float
    precision: float
    f1: float
    true_lesions: int
    predicted_lesions: int
    found_lesions: int
    """True lesions that the prediction touches."""
    right_lesions: int
    """Predicted lesions that touch a true one."""


def compute_lesion_detection(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    lesion_label: int = 1,
    ignore_labels: Sequence[int] = (),
    fully_connected: bool = True,
    f1_rule: str = "wmh2017",
) -> LesionDetection:
    r"""Return recall, precision and F1 over lesions (not voxels), and the counts.

    A lesion is a connected component (26 neighbours in 3-D, 8 in 2-D) of the mask. A true lesion is *found* when at
    least one of its voxels is predicted; a predicted lesion is *right* when at least one of its voxels is true. With
    :math:`n` the number of lesions,

    .. math::
        \mathrm{recall} = \frac{n_\mathrm{found}}{n_\mathrm{true}}, \quad
        \mathrm{precision} = \frac{n_\mathrm{right}}{n_\mathrm{predicted}}

    One predicted blob over three true lesions finds all three, and is one right lesion. So "true positives" are two
    different numbers, and the challenges put F1 together from them in two ways:

    .. math::
        F_1^\mathrm{WMH} = \frac{2 \cdot \mathrm{precision} \cdot \mathrm{recall}}{\mathrm{precision} + \mathrm{recall}}
        \qquad
        F_1^\mathrm{ISLES} = \frac{n_\mathrm{found}}{n_\mathrm{found} + \frac12 (n_\mathrm{predicted} -
        n_\mathrm{right}) + \frac12 (n_\mathrm{true} - n_\mathrm{found})}

    (WMH 2017: Kuijf et al., IEEE TMI 2019. ISLES 2022: Hernandez Petzsche et al., Sci Data 2022, and its evaluation
    code.) Both are the same where each predicted lesion meets one true lesion. The blob over three lesions with a false
    one beside it has 0.667 by the first and 0.857 by the second.

    Args:
        y_pred: the prediction, 0 or 1, shape (H, W) or (H, W, D).
        y: the truth, of the same shape.
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are removed from the prediction first. That may cut a predicted lesion in
            two, as in the challenge.
        fully_connected: whether voxels that share an edge or a corner are connected (True), or faces only.
        f1_rule: ``"wmh2017"`` or ``"isles2022"``.

    Returns:
        Recall is NaN without true lesions and precision NaN without predicted ones; F1 is 0 where one of the two masks
        is empty, and NaN where both are. (The challenge's script gives 1 for recall and precision of nothing; its F1
        is 0 all the same where lesions were missed.)

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the masks are none (see :func:`~monai_boundary.metrics.lesion_masks`), or ``f1_rule`` is unknown.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 0, 0, 1, 0, 0]])
        >>> found = compute_lesion_detection(np.array([[0, 1, 0, 0, 0, 0, 1]]), truth)
        >>> found.recall, found.precision, found.f1, found.true_lesions
        (0.5, 0.5, 0.5, 2)
    """
    predicted, true = lesion_masks(y_pred, y, lesion_label=lesion_label, ignore_labels=ignore_labels)
    return detection_of_masks(predicted, true, fully_connected=fully_connected, f1_rule=f1_rule)


def detection_of_masks(
    predicted: BoolArray, true: BoolArray, *, fully_connected: bool = True, f1_rule: str = "wmh2017"
) -> LesionDetection:
    """Return what :func:`compute_lesion_detection` does, for two boolean masks."""
    check_choice("f1_rule", f1_rule, F1_RULES)
    found, n_true = _touched(true, predicted, fully_connected)
    right, n_predicted = _touched(predicted, true, fully_connected)
    recall = found / n_true if n_true else math.nan
    precision = right / n_predicted if n_predicted else math.nan
    if not n_true and not n_predicted:
        f1 = math.nan
    elif not found:  # one is empty, or nothing overlaps
        f1 = 0.0
    elif f1_rule == "isles2022":
        f1 = found / (found + (n_predicted - right + n_true - found) / 2)
    else:
        f1 = 2 * precision * recall / (precision + recall)
    return LesionDetection(recall, precision, f1, n_true, n_predicted, found, right)


def _touched(mask: BoolArray, other: BoolArray, fully_connected: bool) -> tuple[int, int]:
    """Return how many components of ``mask`` hold a voxel of ``other``, and how many there are."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes:
        return 0, 0
    inside, beside = mask[boxes[0]], other[boxes[0]]
    element = ndimage.generate_binary_structure(mask.ndim, mask.ndim if fully_connected else 1)
    components, count = ndimage.label(inside, element)
    return len(np.unique(components[inside & beside])), int(count)
