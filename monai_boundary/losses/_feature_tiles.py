# SPDX-License-Identifier: Apache-2.0
"""The distance of two images in a network's features, tile by tile: a tile's features stay in the processor's cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

Features = Callable[[Tensor], list[Tensor]]
_SIDE = 128  # see `tests/benchmarks`; 3-D, where the convolutions are most of the time, gains nothing


def tiling_helps(probability: Tensor) -> bool:
    """Tell whether `tiled_distances` is faster: on a 2-D image on the CPU that is larger than a tile.

    Args:
        probability: (B, C, spatial).
    """
    plain = probability.device.type == "cpu" and not torch.compiler.is_compiling()
    return plain and probability.ndim == 4 and max(probability.shape[2:]) > _SIDE


def tiled_distances(
    probability: Tensor, masks: Tensor, features: Features, weights: Sequence[float], averaged: bool
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum over layers of the L1 distances of features, (B,), and the distances, (layers, B).

    The gradient is that of the sum, and is computed with it. A derivative of the gradient computes the features again,
    of the whole image and with the graph.

    Args:
        probability: (B, C, spatial).
        masks: the truth, of the same shape.
        features: gives the layers; layer l reaches l voxels far, and each has the spatial shape of its input.
        weights: of each layer that ``features`` gives.
        averaged: the distance is the mean over channels and voxels, else the sum.
    """
    each, distances = _TiledDistances.apply(probability, masks, features, tuple(weights), averaged)
    return each, distances


def whole_distances(
    probability: Tensor, masks: Tensor, features: Features, weights: Sequence[float], averaged: bool
) -> tuple[Tensor, Tensor]:
    """Return what `tiled_distances` does, from the features of the whole image."""
    with torch.no_grad():
        wanted = features(masks.to(probability.dtype))
    apart = [(a - b).abs().flatten(1) for a, b in zip(features(probability), wanted, strict=True)]
    distances = torch.stack([a.mean(1) if averaged else a.sum(1) for a in apart])
    each = torch.as_tensor(sum(weight * d for weight, d in zip(weights, distances, strict=True) if weight))
    return each, distances


class _TiledDistances(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, probability: Tensor, masks: Tensor, features: Features, weights: tuple[float, ...], averaged: bool
    ) -> tuple[Tensor, Tensor]:
        wanted = ctx.needs_input_grad[0]
        gradient = torch.zeros_like(probability) if wanted else None
        distances = probability.new_zeros((len(weights), len(probability)))
        voxels = probability[0, 0].numel()
        for item, (outer, inner) in itertools.product(
            range(len(probability)), _tiles(probability.shape[2:], len(weights))
        ):
            place = (slice(item, item + 1), slice(None), *outer)
            truth = features(masks[place].to(probability.dtype))
            inside = (slice(None), slice(None), *inner)
            with torch.set_grad_enabled(wanted):
                tile = probability[place].detach().requires_grad_(wanted)
                pairs = [(a[inside], b[inside]) for a, b in zip(features(tile), truth, strict=True)]
                found = [(a - b).abs().sum() / (voxels * a.shape[1] if averaged else 1) for a, b in pairs]
                if gradient is not None:
                    total = sum(weight * d for weight, d in zip(weights, found, strict=True) if weight)
                    gradient[place] += torch.autograd.grad(torch.as_tensor(total), tile)[0]
            distances[:, item] += torch.stack(found).detach()
        ctx.save_for_backward(gradient, probability, masks)
        ctx.again = features, weights, averaged
        ctx.mark_non_differentiable(distances)
        return (distances * distances.new_tensor(weights)[:, None]).sum(0), distances

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        gradient, probability, masks = ctx.saved_tensors
        scale = gradients[0]
        if torch.is_grad_enabled():  # create_graph: somebody wants the curvature
            total, _ = whole_distances(probability, masks, *ctx.again)
            return torch.autograd.grad(total, probability, scale, create_graph=True)[0], None, None, None, None
        return gradient * scale.view(-1, *[1] * (gradient.ndim - 1)), None, None, None, None


def _tiles(shape: Sequence[int], halo: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Tiles that cover an image: where each is with the voxels around it that it sees, and where it is within that."""
    along = [
        [
            (slice(max(0, start - halo), start + _SIDE + halo), slice(min(start, halo), min(start, halo) + _SIDE))
            for start in range(0, size, _SIDE)
        ]
        for size in shape
    ]
    for parts in itertools.product(*along):
        yield tuple(outer for outer, _ in parts), tuple(inner for _, inner in parts)
