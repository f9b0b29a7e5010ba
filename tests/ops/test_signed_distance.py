# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps: drawn, against brute force, SciPy, SimpleITK and recorded values, and laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monai_boundary.ops.signed_distance import batch_signed_distance, inner_border, signed_distance_map
from tests.oracles.signed_distance import face_distance, released_distance, signed_distance

GOLDEN = Path(__file__).parents[1] / "data" / "golden"

masks_2d = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7))
masks_3d = hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5))
masks = st.one_of(masks_2d, masks_3d)
sizes = st.one_of(st.floats(0.25, 4.0), st.sampled_from([0.01, 30.0]))


def test_drawn_map() -> None:
    mask = np.zeros((7, 7), dtype=bool)
    mask[1:6, 1:6] = True
    r, h = np.sqrt(0.5), 0.5
    rows = [[r, h, h, h, h, h, r], [h, -h, -h, -h, -h, -h, h], [h, -h, -1.5, -1.5, -1.5, -h, h]]
    wanted = np.array([*rows, [h, -h, -1.5, -2.5, -1.5, -h, h], rows[2], rows[1], rows[0]])
    np.testing.assert_allclose(signed_distance_map(mask), wanted, rtol=1e-6)


def test_drawn_map_of_thin_objects() -> None:
    """One voxel, a diagonal neighbour and a line, at 2 x 1 mm: negative in each of them."""
    mask = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 1]])
    h, r = 0.5, np.sqrt(1.25)
    wanted = [[-h, h, r, r, 1], [h, -h, h, h, -h], [r, 1, r, h, -h]]
    np.testing.assert_allclose(signed_distance_map(mask, (2.0, 1.0)), wanted, rtol=1e-6)


def test_drawn_map_to_the_border_voxels() -> None:
    mask = np.zeros((7, 7), dtype=bool)
    mask[1:6, 1:6] = True
    r = np.sqrt(2)
    rows = [[r, 1, 1, 1, 1, 1, r], [1, 0, 0, 0, 0, 0, 1], [1, 0, -1, -1, -1, 0, 1], [1, 0, -1, -2, -1, 0, 1]]
    wanted = np.array([*rows, rows[2], rows[1], rows[0]])
    np.testing.assert_allclose(signed_distance_map(mask, convention="border"), wanted, rtol=1e-6)


def test_half_a_millimetre_is_negative_inside() -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:7, 2:7] = True
    assert signed_distance_map(mask, 0.5)[4, [1, 2, 3, 4]].tolist() == [0.25, -0.25, -0.75, -1.25]
    assert signed_distance_map(mask, 0.5, convention="border")[4, [1, 2, 3, 4]].tolist() == [0.5, 0.0, -0.5, -1.0]
    # The released formula has the wrong sign on the border there.
    assert signed_distance_map(mask, 0.5, convention="released")[4, 2] == 0.5


def test_the_frame_is_no_background() -> None:
    mask = np.zeros((1, 6), dtype=bool)
    mask[:, :4] = True
    assert signed_distance_map(mask)[0].tolist() == [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5]
    assert signed_distance_map(mask, convention="border")[0].tolist() == [-3, -2, -1, 0, 1, 2]


def test_faces_connect_and_corners_do_not() -> None:
    """The voxel whose only background neighbour lies over a corner is no border."""
    mask = np.ones((3, 3), dtype=bool)
    mask[0, 0] = False
    assert inner_border(torch.from_numpy(mask)).int().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert signed_distance_map(mask, convention="border")[1, 1] == -1
    np.testing.assert_allclose(signed_distance_map(mask)[1, 1], -np.sqrt(0.5))  # to the faces' common corner


@given(mask=masks, data=st.data(), backend=st.sampled_from(["numba", "torch"]))
def test_equals_the_distance_to_every_face(mask: np.ndarray, data: st.DataObject, backend: str) -> None:
    spacing = data.draw(st.tuples(*[sizes] * mask.ndim))
    phi = signed_distance_map(mask, spacing, backend=backend)
    np.testing.assert_allclose(phi, face_distance(mask, spacing), rtol=1e-6)
    if mask.any() and not mask.all():
        assert (phi[mask] <= -np.float32(min(spacing)) / 2).all()
        assert (phi[~mask] >= np.float32(min(spacing)) / 2).all()


