# SPDX-License-Identifier: Apache-2.0
"""Connected components as sets of voxels, by SimpleITK, and what counts as found among them."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK

Voxel = tuple[int, ...]


def components(mask: np.ndarray, fully_connected: bool = True) -> list[set[Voxel]]:
    """The components of a mask."""
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ConnectedComponent(image, fully_connected))
    return [set(map(tuple, np.argwhere(labels == k))) for k in range(1, labels.max() + 1)]


def detection(pred: np.ndarray, true: np.ndarray, rule: str, fully_connected: bool = True) -> tuple[float, ...]:
    """Recall, precision, F1, and the four counts, of components that share a voxel with the other mask."""
    predicted, actual = (components(mask, fully_connected) for mask in (pred, true))
    found = sum(any(pred[voxel] for voxel in lesion) for lesion in actual)
    right = sum(any(true[voxel] for voxel in lesion) for lesion in predicted)
    recall = found / len(actual) if actual else math.nan
    precision = right / len(predicted) if predicted else math.nan
    if not actual and not predicted:
        f1 = math.nan
    elif rule == "isles2022":
        f1 = found / (found + (len(actual) - found + len(predicted) - right) / 2)
    else:
        f1 = 2 * recall * precision / (recall + precision) if found and right else 0.0
    return recall, precision, f1, len(actual), len(predicted), found, right


def distance_to_pieces(pieces: list[set[Voxel]], shape: tuple[int, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of every voxel to every piece, in mm, (pieces, *shape)."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) * np.array(spacing)
    return np.stack(
        [
            np.min([np.linalg.norm(places - np.array(v) * np.array(spacing), axis=-1) for v in piece], axis=0)
            for piece in pieces
        ]
    )
