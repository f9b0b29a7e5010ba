# SPDX-License-Identifier: Apache-2.0
"""A case as it comes from disk: its images as the channels of one, on one grid, with the label on it; all checked."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage, MapTransform, ResampleToMatch

from monai_boundary._validation import check_choice
from monai_boundary.data.volumes.volume_reader import VolumeReader
from monai_boundary.workflows.volumes.place import at_place_of, check_volume, native_place, placed_at


class LoadVolumed(MapTransform):
    """Load the images of a case as the channels of ``image``, and its ``label``, and check them.

    ``image`` is a list of files, one for each channel (None for one that the case lacks), one file with all of them
    (4-D), or an image in memory, (x, y, z) or (channels, x, y, z), whose affine says where it lies (a plain array has
    voxels of 1 mm). A file of two dimensions is a volume of one slice. Nothing else is needed, neither a label nor a
    name. Images of one case may differ in size, voxels, angle and orientation; their headers say where they lie. Those
    on the reference's grid to a tenth of a voxel
    (``SAME_GRID_VOXELS`` of ``ops.grid``) stay as they are, others are resampled to it, linearly. The label is never
    resampled here: it has to lie on the reference's grid. Adds ``native_affine`` and ``native_header``, those of the
    reference as it was read, for :class:`~monai_boundary.workflows.SaveVolumesd`.

    Args:
        channels: their names, in order.
        optional: names of those that a case may lack: they are 0 everywhere.
        reference: whose grid is taken: a channel's name, or ``"label"``; the first channel if not given, or if there is
            no label.

    Raises:
        ValueError: when called, with the case's name: if there are more or fewer channels; a volume is not 3-D, or one
            of several files is 2-D; one holds NaN or infinity or has a singular affine; all channels are 0 everywhere;
            the label lies on another grid than the reference, with how far; or an image does not overlap the reference.

    Example:
        >>> import tempfile
        >>> from monai_boundary.data import write_nifti
        >>> file = f"{tempfile.mkdtemp()}/t1.nii.gz"
        >>> write_nifti(file, np.ones((4, 5, 6), np.float32), np.eye(4))
        >>> LoadVolumed(["t1", "t2"], optional=["t2"])({"image": [file, None], "case": "p07"})["image"].shape
        torch.Size([2, 4, 5, 6])
    """

    def __init__(self, channels: Sequence[str], optional: Sequence[str] = (), reference: str | None = None) -> None:
        super().__init__("image")
        self.channels = tuple(channels)
        self.optional = tuple(optional)
        check_choice("reference", reference, (None, "label", *self.channels))
        self.reference = reference
        reader: Any = VolumeReader(finite=True, slices=True)  # MONAI takes a reader too, other than it declares
        self._load = LoadImage(reader=reader, dtype=np.float32, ensure_channel_first=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with files replaced by volumes."""
        d = dict(data)
        case = d.get("case", "without a name")
        try:
            images = self._channels(d.get("image"))
            if "label" in d:
                d["label"] = self._load(d["label"])
                check_volume("label", d["label"], channels=1)
            return {**d, **self._on_one_grid(images, d.get("label"))}
        except ValueError as error:
            raise ValueError(f"case {case}: {error}") from error

    def _channels(self, files: Any) -> dict[str, Any]:
        """The channels that there are, by name."""
        if isinstance(files, (torch.Tensor, np.ndarray)):
            return self._split(_in_memory(files), "memory")
        if isinstance(files, (list, tuple)) and len(files) != 1:
            if len(files) != len(self.channels):
                raise ValueError(f"`image` needs {self._wanted()}, got {len(files)} files.")
            missing = [name for name, file in zip(self.channels, files, strict=True) if not file]
            for name in missing:
                if name not in self.optional:
                    raise ValueError(f"`image` needs a file for {name!r}, got none (not one of `optional`).")
            images = {name: self._load(f) for name, f in zip(self.channels, files, strict=True) if f}
            for name, image in images.items():
                check_volume(name, image, channels=1)
            return images
        (file,) = files if isinstance(files, (list, tuple)) else (files,)
        if not file:
            raise ValueError(f"`image` needs {self._wanted()}, got no file.")
        return self._split(self._load(file), file)

    def _split(self, image: Any, where: Any) -> dict[str, Any]:
        """The channels of one image that has them all."""
        check_volume("image" if len(self.channels) > 1 else self.channels[0], image)
        if len(image) != len(self.channels):
            raise ValueError(f"`image` needs {self._wanted()}, got {len(image)} in {where}.")
        return {name: image[k : k + 1] for k, name in enumerate(self.channels)}

    def _wanted(self) -> str:
        return f"{len(self.channels)} channel{'s' * (len(self.channels) > 1)} ({', '.join(self.channels)})"

    def _on_one_grid(self, images: dict[str, Any], label: Any) -> dict[Hashable, Any]:
        _check_axes(images)
        reference = self.reference if self.reference in images else next(iter(images))
        if self.reference == "label" and label is not None:
            reference = "label"
        target = label if reference == "label" else images[reference]
        placed: dict[Hashable, Any] = {} if label is None else {"label": at_place_of("label", label, reference, target)}
        moved = {name: _on_grid(name, image, reference, target) for name, image in images.items()}
        image = torch.cat([moved.get(name, torch.zeros_like(target)) for name in self.channels])
        if not bool((image != 0).any()):
            raise ValueError(f"`image` needs voxels that are not 0, got {tuple(image.shape)} of 0.")
        return {**placed, "image": placed_at(image, target.affine, image), **native_place(target)}


def _in_memory(image: Any) -> MetaTensor:
    """An image that is there already, with the channels first."""
    values = torch.as_tensor(image).as_subclass(torch.Tensor).float()
    affine = image.affine if isinstance(image, MetaTensor) else torch.eye(4)
    return placed_at(values[None] if values.ndim == 3 else values, affine, image)


def _check_axes(images: Mapping[str, Any]) -> None:
    """Refuse a file of two dimensions beside a volume of several slices."""
    flat = next((name for name, image in images.items() if image.meta.get("file_axes") == 2), None)
    volume = next((name for name, image in images.items() if image.meta.get("file_axes") == 3), None)
    if flat is not None and volume is not None:
        raise ValueError(f"`{flat}` needs three dimensions as `{volume}`, got a file of two.")


def _on_grid(name: str, image: Any, reference: str, target: Any) -> Any:
    try:
        return at_place_of(name, image, reference, target)
    except ValueError:
        moved = ResampleToMatch(mode="bilinear", padding_mode="zeros")(image, img_dst=target)
        if bool((image != 0).any()) and not bool((moved != 0).any()):
            raise ValueError(
                f"`{name}` needs to overlap `{reference}`, got images that show different places by their headers."
            ) from None
        return moved