@given(mask=masks, data=st.data())
def test_equals_the_distance_to_every_border_voxel(mask: np.ndarray, data: st.DataObject) -> None:
    spacing = data.draw(st.tuples(*[sizes] * mask.ndim))
    phi = signed_distance_map(mask, spacing, convention="border")
    assert phi.dtype == np.float32
    np.testing.assert_allclose(phi, signed_distance(mask, spacing), rtol=1e-5, atol=1e-5)


@given(mask=masks)
def test_released_convention_equals_its_formula(mask: np.ndarray) -> None:
    phi = signed_distance_map(mask, convention="released")
    np.testing.assert_allclose(phi, released_distance(mask), rtol=1e-5, atol=1e-5)
    border = signed_distance_map(mask, convention="border")
    np.testing.assert_allclose(border[~mask], phi[~mask], atol=1e-5)
    assert (np.abs(border - phi) < 1).all()
    if mask.any() and not mask.all():  # the faces lie half a voxel before the other side's centres, or up to one
        less = np.abs(np.where(mask, phi - 1, phi)) - np.abs(signed_distance_map(mask))
        assert less.min() >= 0.5 - 1e-5
        assert less.max() <= np.sqrt(mask.ndim) / 2 + 1e-5


def test_released_convention_equals_the_recorded_map() -> None:
    golden = np.load(GOLDEN / "kervadec_distmap2d.npz")
    phi = batch_signed_distance(torch.from_numpy(golden["onehot"]), convention="released")
    np.testing.assert_allclose(phi.numpy(), golden["dist"], rtol=1e-6, atol=1e-6)
    assert not phi[1, 2].any()


def test_equals_simpleitk_on_its_own_border(rng: np.random.Generator) -> None:
    """SimpleITK's signed map of a box, whose border is the same by faces and by corners."""
    mask = np.zeros((14, 12, 10), dtype=bool)
    mask[3:11, 2:9, 3:8] = True
    spacing = (0.7, 1.1, 2.5)
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    wanted = sitk.GetArrayFromImage(sitk.SignedDanielssonDistanceMap(image, useImageSpacing=True))
    outside = ~mask
    theirs = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True))
    np.testing.assert_allclose(signed_distance_map(mask, spacing, convention="border"), theirs, atol=1e-4)
    assert (wanted[outside] > 0).all()


@given(mask=masks, factor=st.sampled_from([0.5, 2.0, 8.0]))
def test_scale_flip_and_transpose_commute(mask: np.ndarray, factor: float) -> None:
    spacing = (1.0, 0.75, 2.0)[: mask.ndim]
    phi = signed_distance_map(mask, spacing)
    np.testing.assert_allclose(signed_distance_map(mask, [factor * s for s in spacing]), factor * phi, rtol=1e-5)
    np.testing.assert_allclose(signed_distance_map(mask[::-1], spacing), phi[::-1], rtol=1e-5)
    np.testing.assert_allclose(signed_distance_map(mask.T, spacing[::-1]), phi.T, rtol=1e-5, atol=1e-6)


