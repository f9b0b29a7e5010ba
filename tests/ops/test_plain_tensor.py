# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_boundary.ops.plain_tensor import plain_tensor


@pytest.mark.parametrize(
    ("dtype", "wider"), [(np.uint16, torch.int32), (np.uint32, torch.int64), (np.uint64, torch.int64)]
)
def test_unsigned_integers_become_what_torch_calculates_with(dtype: type, wider: torch.dtype) -> None:
    top = min(np.iinfo(dtype).max, 2**63 - 1)
    found = plain_tensor(np.array([0, top], dtype=dtype))
    assert found.dtype == wider
    assert found.tolist() == [0, top]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="`values` needs numbers that fit int64"):
        plain_tensor(np.array([2**63], dtype=np.uint64))


def test_arrays_of_any_strides() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert plain_tensor(array[:, ::-1].T).tolist() == array[:, ::-1].T.tolist()


def test_a_tensor_stays_what_it_is() -> None:
    tensor = torch.zeros(2, requires_grad=True)
    assert plain_tensor(tensor) is tensor
    meta = plain_tensor(MetaTensor(torch.ones(1, 2, 2), affine=torch.eye(4)))
    assert type(meta) is Tensor
