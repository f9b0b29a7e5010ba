# SPDX-License-Identifier: Apache-2.0
"""Exact Euclidean distances: to a set of voxels, and to the other side of a mask, by whichever library is at hand."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from monai_boundary._typing import BoolArray, FloatArray
from monai_boundary._validation import check_choice
from monai_boundary.kernels.other_side import lower_along

BACKENDS = ("auto", "numba", "simpleitk", "scipy", "edt", "cupy", "cucim", "torch")
BOX_BACKENDS = ("auto", "numba", "torch")  # those that measure to boxes

_MODULES = {"simpleitk": "SimpleITK", "scipy": "scipy", "edt": "edt", "cupy": "cupyx", "cucim": "cucim"}
_SMALL = 2**17  # voxels that one thread does sooner than several are started
_logger = logging.getLogger(__name__)


@functools.cache
def available_backends() -> tuple[str, ...]:
    """Return the names of the distance backends that run here; ``cupy`` and ``cucim`` need a CUDA device as well.

    Example:
        >>> "simpleitk" in available_backends(), "torch" in available_backends()
        (True, True)
    """
    found = [name for name, module in _MODULES.items() if importlib.util.find_spec(module) is not None]
    if not torch.cuda.is_available():
        found = [name for name in found if name not in ("cupy", "cucim")]
    return ("numba", *found, "torch")


def choose_backend(backend: str, device: torch.device | str = "cpu") -> str:
    """Return the backend that ``auto`` stands for: ``numba`` (a kernel of this library) on the CPU, ``torch`` on a GPU.

    Writes one line to the log of this module, at level INFO, when a backend is used for the first time in a process.

    Args:
        backend: ``auto``, or the name of a backend.
        device: where the masks are.

    Raises:
        ValueError: if the name is unknown.
        ImportError: if the backend is not installed here.

    Example:
        >>> choose_backend("auto")
        'numba'
    """
    check_choice("backend", backend, BACKENDS)
    if backend == "auto":
        backend = "numba" if torch.device(device).type == "cpu" else "torch"
    if backend not in available_backends():
        needs = " and a CUDA device" if backend in ("cupy", "cucim") else ""
        raise ImportError(
            f'`backend="{backend}"` needs the package {_MODULES[backend]}{needs}; here are: '
            f"{', '.join(available_backends())}."
        )
    _report(backend, torch.device(device).type)
    return backend


@functools.cache
def _report(backend: str, device: str) -> None:
    _logger.info("Distance maps by the backend %r on %s.", backend, device)


def other_side_distance(mask: Tensor, spacing: Sequence[float | None], backend: str, *, boxes: bool = True) -> Tensor:
    """Return the distance from each voxel's centre to the nearest voxel of the other side of a mask, on both sides.

    Args:
        mask: boolean, 2-D or 3-D.
        spacing: voxel size along each axis; ``None`` keeps an axis apart, so that each of its slices is an image of its
            own.
        backend: name of a backend, not ``auto``: what `choose_backend` returns; ``numba`` or ``torch`` for boxes.
        boxes: a voxel is the box around its centre: ``max(|d| - s/2, 0)`` along each axis. Otherwise its centre.

    Returns:
        float32, of the mask's shape and on its device; infinite where an image (or slice) has one side only.

    Example:
        >>> other_side_distance(torch.tensor([[0, 0, 0, 1]]).bool(), (1.0, 2.0), "numba").tolist()
        [[5.0, 3.0, 1.0, 1.0]]
    """
    if backend == "torch":
        return _tensor_other_side(mask, spacing, boxes)
    host = np.ascontiguousarray(mask.cpu().numpy())
    if backend == "numba":
        return torch.from_numpy(_numba_other_side(host, spacing, boxes)).to(mask.device)
    distance = np.full(host.shape, np.inf, dtype=np.float32)
    for where, sizes in _sections(host.shape, spacing):
        inside = np.ascontiguousarray(host[where])
        if inside.any() and not inside.all():
            to_object, to_rest = (distance_to_voxels(side, sizes, backend) for side in (inside, ~inside))
            distance[where] = np.where(inside, to_rest, to_object)
    return torch.from_numpy(distance).to(mask.device)


def voxel_distance(voxels: Tensor, spacing: Sequence[float | None], backend: str) -> Tensor:
    """Return the distance from each voxel's centre to the nearest centre of ``voxels``.

    Args:
        voxels: boolean, 2-D or 3-D.
        spacing: voxel size along each axis; ``None`` keeps an axis apart, so that each of its slices is an image of its
            own.
        backend: name of a backend, not ``auto``.

    Returns:
        float32, of the mask's shape and on its device; infinite where an image (or slice) has none.

    Example:
        >>> voxel_distance(torch.tensor([[0, 0, 0, 1]]).bool(), (1.0, 2.0), "scipy").tolist()
        [[6.0, 4.0, 2.0, 0.0]]
    """
    if backend == "torch":
        return tensor_distance(voxels, spacing)
    host = np.ascontiguousarray(voxels.cpu().numpy())
    distance = np.full(host.shape, np.inf, dtype=np.float32)
    if backend == "numba":
        distance = _numba_other_side(host, spacing, boxes=False)
        distance[host] = 0
    else:
        for where, sizes in _sections(host.shape, spacing):
            section = np.ascontiguousarray(host[where])
            if section.any():
                distance[where] = distance_to_voxels(section, sizes, backend)
    return torch.from_numpy(distance).to(voxels.device)


def _sections(
    shape: tuple[int, ...], spacing: Sequence[float | None]
) -> Iterator[tuple[tuple[int | slice, ...], list[float]]]:
    """Where each image lies that is one of its own, and its voxel sizes."""
    apart = [axis for axis, size in enumerate(spacing) if size is None]
    sizes = [size for size in spacing if size is not None]
    for index in itertools.product(*(range(shape[axis]) for axis in apart)):
        at = dict(zip(apart, index, strict=True))
        yield tuple(at.get(axis, slice(None)) for axis in range(len(shape))), sizes


def _numba_other_side(mask: BoolArray, spacing: Sequence[float | None], boxes: bool) -> FloatArray:
    squared = np.full(mask.shape, np.inf, dtype=np.float32)
    threads = torch.get_num_threads() if mask.size > _SMALL else 1
    for axis in reversed(range(mask.ndim)):  # the last axis lies in memory as it is walked
        size, length = spacing[axis], mask.shape[axis]
        if size is None or length == 0:
            continue
        lines = (math.prod(mask.shape[:axis]), length, math.prod(mask.shape[axis + 1 :]))
        step = functools.partial(lower_along, mask.reshape(lines), squared.reshape(lines), float(size), boxes)
        bounds = np.linspace(0, mask.size // length, threads + 1).astype(int).tolist()
        if threads == 1:
            step(*bounds)
            continue
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(step, bounds[:-1], bounds[1:]))
    return np.sqrt(squared, out=squared)


def distance_to_voxels(voxels: BoolArray, spacing: Sequence[float], backend: str) -> FloatArray:
    """Return the distance of each voxel to the nearest of ``voxels``, in the unit of ``spacing``, float32.

    Args:
        voxels: boolean, 2-D or 3-D, contiguous, at least one True.
        spacing: voxel size along each axis.
        backend: name of a backend, not ``auto``.
    """
    return _FUNCTIONS[backend](voxels, spacing)


def _numba(voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    if voxels.all():
        return np.zeros(voxels.shape, dtype=np.float32)
    distance = _numba_other_side(voxels, spacing, boxes=False)
    distance[voxels] = 0
    return distance


def _simpleitk(voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(voxels.view(np.uint8))
    image.SetSpacing([float(s) for s in reversed(spacing)])  # SimpleITK counts the axes from the last
    # The filter measures to those of `voxels` that touch another voxel, over corners too. All that lie outside them
    # see these first; those inside get a negative value, and are 0 for us.
    signed = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    del image
    distance: FloatArray = np.maximum(sitk.GetArrayViewFromImage(signed), np.float32(0))
    return distance


def _scipy(voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~voxels, sampling=spacing), dtype=np.float32)


def _edt(voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    import edt

    outside = np.ascontiguousarray(~voxels)
    distance = edt.edt(outside, anisotropy=tuple(spacing), black_border=False, parallel=torch.get_num_threads())
    return np.asarray(distance, dtype=np.float32)


def _gpu_array_library(transform: str, voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    import cupy  # type: ignore[import-not-found,unused-ignore]

    module, _, name = transform.rpartition(".")
    outside = cupy.asarray(~voxels)
    distance = getattr(importlib.import_module(module), name)(outside, sampling=tuple(spacing))
    return np.asarray(cupy.asnumpy(distance), dtype=np.float32)


def _torch(voxels: BoolArray, spacing: Sequence[float]) -> FloatArray:
    distance: FloatArray = tensor_distance(torch.from_numpy(np.ascontiguousarray(voxels)), spacing).numpy()
    return distance


def tensor_distance(voxels: Tensor, spacing: Sequence[float | None]) -> Tensor:
    """Return the distance of each voxel to the nearest of ``voxels``, on their device; infinite where there is none.

    Exact, and separable: along each axis the squared distance becomes min over k of f(i + k) + (k * spacing)^2, for
    growing k, until no voxel can gain. Four buffers of the size of ``voxels`` in float32, whatever the image.

    Args:
        voxels: boolean, (..., spatial).
        spacing: voxel size along each of the last axes; ``None`` keeps an axis apart, so that each of its slices is an
            image of its own.

    Example:
        >>> tensor_distance(torch.tensor([[0, 0, 1], [0, 0, 0]]).bool(), (2.0, 1.0))
        tensor([[2.0000, 1.0000, 0.0000],
                [2.8284, 2.2361, 2.0000]])
    """
    return _tensor_other_side(voxels, spacing, boxes=False).masked_fill_(voxels, 0.0)


def _tensor_other_side(mask: Tensor, spacing: Sequence[float | None], boxes: bool) -> Tensor:
    best = torch.full(mask.shape, torch.inf, device=mask.device)
    for axis, size in enumerate(spacing, start=mask.ndim - len(spacing)):
        if size is not None:
            best = _lower_along(best, mask, axis, float(size), 0.5 if boxes else 0.0)
    return best.sqrt_()


def _lower_along(squared: Tensor, mask: Tensor, axis: int, size: float, less: float) -> Tensor:
    """The step of one axis: voxels of the other side hold 0, and are ``less`` of a voxel nearer than their centres."""
    best = squared.clone()
    length = squared.shape[axis]
    for step in range(1, length):
        rise = ((step - less) * size) ** 2
        if step % 8 == 1 and not bool((best > rise).any()):
            break  # every voxel is nearer to something than the step is long
        low, high = mask.narrow(axis, 0, length - step), mask.narrow(axis, step, length - step)
        other = low != high
        for here, there in ((0, step), (step, 0)):
            target = best.narrow(axis, here, length - step)
            held = squared.narrow(axis, there, length - step).masked_fill(other, 0.0)
            torch.minimum(target, held.add_(rise), out=target)
    return best


_FUNCTIONS: dict[str, Callable[[BoolArray, Sequence[float]], FloatArray]] = {
    "numba": _numba,
    "simpleitk": _simpleitk,
    "scipy": _scipy,
    "edt": _edt,
    "cupy": functools.partial(_gpu_array_library, "cupyx.scipy.ndimage.distance_transform_edt"),
    "cucim": functools.partial(_gpu_array_library, "cucim.core.operations.morphology.distance_transform_edt"),
    "torch": _torch,
}
