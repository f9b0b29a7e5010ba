# SPDX-License-Identifier: Apache-2.0
"""Where components and holes of a probability map appear and vanish as a threshold falls: persistence pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_boundary._extras import pip_line
from monai_boundary._typing import AnyArray, LongArray
from monai_boundary._validation import check_spatial_dims


def persistence_pairs(probability: AnyArray) -> list[LongArray]:
    """Return the voxels at which each topological feature is born and dies while the threshold falls from 1 to 0.

    The foreground at threshold t is the voxels with a probability of at least t, connected over faces (4/6). A
    component is born at its highest voxel and dies where it meets one that is older; a hole (2-D) or tunnel (3-D) is
    born where its ring closes and dies where it is filled; 3-D has cavities too. GUDHI computes (cubical complex).

    Args:
        probability: one map, 2-D or 3-D.

    Returns:
        For each dimension 0..ndim - 1, the indices of birth and death in the flattened map (array order), (K, 2). The
        last component never dies: its death is -1. Features of no length are left out.

    Raises:
        ImportError: if GUDHI is not installed (``pip install monai-boundary[topology]``).
        ValueError: if the map is not 2-D or 3-D, empty, or holds NaN.

    Example:
        >>> import numpy as np
        >>> pairs = persistence_pairs(np.array([[0.9, 0.2, 0.7, 0.1]]))
        >>> [p.tolist() for p in pairs]
        [[[2, 1], [0, -1]], []]
    """
    values = np.asarray(probability)
    check_spatial_dims("probability", values.ndim)
    if not values.size or np.isnan(values).any():
        raise ValueError(f"`probability` needs at least one voxel and no NaN, got shape {values.shape}.")
    try:
        import gudhi
    except ImportError as error:
        raise ImportError(f"persistent homology needs GUDHI: {pip_line('topology')}") from error
    cubes: Any = gudhi.CubicalComplex(vertices=1.0 - values.astype(np.float64))
    cubes.compute_persistence(min_persistence=0.0)
    finite, endless = cubes.vertices_of_persistence_pairs()
    pairs = []
    for dimension in range(values.ndim):
        some, lasting = (np.asarray(g[dimension] if dimension < len(g) else [], np.int64) for g in (finite, endless))
        found_here = _in_array_order(some.reshape(-1, 2), values.shape)
        never = np.stack([_in_array_order(lasting, values.shape), np.full(lasting.shape, -1)], axis=-1).reshape(-1, 2)
        pairs.append(np.concatenate([found_here, never]))
    return pairs


def _in_array_order(index: LongArray, shape: tuple[int, ...]) -> LongArray:
    """GUDHI counts the first axis fastest."""
    turned: LongArray = np.ravel_multi_index(np.unravel_index(index, shape, order="F"), shape).astype(np.int64)
    return turned
