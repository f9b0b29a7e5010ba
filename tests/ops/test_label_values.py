# SPDX-License-Identifier: Apache-2.0
"""One rule for the values of labels: within 1e-3 of an integer is that integer, anything else is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.ops import LABEL_TOLERANCE, binary_mask, whole_label
from monai_boundary.ops.label_values import check_label, check_region_ids, mask_of_ids, whole_label_tensor

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
NUMPY_TYPES = ("bool", *INTEGERS, "float16", "float32", "float64")
TORCH_TYPES = (*NUMPY_TYPES, "bfloat16")
READERS: tuple[Callable[..., Any], ...] = (
    lambda values: whole_label("y", values),
    lambda values: whole_label_tensor("y", torch.as_tensor(values)),
    lambda values: check_label("y", values),
    lambda values: binary_mask("y", values),
)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("dtype", TORCH_TYPES)
def test_every_type_of_mask_is_taken(reader: Callable[..., Any], dtype: str) -> None:
    mask = torch.tensor([[0, 1, 1]]).to(getattr(torch, dtype))
    assert reader(mask).tolist() == [[0, 1, 1]]
    assert reader(MetaTensor(mask)).tolist() == [[0, 1, 1]]
    if dtype in NUMPY_TYPES:
        assert reader(np.array([[0, 1, 1]], dtype=dtype)).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("off", [3e-5, 1e-3])  # 0.99997 is what a header's scale leaves
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_near_an_integer_is_that_integer(reader: Callable[..., Any], off: float, dtype: str) -> None:
    assert off <= LABEL_TOLERANCE
    values = np.array([off, 1 - off, 1 + off, -off], dtype=dtype)
    assert reader(values).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [0.5, 0.9979, 1.0021])
def test_a_fraction_is_refused_with_value_and_count(reader: Callable[..., Any], value: float) -> None:
    values = np.array([0, value, 1, value, 0])
    message = rf"`y` needs whole numbers, got {value:g} \(2 of 5 values are further than 0.001 from one\): threshold"
    with pytest.raises(ValueError, match=message):
        reader(values)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(reader: Callable[..., Any], value: float) -> None:
    with pytest.raises(ValueError, match=r"`y` needs finite values, got NaN or infinity \(1 of "):
        reader(np.array([0, value, 1]))


@pytest.mark.parametrize("reader", READERS[3:])
def test_a_mask_has_no_other_integers(reader: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"`y` needs a mask of 0 and 1, got 255 \(2 of 3 values are neither\)"):
        reader(np.array([255, 0, 255], dtype=np.uint8))
    with pytest.raises(ValueError, match=r"got -1 \(1 of 2"):
        reader(np.array([-1.0, 0]))


def test_ids_become_integers() -> None:
    assert whole_label("y", np.array([0.0, 3.0], dtype=np.float32)).dtype == np.int64
    assert whole_label("y", np.array([True])).dtype == np.uint8
    assert check_label("y", np.array([2**63], dtype=np.uint64)).tolist() == [2**63]
    assert whole_label_tensor("y", torch.tensor([65535], dtype=torch.uint16)).tolist() == [65535]
    assert whole_label_tensor("y", torch.tensor([4], dtype=torch.int16)).dtype == torch.int16
    regions = check_region_ids("regions", [[2**31 - 1, 0]])
    assert regions.dtype == np.int32
    assert regions.tolist() == [[2**31 - 1, 0]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
@pytest.mark.parametrize("ids", [(3,), (0, 7), (300, 2), tuple(range(1, 40, 2))])
def test_masks_of_ids_are_those_of_numpy(dtype: type, ids: tuple[int, ...]) -> None:
    label = np.random.default_rng(0).integers(0, 45, (3, 4, 50)).astype(dtype)
    found = mask_of_ids(label, ids)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, np.isin(label, ids))


def test_integers_are_not_copied() -> None:
    ids = np.arange(4, dtype=np.int32)
    assert whole_label("y", ids) is ids


@pytest.mark.parametrize(("dtype", "limit"), [("bfloat16", 256), ("float16", 2048), ("float32", 2**24)])
def test_a_float_type_that_cannot_tell_ids_apart(dtype: str, limit: int) -> None:
    largest = torch.tensor([1.0, limit - 1]).to(getattr(torch, dtype))
    assert whole_label("y", largest).tolist() == [1, limit - 1]
    with pytest.raises(ValueError, match=rf"`y` needs whole numbers below {limit} .* got {limit}\."):
        whole_label("y", torch.tensor([1.0, limit]).to(getattr(torch, dtype)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: check_label("label", np.array(["a"])),
            TypeError,
            "`label` needs a boolean, integer or floating array, got dtype <U1.",
        ),
        (lambda: check_label("label", [1, -2]), ValueError, "`label` needs ids >= 0, got -2."),
        (lambda: check_label("label", [1, -2.0003]), ValueError, "`label` needs ids >= 0, got -2."),
        (
            lambda: check_region_ids("regions", np.array([[2**31]])),
            ValueError,
            "`regions` needs ids that fit int32, got 2147483648: number them with `relabel_regions`.",
        ),
        (
            lambda: check_region_ids("regions", np.zeros(3, int)),
            ValueError,
            "`regions` needs 2 or 3 spatial dimensions, got 1.",
        ),
        (
            lambda: whole_label_tensor("label", torch.zeros(2, dtype=torch.complex64)),
            TypeError,
            "`label` needs a boolean, integer or floating tensor, got dtype torch.complex64.",
        ),
    ],
)
def test_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()
