# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_boundary.ops import contour_mask, edge_masks, label_edges

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=3, max_side=5))
SIDES = ("inner", "outer", "both")


def drawing(*rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows])


def edges_of(mask: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
    return edge_masks(torch.from_numpy(np.array(mask))[None, None], *args, **options)[0, 0].numpy()


def edges_by_boxes(mask: np.ndarray, side: str, millimetres: float, spacing: tuple[float, ...]) -> np.ndarray:
    """Every pair of voxels: from the centre of one to the box of the other; and the face neighbours."""
    out = np.zeros(mask.shape, dtype=bool)
    for here in np.ndindex(mask.shape):
        if side == ("outer" if mask[here] else "inner"):
            continue
        for there in np.ndindex(mask.shape):
            if mask[there] != mask[here]:
                apart = np.abs(np.subtract(here, there))
                gap = np.maximum(apart - 0.5, 0) * spacing
                out[here] |= apart.sum() == 1 or np.sqrt((gap**2).sum()) <= millimetres + 1e-9
    return out


LSHAPE = drawing(
    "......",
    ".##...",
    ".##...",
    ".####.",
    ".####.",
    "......",
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"side": "inner"}, ("......", ".##...", ".##...", ".#.##.", ".####.", "......")),
        ({"side": "inner", "connectivity": 2}, ("......", ".##...", ".##...", ".####.", ".####.", "......")),
        ({"side": "outer"}, (".##...", "#..#..", "#..##.", "#....#", "#....#", ".####.")),
        ({"side": "outer", "connectivity": 2}, ("####..", "#..#..", "#..###", "#....#", "#....#", "######")),
        ({}, (".##...", "####..", "#####.", "##.###", "######", ".####.")),
        ({"side": "inner", "thickness": 2}, ("......", ".##...", ".##...", ".####.", ".####.", "......")),
        ({"side": "outer", "thickness": 2}, ("####..", "#..##.", "#..###", "#....#", "#....#", "######")),
    ],
)
def test_drawn(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    np.testing.assert_array_equal(edges_of(LSHAPE, **options), drawing(*expected))


def test_drawn_frame() -> None:
    mask = drawing("##..", "##..", "##..")
    np.testing.assert_array_equal(edges_of(mask, "inner"), drawing(".#..", ".#..", ".#.."))
    np.testing.assert_array_equal(edges_of(mask, "inner", frame=True), drawing("##..", "##..", "##.."))
    np.testing.assert_array_equal(edges_of(np.ones((5, 5), bool), frame=True).sum(), 16)
    np.testing.assert_array_equal(edges_of(np.ones((7, 7), bool), "both", 2, frame=True).sum(), 49 - 9)
    np.testing.assert_array_equal(edges_of(mask, "outer", frame=True), edges_of(mask, "outer"))


def test_the_frame_in_mm_is_half_a_voxel_away() -> None:
    full = np.ones((5, 9), dtype=bool)
    edge = edges_of(full, "inner", 1.5, "mm", spacing=(3.0, 1.0), frame=True)
    expected = np.ones((5, 9), dtype=bool)
    expected[1:-1, 2:-2] = False  # 1.5 mm across: one voxel of 3 mm, two of 1 mm
    np.testing.assert_array_equal(edge, expected)


def test_thick_slices_keep_an_edge_without_holes() -> None:
    mask = np.zeros((5, 7, 7), dtype=bool)
    mask[1:4, 1:6, 1:6] = True
    edge = edges_of(mask, "inner", 1.0, "mm", spacing=(5.0, 1.0, 1.0))
    np.testing.assert_array_equal(edge, contour_mask(mask))
    assert edge[1, 3, 3], "the flat face, 2.5 mm from its centre"
    wide = edges_of(mask, "inner", 1.5, "mm", spacing=(5.0, 1.0, 1.0))
    assert wide[2, 2, 2]
    assert not wide[2, 3, 3]


@given(MASKS, st.sampled_from(SIDES), st.integers(1, 3), st.integers(1, 2))
def test_in_voxels_as_contour_mask(mask: np.ndarray, side: str, thickness: int, connectivity: int) -> None:
    expected = contour_mask(mask, side, thickness, connectivity=connectivity)
    np.testing.assert_array_equal(edges_of(mask, side, thickness, connectivity=connectivity), expected)


@given(MASKS, st.sampled_from(SIDES), st.sampled_from([0.1, 0.6, 1.0, 1.5, 2.4]))
def test_in_mm_as_every_pair_of_voxels(mask: np.ndarray, side: str, millimetres: float) -> None:
    spacing = (0.6, 1.0, 2.0)[-mask.ndim :]
    expected = edges_by_boxes(mask, side, millimetres, spacing)
    np.testing.assert_array_equal(edges_of(mask, side, millimetres, "mm", spacing=spacing), expected)


@given(arrays(np.int64, array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.integers(0, 2)))
def test_the_edges_of_semeda_are_where_a_neighbour_differs(label: np.ndarray) -> None:
    expected = np.zeros(label.shape, dtype=bool)
    for here in np.ndindex(label.shape):
        for step in itertools.product((-1, 0, 1), repeat=label.ndim):
            there = tuple(np.add(here, step))
            if all(0 <= t < n for t, n in zip(there, label.shape, strict=True)):
                expected[here] |= label[there] != label[here]
    found = label_edges(torch.from_numpy(label)[None, None], 3, classes="any", connectivity=label.ndim)
    np.testing.assert_array_equal(found[0, 0].numpy(), expected)


@given(MASKS, st.booleans(), st.sampled_from(["voxel", "mm"]))
def test_laws(mask: np.ndarray, frame: bool, unit: str) -> None:
    options: dict[str, Any] = {"thickness": 2, "unit": unit, "frame": frame}
    inner, outer, both = (edges_of(mask, side, **options) for side in SIDES)
    np.testing.assert_array_equal(inner | outer, both)
    assert not (inner & ~mask).any()
    assert not (outer & mask).any()
    np.testing.assert_array_equal(edges_of(mask.T, "both", **options), both.T)
    np.testing.assert_array_equal(edges_of(mask[::-1].copy(), "both", **options), both[::-1])
    flat = edges_of(mask[None], "both", section_axis=0, **options) if mask.ndim == 2 else both[None]
    np.testing.assert_array_equal(flat[0], both)


@pytest.mark.parametrize("options", [{}, {"thickness": 2.0, "unit": "mm"}, {"frame": True}])
def test_slices_on_their_own_equal_pictures(rng: np.random.Generator, options: dict[str, Any]) -> None:
    volume = rng.random((6, 3, 7)) > 0.5
    edges = edges_of(volume, section_axis=1, **options)
    for k in range(3):
        np.testing.assert_array_equal(edges[:, k], edges_of(volume[:, k], **options))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("unit", ["voxel", "mm"])
@pytest.mark.parametrize("side", SIDES)
def test_empty_and_full_masks_have_no_edge(side: str, unit: str, full: bool) -> None:
    assert not edges_of(np.full((3, 4, 2), full), side, 2, unit).any()
    assert edges_of(np.ones((1, 1), dtype=bool), side, 2, unit, frame=True).any() == (side != "outer")


def test_items_have_their_own_spacing_and_channels_do_not_mix(rng: np.random.Generator) -> None:
    masks = torch.from_numpy(rng.random((2, 3, 5, 6)) > 0.5)
    sizes = [(1.0, 2.0), (0.4, 0.4)]
    edges = edge_masks(masks, "both", 1.0, "mm", spacing=sizes)
    for item, channel in np.ndindex(2, 3):
        expected = edges_by_boxes(masks[item, channel].numpy(), "both", 1.0, sizes[item])
        np.testing.assert_array_equal(edges[item, channel].numpy(), expected)


def test_what_is_not_known_is_on_neither_side() -> None:
    label = torch.tensor([[[[1, 1, 255, 0, 0, 1]]]])
    found = label_edges(label, 2, ignore_index=255, include_background=False)
    assert found.int().tolist() == [[[[0, 0, 0, 0, 1, 1]]]]
    assert label_edges(label, 2, ignore_index=255).shape == (1, 2, 1, 6)
    with pytest.raises(ValueError, match=r"`known` needs the shape of `masks, with one channel`, \(1, 1, 1, 6\)"):
        edge_masks(label == 1, known=torch.ones(1, 2, 1, 6, dtype=torch.bool))


def test_nested_classes_and_any() -> None:
    whole = torch.tensor([[0, 1, 1, 1, 1, 1, 0]])
    core = torch.tensor([[0, 0, 0, 1, 1, 0, 0]])
    nested = torch.stack([whole, core])[None]
    assert label_edges(nested, side="inner")[0, :, 0].int().tolist() == [[0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 1, 1, 0, 0]]
    assert label_edges(nested, side="inner", classes="any").int().tolist() == [[[[0, 1, 0, 1, 1, 1, 0]]]]
    one = whole[None, None]
    assert torch.equal(label_edges(one, include_background=False), label_edges(one)), "one class is no background"


def test_the_input_stays_and_the_result_is_plain() -> None:
    masks = torch.rand(1, 2, 4, 5).round()
    before = masks.clone()
    edges = edge_masks(masks.requires_grad_(), frame=True)
    assert torch.equal(masks, before)
    assert (edges.dtype, edges.requires_grad, edges.is_contiguous()) == (torch.bool, False, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": "left"}, "`side` needs one of 'inner', 'outer', 'both', got 'left'"),
        ({"unit": "nm"}, "`unit` needs one of 'voxel', 'mm', got 'nm'"),
        ({"thickness": 0}, "`thickness` needs a finite number > 0, got 0"),
        ({"thickness": 1.5}, 'whole number of voxels, got 1.5; or unit="mm"'),
        ({"spacing": 1.0}, '`spacing` needs unit="mm", got unit="voxel" and spacing=1.0'),
        ({"unit": "mm", "spacing": (1.0, 1.0, 1.0)}, "`spacing` needs 2 entries"),
        ({"unit": "mm", "connectivity": 2}, '`connectivity` needs unit="voxel"'),
        ({"connectivity": 3}, "`connectivity` needs one of 1, 2, got 3"),
        ({"section_axis": 1}, "`section_axis` needs an axis of a 3-D image"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edge_masks(torch.zeros(1, 1, 4, 4), **options)


def test_bad_shapes_and_labels() -> None:
    with pytest.raises(ValueError, match="`masks` needs 2 or 3 spatial dimensions, got 1"):
        edge_masks(torch.zeros(1, 1, 4))
    with pytest.raises(ValueError, match="`classes` needs one of 'each', 'any', got 'all'"):
        label_edges(torch.zeros(1, 1, 4, 4), classes="all")
    with pytest.raises(ValueError, match="Was it resampled linearly"):
        label_edges(torch.full((1, 1, 4, 4), 0.4), 2)
