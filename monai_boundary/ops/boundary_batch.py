# SPDX-License-Identifier: Apache-2.0
"""The boundary weights of a batch of tensors: devices, copies and threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary._typing import AnyArray, FloatArray
from monai_boundary._validation import check_image_batch, check_same_shape
from monai_boundary.ops.barrier_contour import boundary_weights, check_seeds
from monai_boundary.ops.plain_tensor import plain_tensor
from monai_boundary.ops.regions import label_regions, region_seeds, seed_map

_FIT_INT32 = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32)


def batch_boundary_weights(
    probability: Tensor,
    target: Tensor,
    *,
    seeds: Tensor | Sequence[Any] | None = None,
    regions: Tensor | None = None,
    cells: Tensor | None = None,
    contour: str = "leak",
    contour_width: int | Sequence[int] | None = None,
    region_reduction: str = "mean",
    balance: bool = False,
) -> Tensor:
    """`boundary_weights` of every item and channel of a batch.

    Everything on a CUDA device goes to the host in one copy, as int32, and the weights come back in one. The items
    run in threads (the kernels hold no lock). No gradient flows.

    Args:
        probability: membrane probability in [0, 1], (B, C, H, W[, D]).
        target: true membrane in [0, 1], same shape; membrane where above 0.5.
        seeds: seed maps of the same shape, or for each item (and channel) the seeds' voxel indices (K, ndim). Derived
            from the target if not given.
        regions: true regions of the same shape.
        cells: nearest-region ids of the same shape.
        contour: ``"partition"``: where the fronts of all seeds meet. ``"per_region"``: the paper's cut of each region
            against its neighbours. ``"leak"``: the membrane near voxels that a foreign front took.
        contour_width: width of the contours in voxels, odd (for ``"leak"``: how near to leaked voxels the membrane
            counts); one number or one per axis; 1, or 3 for ``"leak"``.
        region_reduction: ``"mean"`` or ``"sum"`` over the regions that have a contour.
        balance: give membrane and other voxels of a contour half of its weight each.

    Returns:
        Weights of the same shape and device, float32.

    Raises:
        ValueError: for NaN or values outside [0, 1], shapes that differ, seeds outside the image, overlapping, or on
            the membrane.

    Example:
        >>> wall = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
        >>> batch_boundary_weights(wall, wall, contour="per_region")
        tensor([[[[0., 0., 1., 0., 0.]]]])
    """
    shape = tuple(probability.shape)
    check_image_batch("probability", shape)
    check_same_shape("target", target.shape, "probability", shape)
    count = shape[0] * shape[1]
    points = None if seeds is None or isinstance(seeds, Tensor) else seeds
    if points is not None and len(points) != count:
        raise ValueError(f"`seeds` needs one list of seeds for each of {count} items, got {len(points)}.")
    maps = {"seeds": seeds, "regions": regions, "cells": cells}
    tensors = {name: plain_tensor(value) for name, value in maps.items() if isinstance(value, Tensor)}
    for name, value in tensors.items():
        check_same_shape(name, value.shape, "target", shape)
    known = torch.nan_to_num(probability.detach().float(), nan=-1.0, posinf=2.0, neginf=-1.0)
    steps = torch.floor(255 * known)
    wall = torch.where((target >= 0) & (target <= 1), (target > 0.5).to(torch.int32), -1)
    arrays = _to_host({"probability": steps.to(torch.int32), "target": wall, **tensors})
    _check_range("probability", arrays["probability"], 255, probability)
    _check_range("target", arrays["target"], 1, target)
    items = {name: array.reshape(count, *shape[2:]) for name, array in arrays.items()}
    out = np.empty((count, *shape[2:]), dtype=np.float32)

    options = {
        "contour": contour,
        "contour_width": contour_width,
        "region_reduction": region_reduction,
        "balance": balance,
    }

    def work(i: int) -> None:
        item = {name: array[i] for name, array in items.items()}
        if points is not None:
            item["seeds"] = seed_map(np.asarray(points[i]), shape[2:])
        out[i] = _item_weights(item, options)

    if count == 1:
        work(0)
    else:
        with ThreadPoolExecutor(min(count, os.cpu_count() or 1)) as pool:
            list(pool.map(work, range(count)))
    return torch.from_numpy(out.reshape(shape)).to(probability.device)


def _item_weights(item: dict[str, AnyArray], options: dict[str, Any]) -> FloatArray:
    membrane = item["target"] > 0
    if "seeds" not in item:
        item.setdefault("regions", label_regions(~membrane))
        item["seeds"] = region_seeds(item["regions"])
    check_seeds("seeds", item["seeds"], membrane)
    return boundary_weights(
        item["probability"].astype(np.uint8),
        membrane,
        item["seeds"],
        regions=item.get("regions"),
        cells=item.get("cells"),
        **options,
    )


def _to_host(tensors: dict[str, Tensor], host: str = "cpu") -> dict[str, AnyArray]:
    """Return the tensors as arrays; all that is not on the ``host`` comes in one copy."""
    away = {name: value for name, value in tensors.items() if value.device.type != host}
    arrays = {name: value.detach().numpy() for name, value in tensors.items() if name not in away}
    if away:
        device = next(iter(away.values())).device
        small = all(value.dtype in _FIT_INT32 for value in away.values())
        whole = torch.int32 if small else torch.int64
        stack = torch.stack([value.detach().to(device, whole) for value in away.values()])
        arrays.update(zip(away, stack.cpu().numpy(), strict=True))
    return arrays


def _check_range(name: str, steps: AnyArray, top: int, tensor: Tensor) -> None:
    if steps.size and (steps.min() < 0 or steps.max() > top):
        nans = int(torch.isnan(tensor).sum())
        low, high = (float(v) for v in torch.aminmax(torch.nan_to_num(tensor.detach())))
        raise ValueError(f"`{name}` needs values in [0, 1], got {low:g} to {high:g} and {nans} NaN.")
