# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.metrics import contingency
from monai_boundary.metrics.contingency import (
    count_overlaps,
    counted_ids,
    evaluation_tables,
    scored_voxels,
    to_instance_ids,
)

OPTIONS = {
    "ignore_labels": (0,),
    "border_tolerance_nm": None,
    "spacing": None,
    "per_section": False,
    "border_per_section": True,
}


def test_counts_drawn_overlaps() -> None:
    truth = np.array([[0, 3, 3, 3], [9, 9, 0, 9]])
    pred = np.array([[5, 5, 0, 5], [5, 7, 7, 7]])
    table = count_overlaps(pred, truth, truth != 0)
    pairs = {
        (int(t), int(table.pred_ids[p])): int(n)
        for t, p, n in zip(table.true_index, table.pred_index, table.counts, strict=True)
    }
    assert pairs == {(0, 5): 2, (0, 0): 1, (1, 5): 1, (1, 7): 2}
    assert table.true_sizes.tolist() == [3, 3]
    assert table.pred_sizes.tolist() == [1, 3, 2]
    assert (table.scored, table.voxels) == (6, 8)


def test_first_voxel_of_label_zero_counts() -> None:
    zeros = np.zeros((2, 2), dtype=np.int64)
    table = count_overlaps(zeros, zeros, np.ones((2, 2), dtype=bool))
    assert table.counts.tolist() == [4]


def test_nothing_scored_is_an_empty_table() -> None:
    zeros = np.zeros((2, 2), dtype=np.int64)
    table = count_overlaps(zeros, zeros, zeros.astype(bool))
    assert (table.scored, table.counts.size, table.voxels) == (0, 0, 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32])
def test_every_number_type_gives_the_same_ids(dtype: type) -> None:
    assert to_instance_ids("y", np.array([[0, 1, 7]], dtype=dtype)).tolist() == [[0, 1, 7]]
    assert to_instance_ids("y", torch.from_numpy(np.array([[0, 1, 7]], dtype=dtype))).tolist() == [[0, 1, 7]]


def test_metatensor_of_ids() -> None:
    assert to_instance_ids("y", MetaTensor(torch.tensor([[0, 4]]))).tolist() == [[0, 4]]


def test_huge_unsigned_ids_stay_distinct() -> None:
    huge = np.array([2**63, 2**64 - 1, 2**63 + 1, 1], dtype=np.uint64)
    assert np.unique(to_instance_ids("y", huge)).size == 4


def test_transparent_label_is_one_id_signed_and_unsigned() -> None:
    ids = to_instance_ids("y", np.array([[1, 2**64 - 1]], dtype=np.uint64))
    for label in (-1, 2**64 - 1):
        assert scored_voxels(ids, (label,), None, None, True).tolist() == [[True, False]]


def test_small_unsigned_ids_are_counted_as_they_are() -> None:
    for dtype in (np.uint8, np.uint16, np.uint32):
        ids = counted_ids("y", np.array([[0, 1, 7]], dtype))
        assert (ids.dtype, ids.tolist()) == (np.uint32, [[0, 1, 7]])
        assert scored_voxels(ids, (7, -1, 2**40, 0), None, None, True).tolist() == [[False, True, False]]
        assert scored_voxels(ids, (-1, 2**64 - 1), None, None, True).all()
    assert counted_ids("y", np.array([[-1]], np.int32)).tolist() == [[-1]]
    with pytest.raises(TypeError, match="`y` needs instance ids, got a bool mask"):
        counted_ids("y", np.array([[True]]))


def test_ids_of_two_types() -> None:
    truth, pred = np.array([[1, 2**32 - 1]], np.uint32), np.array([[-1, 2**32 - 1]], np.int64)
    table = count_overlaps(pred, truth, truth > 0)
    assert (table.true_ids.tolist(), table.pred_ids.tolist()) == ([1, 2**32 - 1], [-1, 2**32 - 1])


