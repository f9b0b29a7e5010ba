# SPDX-License-Identifier: Apache-2.0
"""One rule for the values of labels and masks: what is within `LABEL_TOLERANCE` of an integer is that integer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from monai_boundary._typing import AnyArray, BoolArray, IntArray
from monai_boundary._validation import check_spatial_dims

__all__ = [
    "LABEL_TOLERANCE",
    "binary_mask",
    "check_label",
    "check_region_ids",
    "mask_of_ids",
    "whole_label",
    "whole_label_tensor",
]

LABEL_TOLERANCE = 1e-3
"""How far a label may be off an integer: a header's scale of 0.99997 is this near, what was resampled is not."""

_SLACK = 1e-2 * LABEL_TOLERANCE  # float32 has no 1.001: the nearest number is 1.0010000467
_FEW = 16  # comparisons of a whole label, above which `numpy.isin` is as fast
_HINT = (
    'threshold a probability (AsDiscrete); resample a label with mode="nearest", and not lazy=True, which ignores the '
    "mode."
)


def whole_label(name: str, values: npt.ArrayLike | Tensor) -> AnyArray:
    """Return a label as an integer array; floats are rounded where they are integers but for `LABEL_TOLERANCE`.

    Files hold labels as floats, and their headers scale them: 0.99997 and 1.001 are label 1, 0.5 is an error. Every
    transform, loss and metric of this package that takes a label or a mask follows this rule.

    Args:
        name: what an error calls the label.
        values: array or tensor (on any device) of any boolean, integer or floating type, half precision too.

    Returns:
        Integers keep their type, booleans become uint8 and floats int64. On the host; integers are not copied.

    Raises:
        TypeError: if it does not hold such numbers.
        ValueError: if it holds NaN, infinity, fractions (the value and how many there are), or ids so large that the
            float type cannot tell neighbouring ones apart (256 in bfloat16, 2048 in float16, 2**24 in float32).

    Example:
        >>> whole_label("label", [0.0, 0.99997, 3.001])
        array([0, 1, 3])
        >>> whole_label("label", torch.tensor([0.0, 0.5, 1.0, 0.25]))
        Traceback (most recent call last):
        ...
        ValueError: `label` needs whole numbers, got 0.5 (2 of 4 values are further than 0.001 from one): ...
    """
    array, limit = _host_array(name, values)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind in "iu":
        return array
    whole = np.rint(array)
    with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, which is not near
        near = np.abs(array - whole) <= LABEL_TOLERANCE + _SLACK
    if not near.all():
        raise ValueError(_not_whole(name, float(array[~near].flat[0]), int((~near).sum()), near.size, array))
    if whole.size and max(-float(whole.min()), float(whole.max())) >= limit:
        raise ValueError(
            f"`{name}` needs whole numbers below {limit:.0f} where they are floats of that precision (keep larger "
            f"ids in an integer type), got {whole.flat[np.abs(whole).argmax()]:.0f}."
        )
    return whole.astype(np.int64)


def whole_label_tensor(name: str, label: Tensor) -> Tensor:
    """Return what `whole_label` does, for a tensor that stays on its device.

    Args:
        name: what an error calls the label.
        label: tensor of any boolean, integer or floating type.

    Returns:
        Plain tensor without gradient: int64 of floats and of unsigned 16, 32 and 64 bits (of which torch knows few
        operations), uint8 of booleans; other integers as they are.

    Raises:
        TypeError: if it does not hold such numbers.
        ValueError: if it holds NaN, infinity or fractions.

    Example:
        >>> whole_label_tensor("label", torch.tensor([0.0, 0.99997], dtype=torch.float64))
        tensor([0, 1])
    """
    plain = torch.as_tensor(label).detach().as_subclass(Tensor)
    if plain.is_complex():
        raise TypeError(f"`{name}` needs a boolean, integer or floating tensor, got dtype {plain.dtype}.")
    if plain.dtype == torch.bool:
        return plain.to(torch.uint8)
    if not plain.is_floating_point():
        return plain.long() if plain.dtype in (torch.uint16, torch.uint32, torch.uint64) else plain
    values = plain if plain.dtype in (torch.float32, torch.float64) else plain.float()
    whole = values.round()
    near = (values - whole).abs() <= LABEL_TOLERANCE + _SLACK  # NaN is not near
    if not bool(near.all()):
        wrong = values[~near]
        raise ValueError(_not_whole(name, float(wrong[0]), wrong.numel(), near.numel(), wrong.cpu().numpy()))
    return whole.long()


