# SPDX-License-Identifier: Apache-2.0
"""Training targets of equipotential learning: potential fields of a label."""

from __future__ import annotations

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends, ensure_tuple

from monai_boundary._validation import check_choice
from monai_boundary.ops.anisotropic import PADDINGS, SPLITTERS, anisotropic_potential, check_window
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.transforms._channel import (
    class_label,
    with_meta,
)
from monai_boundary.transforms._keys import KeyByKey, added_keys

__all__ = ["PotentialField", "PotentialFieldD", "PotentialFieldDict", "PotentialFieldd"]


class PotentialField(Transform):
    """Potential fields of a label, for the losses of equipotential learning: uint8, a quarter of a float map's memory.

    See `monai_boundary.ops.anisotropic_potential` for the energy, `monai_boundary.losses.EquipotentialLoss` for what it
    is for. Every field looks in one direction, so make them *after* the random flips, rotations and crops (in the
    workers of the data loader): a flipped field of "left" is one of "right". The losses find fields that were flipped.

    Args:
        num_classes: classes of a label of indices (1, spatial), background included. Not given: the label holds 0 and 1
            in each channel (one mask, one-hot, or nested regions).
        w: odd width of the kernel in voxels, at most the image's smallest side; that of the loss.
        splitter: the directions, ``"A"``, ``"B"`` or ``"C"`` of `monai_boundary.ops.ray_directions`; that of the loss.
        padding: what a ray meets outside the image: ``"replicate"`` (the voxel at the frame, so that the frame is no
            border) or ``"zero"``; that of the loss.
        ignore_index: value of an index label that belongs to no class.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import PotentialField
        >>> fields = PotentialField(w=3)(torch.tensor([[[0, 0, 1, 1, 1]] * 3]))
        >>> fields[:, 1].tolist()  # left, down, up, right
        [[0, 0, 1, 2, 2], [0, 0, 2, 2, 2], [0, 0, 2, 2, 2], [0, 1, 2, 2, 2]]
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        num_classes: int | None = None,
        w: int = 7,
        splitter: str = "A",
        padding: str = "replicate",
        ignore_index: int | None = None,
    ) -> None:
        check_window(w)
        check_choice("splitter", splitter, SPLITTERS)
        check_choice("padding", padding, PADDINGS)
        self.num_classes = num_classes
        self.w = w
        self.splitter = splitter
        self.padding = padding
        self.ignore_index = ignore_index

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the fields (directions * C, spatial), direction by direction, with the label's meta data.

        Raises:
            TypeError: if the label is neither an array nor a tensor.
            ValueError: if the label is not (C, H, W[, D]), smaller than ``w``, or holds fractions or unknown classes.
        """
        masks = class_masks(class_label("label", img)[None], self.num_classes, self.ignore_index)
        fields = anisotropic_potential(masks, self.w, self.splitter, self.padding)[0].flatten(0, 1)
        return with_meta(fields, img, fields.dtype)


class PotentialFieldd(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.PotentialField`: adds ``potential_label`` beside the label.

    Put it after the random spatial transforms.

    Args:
        keys: labels.
        output_keys: where the fields go, one for each key; ``potential_{key}`` if not given.
        allow_missing_keys: do not raise for keys that the data lacks.
        num_classes: classes of a label of indices (1, spatial), background included. Not given: the label holds 0 and 1
            in each channel (one mask, one-hot, or nested regions).
        w: odd width of the kernel in voxels, at most the image's smallest side; that of the loss.
        splitter: the directions, ``"A"``, ``"B"`` or ``"C"`` of `monai_boundary.ops.ray_directions`; that of the loss.
        padding: what a ray meets outside the image: ``"replicate"`` (the voxel at the frame, so that the frame is no
            border) or ``"zero"``; that of the loss.
        ignore_index: value of an index label that belongs to no class.

    Raises:
        ValueError: if the output keys are not one for each key; and as `PotentialField`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import PotentialFieldd
        >>> data = PotentialFieldd("label", num_classes=2, w=3)({"label": torch.ones(1, 4, 4)})
        >>> data["potential_label"].shape
        torch.Size([8, 4, 4])
    """

    backend = PotentialField.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
        *,
        num_classes: int | None = None,
        w: int = 7,
        splitter: str = "A",
        padding: str = "replicate",
        ignore_index: int | None = None,
    ) -> None:
        named = added_keys("potential", output_keys, ensure_tuple(keys))
        super().__init__(
            keys, PotentialField(num_classes, w, splitter, padding, ignore_index), named, allow_missing_keys
        )


PotentialFieldD = PotentialFieldDict = PotentialFieldd
