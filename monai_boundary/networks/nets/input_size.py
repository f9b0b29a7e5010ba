# SPDX-License-Identifier: Apache-2.0
"""The check of what goes into a network: its messages say which channels and which size it takes."""

from __future__ import annotations

from torch import Tensor


def check_input(x: Tensor, in_channels: int, strides: list[int]) -> None:
    """Raise ``ValueError`` unless ``x`` is (B, in_channels, spatial) with sizes that the strides divide.

    The deepest level needs two voxels, because a normalisation over one has nothing to compare. TorchScript compiles
    this function.

    Args:
        x: what goes into the network.
        in_channels: the channels it was built for.
        strides: the product of the strides, per axis.
    """
    if x.ndim != len(strides) + 2:
        raise ValueError(f"`x` needs shape (B, C, spatial) with {len(strides)} spatial axes, got {x.ndim} axes in all.")
    if x.shape[1] != in_channels:
        raise ValueError(f"`x` needs {in_channels} channels (`in_channels`), got {x.shape[1]}.")
    spatial = list(x.shape[2:])
    fits = True
    deepest = 1
    for axis in range(len(strides)):
        fits = fits and spatial[axis] >= strides[axis] and spatial[axis] % strides[axis] == 0
        deepest *= spatial[axis] // strides[axis]
    if not fits or deepest < 2:
        least = strides[:-1] + [2 * strides[-1]]  # noqa: RUF005  # TorchScript does not unpack into lists
        raise ValueError(
            f"`x` needs spatial sizes that are multiples of the strides {strides}, and twice that along one axis: "
            f"the least size is {least}, got {spatial}."
        )
