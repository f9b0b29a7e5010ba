# SPDX-License-Identifier: Apache-2.0
"""From what a user holds (tensor, MetaTensor, array of any strides) to a tensor that torch calculates with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

# torch stores these, but compares, selects and promotes none of them
_WIDER = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}


def plain_tensor(values: Any) -> Tensor:
    """Return the values as a plain tensor, on their device and with their gradient; a MetaTensor's meta data go.

    Args:
        values: tensor of any class, or array of any strides. ``uint16`` becomes ``int32``, ``uint32`` and ``uint64``
            become ``int64`` (labels of ITK-SNAP, TIFF files and NumPy have these types), others are kept.

    Raises:
        ValueError: if ``uint64`` values exceed ``int64``.

    Example:
        >>> import numpy as np
        >>> plain_tensor(np.arange(3, dtype=np.uint16)[::-1])
        tensor([2, 1, 0], dtype=torch.int32)
    """
    if isinstance(values, np.ndarray) and any(stride < 0 for stride in values.strides):
        values = np.ascontiguousarray(values)
    plain = torch.as_tensor(values)
    if type(plain) is not Tensor:
        plain = plain.as_subclass(Tensor)
    wider = _WIDER.get(plain.dtype)
    if wider is None:
        return plain
    result = plain.to(wider)
    if plain.dtype == torch.uint64 and not torch.compiler.is_compiling() and bool((result < 0).any()):
        raise ValueError("`values` needs numbers that fit int64, got larger ones in uint64.")
    return result
