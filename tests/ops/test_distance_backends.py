# SPDX-License-Identifier: Apache-2.0
"""All backends give the same numbers (SimpleITK nearly), and say which of them ran."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from monai_boundary.ops import distance_backends as backends
from monai_boundary.ops.signed_distance import signed_distance_map

ALL = [name for name in backends.BACKENDS if name != "auto"]
SHAPES = ((13, 17), (7, 11, 9), (1, 9, 8), (6, 1, 7))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_all_backends_give_the_same_numbers(backend: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    if backend not in backends.available_backends():
        pytest.skip(f"{backend} is not here")
    spacing = (0.7, 1.3, 3.0)[-len(shape) :]
    for density in (0.02, 0.5, 0.98):
        mask = rng.random(shape) < density
        mask.flat[0], mask.flat[-1] = True, False
        wanted = ndimage.distance_transform_edt(~mask, sampling=spacing)
        near = 1e-3 if backend == "simpleitk" else 1e-6
        np.testing.assert_allclose(backends.distance_to_voxels(mask, spacing, backend), wanted, rtol=near)
        for convention in ("border", "released"):
            phi = signed_distance_map(mask, spacing, convention=convention, backend=backend)
            reference = signed_distance_map(mask, spacing, convention=convention, backend="scipy")
            np.testing.assert_allclose(phi, reference, rtol=near, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 50), (30, 20, 25)], ids=str)
def test_boxes_against_scipy_on_half_the_spacing(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """The points of a lattice of half the spacing that lie in a closed box are the nearest of it."""
    spacing = (0.7, 1.3, 9.0)[-len(shape) :]
    mask = rng.random(shape) < 0.01
    lattice = np.zeros([2 * n + 1 for n in shape], dtype=bool)
    for voxel in np.argwhere(mask):
        lattice[tuple(slice(2 * i, 2 * i + 3) for i in voxel)] = True
    fine = ndimage.distance_transform_edt(~lattice, sampling=[s / 2 for s in spacing])
    wanted = fine[(slice(1, None, 2),) * mask.ndim]
    for backend in ("numba", "torch"):
        ours = backends.other_side_distance(torch.from_numpy(mask), spacing, backend).numpy()
        np.testing.assert_allclose(ours[~mask], wanted[~mask], rtol=1e-6)


def test_threads_do_not_change_a_number(rng: np.random.Generator) -> None:
    mask = torch.from_numpy(rng.random((64, 64, 64)) < 0.001)
    threads = torch.get_num_threads()
    try:
        results = []
        for number in (1, 3):
            torch.set_num_threads(number)
            results.append(backends.other_side_distance(mask, (1.0, 2.0, 0.3), "numba"))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_layout_in_memory_does_not_matter(rng: np.random.Generator) -> None:
    mask = rng.random((12, 9)) < 0.2
    for backend in backends.available_backends():
        options: dict[str, Any] = {"spacing": (1.0, 2.0), "backend": backend, "convention": "border"}
        wanted = signed_distance_map(mask, **options)
        np.testing.assert_array_equal(signed_distance_map(np.asfortranarray(mask), **options), wanted)


def test_tensor_distance_without_voxels_is_infinite() -> None:
    assert torch.isinf(backends.tensor_distance(torch.zeros(3, 4, dtype=torch.bool), (1.0, 1.0))).all()


def test_tensor_distance_keeps_an_axis_apart() -> None:
    voxels = torch.tensor([[1, 0, 0], [0, 0, 0]]).bool()
    assert backends.tensor_distance(voxels, (None, 2.0)).tolist() == [[0, 2, 4], [torch.inf] * 3]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensor_distance_on_cuda(rng: np.random.Generator) -> None:
    voxels = torch.from_numpy(rng.random((20, 30, 10)) < 0.01)
    on_device = backends.tensor_distance(voxels.cuda(), (1.0, 0.5, 2.0))
    assert on_device.is_cuda
    torch.testing.assert_close(on_device.cpu(), backends.tensor_distance(voxels, (1.0, 0.5, 2.0)))


def test_auto_by_device() -> None:
    assert backends.choose_backend("auto") == "numba"
    assert backends.choose_backend("auto", device="cuda") == "torch"
    assert backends.choose_backend("scipy", device="cuda") == "scipy"


def test_says_once_which_ran(caplog: pytest.LogCaptureFixture) -> None:
    backends._report.cache_clear()
    with caplog.at_level(logging.INFO, logger="monai_boundary.ops.distance_backends"):
        for _ in range(3):
            signed_distance_map(np.eye(4), backend="numba")
    assert [record.getMessage() for record in caplog.records] == ["Distance maps by the backend 'numba' on cpu."]


def test_a_backend_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "available_backends", lambda: ("scipy", "torch"))
    with pytest.raises(ImportError, match=r'`backend="edt"` needs the package edt; here are: scipy, torch'):
        signed_distance_map(np.eye(4), backend="edt", convention="border")
    with pytest.raises(ImportError, match="needs the package cupyx and a CUDA device"):
        signed_distance_map(np.eye(4), backend="cupy", convention="border")
