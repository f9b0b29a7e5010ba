# SPDX-License-Identifier: Apache-2.0
"""Exact Euclidean distance to a set of voxels, by whichever library is at hand. All give the same numbers."""

from __future__ import annotations

import functools
import importlib.util
import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from monai_boundary._typing import BoolArray, FloatArray
from monai_boundary._validation import check_choice

BACKENDS = ("auto", "simpleitk", "scipy", "edt", "cupy", "cucim", "torch")

_MODULES = {"simpleitk": "SimpleITK", "scipy": "scipy", "edt": "edt", "cupy": "cupyx", "cucim": "cucim"}
_SMALL = 2**17
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
    return (*found, "torch")


def choose_backend(backend: str, device: torch.device | str = "cpu", voxels: int | None = None) -> str:
    """Return the backend that ``auto`` stands for: ``simpleitk`` on the CPU, ``torch`` on a GPU.

    On the CPU, ``auto`` takes ``scipy`` for images of fewer than 2^17 voxels (a slice of 256 x 256), where starting
    SimpleITK's filters takes longer than the work.

    Writes one line to the log of this module, at level INFO, when a backend is used for the first time in a process.

    Args:
        backend: ``auto``, or the name of a backend.
        device: where the masks are.
        voxels: number of voxels of one image, where known.

    Raises:
        ValueError: if the name is unknown.
        ImportError: if the backend is not installed here.

    Example:
        >>> choose_backend("auto")
        'simpleitk'
    """
    check_choice("backend", backend, BACKENDS)
    if backend == "auto":
        small = voxels is not None and voxels < _SMALL
        backend = "torch" if torch.device(device).type != "cpu" else "scipy" if small else "simpleitk"
    if backend not in available_backends():
        needs = "" if backend in ("simpleitk", "scipy", "edt") else " and a CUDA device"
        raise ImportError(
            f'`backend="{backend}"` needs the package {_MODULES[backend]}{needs}; here are: '
            f"{', '.join(available_backends())}."
        )
    _report(backend, torch.device(device).type)
    return backend


@functools.cache
def _report(backend: str, device: str) -> None:
    _logger.info("Distance maps by the backend %r on %s.", backend, device)


def distance_to_voxels(voxels: BoolArray, spacing: Sequence[float], backend: str) -> FloatArray:
    """Return the distance of each voxel to the nearest of ``voxels``, in the unit of ``spacing``, float32.

    Args:
        voxels: boolean, 2-D or 3-D, contiguous, at least one True.
        spacing: voxel size along each axis.
        backend: as `choose_backend` returns it.
    """
    return _FUNCTIONS[backend](voxels, spacing)


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
    growing k, until no voxel can gain. Two buffers of the size of ``voxels`` in float32, whatever the image.

    Args:
        voxels: boolean, (..., spatial).
        spacing: voxel size along each of the last axes; ``None`` keeps an axis apart, so that each of its slices is an
            image of its own.

    Example:
        >>> tensor_distance(torch.tensor([[0, 0, 1], [0, 0, 0]]).bool(), (2.0, 1.0))
        tensor([[2.0000, 1.0000, 0.0000],
                [2.8284, 2.2361, 2.0000]])
    """
    best = torch.where(voxels, 0.0, torch.inf)
    for axis, size in enumerate(spacing, start=voxels.ndim - len(spacing)):
        if size is not None:
            best = _lower_along(best, axis, float(size))
    return best.sqrt_()


def _lower_along(squared: Tensor, axis: int, size: float) -> Tensor:
    """The lower envelope of the parabolas that stand on ``squared`` along one axis."""
    best = squared.clone()
    length = squared.shape[axis]
    for step in range(1, length):
        rise = (step * size) ** 2
        if step % 8 == 1 and not bool((best > rise).any()):
            break  # every voxel is nearer to something than the step is long
        for here, there in ((0, step), (step, 0)):
            target = best.narrow(axis, here, length - step)
            torch.minimum(target, squared.narrow(axis, there, length - step) + rise, out=target)
    return best


_FUNCTIONS: dict[str, Callable[[BoolArray, Sequence[float]], FloatArray]] = {
    "simpleitk": _simpleitk,
    "scipy": _scipy,
    "edt": _edt,
    "cupy": functools.partial(_gpu_array_library, "cupyx.scipy.ndimage.distance_transform_edt"),
    "cucim": functools.partial(_gpu_array_library, "cucim.core.operations.morphology.distance_transform_edt"),
    "torch": _torch,
}