@given(mask=masks_3d, axis=st.integers(0, 2), convention=st.sampled_from(["faces", "border", "released"]))
def test_section_axis_gives_the_maps_of_the_slices(mask: np.ndarray, axis: int, convention: str) -> None:
    spacing = (1.0, 0.75, 2.0)
    flat = [s for a, s in enumerate(spacing) if a != axis]
    slices = [signed_distance_map(s, flat, convention=convention) for s in np.moveaxis(mask, axis, 0)]
    wanted = np.moveaxis(np.stack(slices), 0, axis)
    for backend in ("numba", "torch") if convention == "faces" else ("numba", "scipy", "torch"):
        phi = signed_distance_map(mask, spacing, convention=convention, section_axis=axis, backend=backend)
        np.testing.assert_allclose(phi, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("convention", ["faces", "border", "released"])
@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_are_zero(convention: str, value: int) -> None:
    assert not signed_distance_map(np.full((4, 5, 6), value), convention=convention).any()


def test_a_volume_of_one_slice_equals_the_slice(rng: np.random.Generator) -> None:
    mask = rng.random((9, 8)) > 0.4
    np.testing.assert_array_equal(signed_distance_map(mask[None], (5, 1, 2))[0], signed_distance_map(mask, (1, 2)))


def test_clip_and_normalise() -> None:
    mask = np.zeros((2, 11), dtype=bool)
    mask[:, 4] = True
    phi = signed_distance_map(mask, (1.0, 2.0))
    assert phi.max() == 11
    np.testing.assert_array_equal(signed_distance_map(mask, (1.0, 2.0), clip=5), np.clip(phi, -5, 5))
    np.testing.assert_allclose(signed_distance_map(mask, (1.0, 2.0), normalise="max"), phi / 11)
    np.testing.assert_allclose(signed_distance_map(mask, (1.0, 2.0), normalise="diagonal"), phi / np.hypot(2, 22))
    np.testing.assert_allclose(signed_distance_map(mask, (1.0, 2.0), clip=4, normalise="max"), np.clip(phi, -4, 4) / 4)
    full = np.ones((2, 3, 3), dtype=bool)
    full[0, 0, 0] = False  # the second slice is full: it stays 0, and is not divided by 0
    assert not signed_distance_map(full, section_axis=0, normalise="max")[1].any()


def test_a_batch_is_its_items_with_their_spacings(rng: np.random.Generator) -> None:
    target = rng.random((2, 3, 6, 7)) > 0.5
    spacings = [(1.0, 2.0), (0.5, 0.5)]
    maps = batch_signed_distance(torch.from_numpy(target), spacings)
    for item, channel in np.ndindex(2, 3):
        single = signed_distance_map(target[item, channel], spacings[item])
        np.testing.assert_array_equal(maps[item, channel].numpy(), single)


@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize(
    ("convention", "wanted"),
    [("faces", [-2.5, -1.5, 0, 1.5, 2.5]), ("border", [0] * 5), ("released", [-2, -1, 0, 2, 3])],
)
def test_unknown_voxels_are_on_neither_side(convention: str, wanted: list[float], backend: str) -> None:
    """A voxel that nobody labelled lies between: no border is drawn at it, and the way leads through it."""
    target, known = torch.tensor([[[[1, 1, 0, 0, 0]]]]), torch.tensor([[[[1, 1, 0, 1, 1]]]])
    phi = batch_signed_distance(target, convention=convention, known=known, backend=backend)
    assert phi.flatten().tolist() == wanted
    either = torch.where(known > 0, target, 1)  # what stands there does not matter
    assert torch.equal(batch_signed_distance(either, convention=convention, known=known, backend=backend), phi)
    for alone in (target, 1 - target):  # with nothing known of the other side there is no border
        only = batch_signed_distance(target, convention=convention, known=alone, backend=backend)
        assert not only.any()


@given(mask=masks, data=st.data())
def test_unknown_voxels_against_brute_force(mask: np.ndarray, data: st.DataObject) -> None:
    spacing = data.draw(st.tuples(*[sizes] * mask.ndim))
    known = data.draw(hnp.arrays(bool, mask.shape))
    wanted = np.zeros(mask.shape)
    for voxel in zip(*np.nonzero(known), strict=True):
        others = np.argwhere(known & (mask != mask[voxel]))
        if (known & mask).any() and (known & ~mask).any():
            away = np.maximum(np.abs(others - np.array(voxel)) - 0.5, 0) * spacing
            wanted[voxel] = np.sqrt((away**2).sum(1)).min() * (-1 if mask[voxel] else 1)
    phi = batch_signed_distance(torch.from_numpy(mask)[None, None], spacing, known=torch.from_numpy(known)[None, None])
    np.testing.assert_allclose(phi[0, 0], wanted, rtol=1e-6)


def test_half_precision_keeps_what_it_says(rng: np.random.Generator) -> None:
    target = torch.zeros(1, 1, 300, 4)
    target[:, :, 20:24] = 1
    full = batch_signed_distance(target, 0.9)
    half = batch_signed_distance(target, 0.9, dtype=torch.float16)
    assert half.dtype == torch.float16
    error = (half.float() - full).abs()
    assert float(error[full.abs() < 64].max()) <= 0.016
    assert float(error[full.abs() < 256].max()) <= 0.0625
    with pytest.raises(ValueError, match=r"`dtype` needs to be float32 for distances up to 110200"):
        batch_signed_distance(target, 400.0, dtype=torch.float16)


@pytest.mark.parametrize(
    ("mask", "options", "message"),
    [
        (np.full((3, 3), 0.5), {}, r"`label` needs 0 and 1 .* got 0.5. Was it resampled linearly"),
        (np.full((3, 3), np.nan), {}, "`label` needs 0 and 1 .* got nan"),
        (np.full((3, 3), 2), {}, "`label` needs 0 and 1 .* got 2. Give `num_classes`"),
        (np.zeros(3), {}, "`mask` needs 2 or 3 spatial dimensions, got 1"),
        (np.zeros((3, 3)), {"spacing": (1, 2, 3)}, r"`spacing` needs 2 entries \(mm per axis\), got 3"),
        (np.zeros((3, 3)), {"spacing": (1, np.nan)}, "`spacing` needs finite entries"),
        (np.zeros((3, 3)), {"convention": "outer"}, "`convention` needs one of 'faces', 'border', 'released', got"),
        (
            np.zeros((3, 3)),
            {"backend": "edt"},
            "`backend` needs one of 'auto', 'numba', 'torch' for `convention=\"faces",
        ),
        (np.zeros((3, 3)), {"normalise": "mean"}, "`normalise` needs one of None, 'max', 'diagonal'"),
        (np.zeros((3, 3)), {"backend": "gpu"}, "`backend` needs one of 'auto'"),
        (np.zeros((3, 3)), {"clip": 0}, "`clip` needs a finite number > 0"),
        (np.zeros((3, 3)), {"section_axis": 0}, "`section_axis` needs an axis of a 3-D image"),
    ],
)
def test_bad_input(mask: np.ndarray, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        signed_distance_map(mask, **options)


def test_bad_batches() -> None:
    with pytest.raises(TypeError, match="`mask` needs a boolean"):
        signed_distance_map(np.array([["a"]]))
    with pytest.raises(ValueError, match="`spacing` needs one entry for each of 2 items, got 1"):
        batch_signed_distance(torch.zeros(2, 1, 3, 3), [(1.0, 1.0)])
    with pytest.raises(ValueError, match=r"`dtype` needs torch.float32 or torch.float16, got torch.int32"):
        batch_signed_distance(torch.zeros(2, 1, 3, 3), dtype=torch.int32)
    with pytest.raises(ValueError, match="`known` needs the shape of `target, with one channel`"):
        batch_signed_distance(torch.zeros(2, 1, 3, 3), known=torch.ones(1, 1, 3, 3))


@pytest.mark.parametrize("convention", ["faces", "border", "released"])
def test_dtypes_layouts_and_empty_batches(convention: str, rng: np.random.Generator) -> None:
    mask = rng.random((6, 5, 1)) < 0.4
    wanted = signed_distance_map(mask, (1.0, 2.0, 3.0), convention=convention)
    np.testing.assert_array_equal(wanted[..., 0], signed_distance_map(mask[..., 0], (1.0, 2.0), convention=convention))
    turned = signed_distance_map(mask.T[::-1], (3.0, 2.0, 1.0), convention=convention)
    np.testing.assert_array_equal(turned.T[..., ::-1], wanted)
    tensor = torch.from_numpy(mask)[None, None]
    for dtype in (torch.bfloat16, torch.float16, torch.uint16, torch.uint32, torch.int64, torch.uint8):
        maps = batch_signed_distance(tensor.to(dtype), (1.0, 2.0, 3.0), convention=convention)
        np.testing.assert_array_equal(maps[0, 0], wanted)
    permuted = batch_signed_distance(tensor.permute(0, 1, 4, 2, 3), (3.0, 1.0, 2.0), convention=convention)
    np.testing.assert_allclose(permuted.permute(0, 1, 3, 4, 2)[0, 0], wanted, rtol=1e-6)
    assert batch_signed_distance(tensor[:0], convention=convention).shape == (0, 1, 6, 5, 1)
    assert batch_signed_distance(tensor[:, :, :0], convention=convention).shape == (1, 1, 0, 5, 1)
