# SPDX-License-Identifier: Apache-2.0
"""The minimum barrier distance the slow way: exact by brute force, and front propagation with plain queues."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy import ndimage


def faces(shape, voxel):
    """Yield the face neighbours inside the image, along the axes in order, lower side first."""
    for axis in range(len(shape)):
        for step in (-1, 1):
            other = list(voxel)
            other[axis] += step
            if 0 <= other[axis] < shape[axis]:
                yield tuple(other)


def exact_distance(image, seeds):
    """Return the exact MBD: a path within [low, high] has a barrier of at most high - low, so try all intervals."""
    best = np.full(image.shape, 999)
    values = np.unique(image)
    for low in values:
        for high in values[values >= low]:
            parts, _ = ndimage.label((image >= low) & (image <= high))
            reached = np.unique(parts[seeds > 0])
            inside = np.isin(parts, reached[reached > 0])
            best[inside] = np.minimum(best[inside], int(high) - int(low))
    return best


def front_distance(image, seeds, domain=None):
    """Return distance and label by front propagation with one deque per cost, entries left to go stale."""
    distance, label = np.full(image.shape, 999), np.zeros(image.shape, int)
    top, bottom = image.astype(int), image.astype(int)
    done = np.zeros(image.shape, bool) if domain is None else ~domain
    queues = [deque() for _ in range(256)]
    for voxel in zip(*np.nonzero(seeds), strict=True):
        distance[voxel], label[voxel] = 0, seeds[voxel]
        queues[0].append(voxel)
    for cost, queue in enumerate(queues):
        while queue:
            voxel = queue.popleft()
            if done[voxel] or distance[voxel] != cost:
                continue
            done[voxel] = True
            for other in faces(image.shape, voxel):
                if done[other]:
                    continue
                high, low = max(top[voxel], int(image[other])), min(bottom[voxel], int(image[other]))
                if high - low < distance[other]:
                    distance[other], top[other], bottom[other] = high - low, high, low
                    label[other] = label[voxel]
                    queues[high - low].append(other)
    return distance, label


def cut(image, seed_map, cells, neighbours, region, whole):
    """Return the cut-out region and its contour as masks, by the definition."""
    domain = None if whole else np.isin(cells, [region, *neighbours])
    fore, _ = front_distance(image, seed_map * (seed_map == region), domain)
    back, _ = front_distance(image, seed_map * np.isin(seed_map, neighbours), domain)
    parts, _ = ndimage.label(fore < back)
    mask = parts == parts[seed_map == region][0]
    contour = ndimage.binary_dilation(mask) & ~mask
    return mask, contour
