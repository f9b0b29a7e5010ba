# SPDX-License-Identifier: Apache-2.0
"""Small images with meta data for the tests of transforms."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor

SPACING = (50.0, 4.0, 4.0)


def em_tensor(array: np.ndarray, spacing: tuple[float, ...] = SPACING) -> MetaTensor:
    """A channel-first MetaTensor of an EM image: affine diag(spacing), an offset, and a file name."""
    ndim = array.ndim
    affine = torch.eye(ndim + 1, dtype=torch.float64)
    for axis, size in enumerate(spacing[-ndim:]):
        affine[axis, axis] = size
        affine[axis, -1] = 10.0 * axis
    meta = {"filename_or_obj": "stack.h5", "units": "nm"}
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(array))[None], affine=affine, meta=meta)


def assert_same_geometry(result: torch.Tensor, source: MetaTensor) -> None:
    """The result is a MetaTensor at the place of the source, and shares no meta data with it."""
    assert isinstance(result, MetaTensor)
    torch.testing.assert_close(torch.as_tensor(result.affine), torch.as_tensor(source.affine))
    assert result.meta["filename_or_obj"] == source.meta["filename_or_obj"]
    assert result.meta is not source.meta
    assert result.applied_operations is not source.applied_operations