def binary_mask(name: str, values: npt.ArrayLike | Tensor) -> BoolArray:
    """Return a mask of 0 and 1, by the rule of `whole_label`, as a boolean array.

    Args:
        name: what an error calls the mask.
        values: array or tensor of any boolean, integer or floating type.

    Raises:
        TypeError: if it does not hold numbers.
        ValueError: if it holds anything but 0 and 1.

    Example:
        >>> binary_mask("mask", [0.0, 0.99997, 1.0])
        array([False,  True,  True])
    """
    array, _ = _host_array(name, values)
    if array.dtype.kind == "b":
        return np.asarray(array, dtype=np.bool_)
    whole = whole_label(name, values)
    inside: BoolArray = whole == 1
    wrong = ~inside & (whole != 0)
    if wrong.any():
        raise ValueError(_not_binary(name, int(whole[wrong].flat[0]), int(wrong.sum()), wrong.size))
    return inside


def check_label(name: str, values: npt.ArrayLike | Tensor) -> AnyArray:
    """Return what `whole_label` does, for ids >= 0.

    Args:
        name: what an error calls the label.
        values: array or tensor of any boolean, integer or floating type.

    Raises:
        TypeError: as `whole_label`.
        ValueError: as `whole_label`, and for negative values.

    Example:
        >>> check_label("label", [0.0, 2.0])
        array([0, 2])
    """
    ids = whole_label(name, values)
    if ids.dtype.kind == "i" and ids.size and ids.min() < 0:
        raise ValueError(f"`{name}` needs ids >= 0, got {ids.min()}.")
    return ids


def check_region_ids(name: str, values: npt.ArrayLike | Tensor) -> IntArray:
    """Return a label as int32 ids >= 0 of a 2-D or 3-D image.

    Args:
        name: what an error calls the label.
        values: array or tensor of any boolean, integer or floating type.

    Raises:
        TypeError: as `whole_label`.
        ValueError: as `check_label`, and if an id does not fit int32 or the image is not 2-D or 3-D.

    Example:
        >>> check_region_ids("regions", [[0, 7]])
        array([[0, 7]], dtype=int32)
    """
    ids = check_label(name, values)
    check_spatial_dims(name, ids.ndim)
    if ids.size and ids.max() > np.iinfo(np.int32).max:
        raise ValueError(f"`{name}` needs ids that fit int32, got {ids.max()}: number them with `relabel_regions`.")
    return ids.astype(np.int32, copy=False)


def mask_of_ids(label: AnyArray, ids: Sequence[int]) -> BoolArray:
    """Return where a label is one of some ids: `numpy.isin`, in a twentieth of its time for the few ids of a region.

    Args:
        label: integers, any shape.
        ids: at least one.

    Example:
        >>> mask_of_ids(np.array([0, 1, 2, 4]), (1, 4))
        array([False,  True, False,  True])
    """
    if len(ids) > _FEW:
        return np.isin(label, ids)
    found: BoolArray = label == ids[0]
    for one in ids[1:]:
        found |= label == one
    return found


def _host_array(name: str, values: Any) -> tuple[AnyArray, float]:
    """The values as an array that NumPy can compare, and the first integer that their float type cannot hold well."""
    limit = np.inf
    if isinstance(values, Tensor):
        plain = values.detach().as_subclass(Tensor).cpu()
        if plain.is_floating_point():
            limit = 2 / torch.finfo(plain.dtype).eps
            plain = plain if plain.dtype in (torch.float32, torch.float64) else plain.float()  # no bfloat16 in NumPy
        array: AnyArray = plain.numpy()
    else:
        array = np.asarray(values)
        if array.dtype.kind == "f":
            limit = 2 / float(np.finfo(array.dtype).eps)
            array = array.astype(np.float32) if array.dtype == np.float16 else array
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` needs a boolean, integer or floating array, got dtype {array.dtype}.")
    return array, limit


def _not_whole(name: str, value: float, wrong: int, total: int, values: AnyArray) -> str:
    if not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        return f"`{name}` needs finite values, got NaN or infinity ({bad} of {total} values)."
    return (
        f"`{name}` needs whole numbers, got {value:g} ({wrong} of {total} values are further than {LABEL_TOLERANCE:g} "
        f"from one): {_HINT}"
    )


def _not_binary(name: str, value: int, wrong: int, total: int) -> str:
    return f"`{name}` needs a mask of 0 and 1, got {value} ({wrong} of {total} values are neither)."