def test_inputs_are_not_changed() -> None:
    truth = np.array([[0, 2**63, 5]], dtype=np.uint64)
    before = truth.copy()
    evaluation_tables(truth, truth, **{**OPTIONS, "border_tolerance_nm": 1.0, "spacing": 1.0})
    np.testing.assert_array_equal(truth, before)
    assert truth.dtype == np.uint64


def test_sections_are_counted_alone() -> None:
    truth = np.array([[[1, 1]], [[2, 0]]])
    tables = evaluation_tables(truth, truth, **{**OPTIONS, "per_section": True})
    assert [table.scored for table in tables] == [2, 1]


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (
            np.array([[True, False]]),
            TypeError,
            "`y` needs instance ids, got a bool mask; label its connected components",
        ),
        (np.array([[0.5, 1.0]]), ValueError, r"`y` needs whole numbers, got 0\.5 .1 of 2"),
        (np.array([[1.0, np.nan]]), ValueError, "`y` needs finite values, got NaN or infinity .1 of 2"),
        (
            np.array([[2.0**24]], np.float32),
            ValueError,
            "whole numbers below 16777216 .*keep larger ids in an integer type",
        ),
        (np.array([["a"]]), TypeError, "`y` needs a boolean, integer or floating array, got dtype <U1"),
        (torch.full((1, 1), 256, dtype=torch.bfloat16), ValueError, "whole numbers below 256 "),
    ],
)
def test_what_is_no_id_is_an_error(array: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        to_instance_ids("y", array)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ((0.5,), TypeError, r"`ignore_labels` needs integers, got 0\.5"),
        ((2**64,), ValueError, "`ignore_labels` needs 64-bit integers, got 18446744073709551616"),
    ],
)
def test_ignore_labels_are_64_bit_integers(labels: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        scored_voxels(np.zeros((2, 2), np.int64), labels, None, None, True)


@pytest.mark.parametrize("number", [0, 1, 3, 40])
@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_few_ignored_labels_or_many(rng: np.random.Generator, number: int, dtype: type[np.integer]) -> None:
    """Also those that the type cannot hold."""
    ids, ignored = rng.integers(0, 60, (5, 6, 7)).astype(dtype), range(number)
    counts = [[[int(label) not in ignored for label in row] for row in section] for section in ids]
    np.testing.assert_array_equal(scored_voxels(ids, (*ignored, -1, 2**63), None, None, True), counts)


def test_shapes_must_agree_and_be_spatial() -> None:
    with pytest.raises(ValueError, match=r"`y_pred` needs the shape of `y`, \(2, 3\), got \(3, 2\)"):
        evaluation_tables(np.ones((3, 2), int), np.ones((2, 3), int), **OPTIONS)
    with pytest.raises(ValueError, match="`y` needs 2 or 3 spatial dimensions, got 4"):
        evaluation_tables(np.ones((1, 1, 3, 2), int), np.ones((1, 1, 3, 2), int), **OPTIONS)


@pytest.mark.parametrize("border", [(None, True), (1.0, True), (1.0, False)])
def test_a_volume_in_slabs_has_the_table_of_the_whole(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, border: tuple[float | None, bool]
) -> None:
    truth, pred = rng.integers(0, 6, (2, 7, 5, 4))
    options = {**OPTIONS, "border_tolerance_nm": border[0], "spacing": 1.0, "border_per_section": border[1]}
    (whole,) = evaluation_tables(pred, truth, **options)
    sectionwise = evaluation_tables(pred, truth, **{**options, "per_section": True})
    monkeypatch.setattr(contingency, "_SLAB_VOXELS", 2 * 5 * 4)
    (slabs,) = evaluation_tables(torch.from_numpy(pred), torch.from_numpy(truth), **options)
    for name in ("counts", "true_index", "pred_index", "true_ids", "pred_ids", "voxels"):
        np.testing.assert_array_equal(getattr(slabs, name), getattr(whole, name))
    again = evaluation_tables(pred, truth, **{**options, "per_section": True})
    assert [table.counts.tolist() for table in again] == [table.counts.tolist() for table in sectionwise]
    assert len(again) == 7
