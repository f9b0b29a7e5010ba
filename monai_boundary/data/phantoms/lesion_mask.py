# SPDX-License-Identifier: Apache-2.0
"""Lesions of a real patient, from a mask, in the head that a phantom draws: their shapes, sizes and places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nibabel
import numpy as np
from scipy import ndimage

from monai_boundary._typing import BoolArray, DoubleArray, FloatArray, UInt8Array
from monai_boundary.data.phantoms.head import HEAD_MM, PhantomHead

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["mask_files", "masked_lesions"]

# of a mask's millimetres to those of the usual head, which is a little smaller than the average brain of MNI
_PLACES = 1 / 1.15
# points along each axis of a voxel at which it is asked how much of it is lesion
_POINTS = 4


class _Lesion(NamedTuple):
    """One connected lesion of a mask: its voxels, their size and the middle of their box, in mm from the image's."""

    voxels: BoolArray
    mm: FloatArray
    centre: FloatArray


def mask_files(folder: str | Path) -> list[Path]:
    """Return the NIfTI files of a folder of masks, by name.

    Raises:
        ValueError: if there is none.
    """
    found = sorted(p for p in Path(folder).glob("*.nii*") if p.name.endswith((".nii", ".nii.gz")) and p.is_file())
    if not found:
        raise ValueError(f"`lesion_masks` needs a folder with masks (.nii, .nii.gz), got none in {folder}.")
    return found


def masked_lesions(path: str | Path, head: PhantomHead, rng: np.random.Generator) -> tuple[FloatArray, UInt8Array]:
    """Return how much each voxel shows of the lesions of a mask (some are faint), and the label 0/1.

    Each lesion (26-neighbours) keeps its shape and its size in mm of a usual head. It lies where it lay in the mask,
    with the image's middle at the head's; one whose middle would fall outside the white matter is moved to the nearest
    white matter, and what would lie in fluid or outside the brain is cut off. It has as many voxels of the label as it
    fills, those that it fills most: the volume is kept, also of what is thinner than a voxel. A lesion of less than
    half a voxel is not drawn. Every second head is mirrored left to right, by ``rng``.

    Raises:
        ValueError: if the mask cannot be read, is not 3-D, or holds no lesion.
    """
    place = (slice(None), None, None, None)
    solid = (1 - head.fluid) * head.brain
    _, nearest = ndimage.distance_transform_edt(head.white <= 0.8, sampling=head.mm, return_indices=True)
    mm = np.array(head.mm)
    shown, label = np.zeros(head.shape, np.float32), np.zeros(head.shape, np.uint8)
    mirrored = bool(rng.random() < 0.5)
    for lesion in _lesions_of(path, mirrored):
        at = np.rint(lesion.centre * _PLACES * (head.size / HEAD_MM) / mm + (np.array(head.shape) - 1) / 2).astype(int)
        moved = nearest[(slice(None), *at.clip(0, np.array(head.shape) - 1))]
        middle = head.grid[(slice(None), *moved)] + 0.5 * mm * rng.uniform(-1, 1, 3)
        reach = (np.array(lesion.voxels.shape) * lesion.mm * head.scale / 2 / mm + 1).astype(int) + 1
        box = tuple(slice(max(0, m - r), m + r + 1) for m, r in zip(moved, reach, strict=True))
        away = (head.grid[(slice(None), *box)] - middle[place]).astype(np.float32)
        cover = _cover(lesion, away, mm, head.scale) * solid[box]
        brightness = rng.uniform(0.5, 1.0)
        if count := int(cover.sum() + 0.5):
            most = np.unravel_index(np.argsort(cover, axis=None, kind="stable")[-count:], cover.shape)
            label[box][most] = 1
            shown[box] = np.maximum(shown[box], cover * brightness)
    return shown, label


def _lesions_of(path: str | Path, mirrored: bool) -> Iterator[_Lesion]:
    """The lesions of a mask, in the order of their first voxel; the mask is turned to RAS+ first."""
    try:
        image: Any = nibabel.as_closest_canonical(nibabel.load(Path(path)))
        mask = np.asarray(image.dataobj) > 0.5
    except (OSError, EOFError, nibabel.filebasedimages.ImageFileError) as fault:
        raise ValueError(f"`lesion_mask` needs a NIfTI of lesions, {path} cannot be read: {fault}") from fault
    if mask.ndim != 3 or not mask.any():
        raise ValueError(f"`lesion_mask` needs a 3-D mask with a lesion, {path} has {mask.shape}, {mask.sum()} voxels.")
    mm = np.asarray(image.header.get_zooms()[:3], dtype=np.float32)
    if mirrored:
        mask = mask[::-1]
    pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    for k, box in enumerate(ndimage.find_objects(pieces)):
        middle = np.array([(s.start + s.stop - 1) / 2 for s in box]) - (np.array(mask.shape) - 1) / 2
        yield _Lesion(pieces[box] == k + 1, mm, (middle * mm).astype(np.float32))


def _cover(lesion: _Lesion, away: FloatArray, mm: DoubleArray, scale: float) -> FloatArray:
    """How much of each voxel a lesion fills, where ``away`` is the voxels' way from its middle in mm."""
    size = np.array(lesion.voxels.shape)
    inside = np.zeros(away.shape[1:], dtype=np.float32)
    steps = (np.arange(_POINTS) + 0.5) / _POINTS - 0.5
    for step in np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3):
        point = (away + (step * mm)[:, None, None, None]) / (lesion.mm * scale)[:, None, None, None]
        index = np.floor(point + size[:, None, None, None] / 2).astype(int)
        within = ((index >= 0) & (index < size[:, None, None, None])).all(axis=0)
        found = lesion.voxels[tuple(index.clip(0, (size - 1)[:, None, None, None]))]
        inside += within & found
    cover: FloatArray = inside / np.float32(len(steps) ** 3)
    return cover
