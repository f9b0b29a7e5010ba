# SPDX-License-Identifier: Apache-2.0
"""How signed distance maps stay true through a pipeline: the sign given back, and the check."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, ensure_tuple

from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.distance_check import check_distance_map, restore_distance_sign
from monai_boundary.ops.grid import check_same_grid
from monai_boundary.transforms._channel import (
    class_label,
    image_spacing,
    known_voxels,
    with_meta,
)

__all__ = [
    "CheckSignedDistanceMapD",
    "CheckSignedDistanceMapDict",
    "CheckSignedDistanceMapd",
    "RestoreDistanceSign",
    "RestoreDistanceSignD",
    "RestoreDistanceSignDict",
    "RestoreDistanceSignd",
]


class RestoreDistanceSign(Transform):
    """Give a map that was interpolated the sign that its label says, in every voxel.

    See `monai_boundary.ops.restore_distance_sign`. For pipelines that crop first and then rotate, zoom or deform the
    patches: there a map made anew would not know what lies outside the patch. Put it after them.

    Args:
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        ignore_index: value of an index label that belongs to no class: its voxels get 0.
        spacing: voxel size in mm; by default of the map's affine, else 1.
        section_axis: spatial axis across which every slice is an image of its own, where the map was made so.
        least: the least distance, in the map's unit; half of the voxel's shortest side if not given. A normalised map
            needs it said.

    Raises:
        ValueError: when called, if map and label differ in shape, or the label is none.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RestoreDistanceSign
        >>> phi, label = torch.tensor([[[2.5, 0.25, 0.25, 2.5]]]), torch.tensor([[[0, 1, 1, 0]]])
        >>> RestoreDistanceSign()(phi, label).tolist()
        [[[2.5, -0.5, -0.5, 2.5]]]
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        least: float | None = None,
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.spacing = spacing
        self.section_axis = section_axis
        self.least = least

    def __call__(  # type: ignore[override]  # a map and its label
        self, img: NdarrayOrTensor, label: NdarrayOrTensor, known: NdarrayOrTensor | None = None
    ) -> torch.Tensor:
        """Return the map with its meta data and dtype.

        Args:
            img: the map (C, spatial).
            label: the label, moved as the map was.
            known: (1, spatial), voxels whose class is known (> 0); the others get 0.
        """
        phi, truth = class_label("img", img), class_label("label", label)
        restored = restore_distance_sign(
            phi,
            class_masks(truth[None], self.num_classes, self.ignore_index)[0],
            image_spacing(img, phi.ndim - 1, self.spacing, sheared=True),
            section_axis=self.section_axis,
            least=self.least,
            known=known_voxels(truth, self.ignore_index, known),
        )
        return with_meta(restored, img, restored.dtype)


class RestoreDistanceSignd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RestoreDistanceSign`.

    Args:
        keys: maps.
        label_keys: their labels; the keys without ``sdm_`` if not given.
        known_key: a mask of the voxels whose class is known (> 0), for a label that has no value for the others.
        allow_missing_keys: do not raise for keys that the data lacks.
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        ignore_index: value of an index label that belongs to no class: its voxels get 0.
        spacing: voxel size in mm; by default of the map's affine, else 1.
        section_axis: spatial axis across which every slice is an image of its own, where the map was made so.
        least: the least distance, in the map's unit; half of the voxel's shortest side if not given. A normalised map
            needs it said.

    Raises:
        ValueError: when called, if map and label lie on different grids; and as `RestoreDistanceSign`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RestoreDistanceSignd
        >>> data = {"label": torch.tensor([[[0, 1, 1, 0]]]), "sdm_label": torch.tensor([[[2.5, 0.25, 0.25, 2.5]]])}
        >>> RestoreDistanceSignd()(data)["sdm_label"].tolist()
        [[[2.5, -0.5, -0.5, 2.5]]]
    """

    backend = RestoreDistanceSign.backend

    def __init__(
        self,
        keys: KeysCollection = "sdm_label",
        label_keys: KeysCollection | None = None,
        known_key: str | None = None,
        allow_missing_keys: bool = False,
        *,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        least: float | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.label_keys = _label_keys(self.keys, label_keys)
        self.known_key = known_key
        self.transform = RestoreDistanceSign(num_classes, ignore_index, spacing, section_axis, least)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the maps' signs restored."""
        d = dict(data)
        for key, label_key in self.key_iterator(d, self.label_keys):
            check_same_grid(str(key), d[key], str(label_key), d[label_key])
            d[key] = self.transform(d[key], d[label_key], None if self.known_key is None else d[self.known_key])
        return d


class CheckSignedDistanceMapd(MapTransform):
    """Check, at the end of a pipeline, that every map is still the signed distance of its label.

    Put it after the random transforms while setting up a pipeline. It finds maps whose sign is not the label's in every
    voxel, as after a rotation with interpolation; maps padded with zeros, maps that missed a flip, and labels that lazy
    resampling interpolated: see `monai_boundary.ops.check_distance_map`. It is not for maps that were normalised.

    Args:
        keys: maps, in mm.
        label_keys: their labels; the keys without ``sdm_`` if not given.
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        ignore_index: value of an index label that belongs to no class: its voxels are not looked at.
        spacing: voxel size in mm; by default of the map's affine, else 1.
        section_axis: spatial axis across which every slice is an image of its own, where the map was made so.
        convention: that of the map: ``"faces"``, ``"border"`` or ``"released"``.
        known_key: a mask of the voxels whose class is known (> 0), for a label that has no value for the others.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: when called, if map and label lie on different grids, the label is no longer one, or the map does
            not fit it.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import CheckSignedDistanceMapd, SignedDistanceMapd
        >>> data = SignedDistanceMapd("label")({"label": torch.tensor([[[0, 0, 1, 1]]])})
        >>> sorted(CheckSignedDistanceMapd("sdm_label")(data))
        ['label', 'sdm_label']
    """

    backend = RestoreDistanceSign.backend

    def __init__(
        self,
        keys: KeysCollection = "sdm_label",
        label_keys: KeysCollection | None = None,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        convention: str = "faces",
        known_key: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.label_keys = _label_keys(self.keys, label_keys)
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.spacing = spacing
        self.section_axis = section_axis
        self.convention = convention
        self.known_key = known_key

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data as they came."""
        d = dict(data)
        for key, label_key in self.key_iterator(d, self.label_keys):
            check_same_grid(str(key), d[key], str(label_key), d[label_key])
            phi = class_label(str(key), d[key])
            label = class_label(str(label_key), d[label_key])
            masks = class_masks(label[None], self.num_classes, self.ignore_index)
            check_distance_map(
                phi,
                masks[0],
                image_spacing(d[key], phi.ndim - 1, self.spacing, sheared=True),
                section_axis=self.section_axis,
                convention=self.convention,
                known=known_voxels(label, self.ignore_index, None if self.known_key is None else d[self.known_key]),
            )
        return d


def _label_keys(keys: Sequence[Hashable], label_keys: KeysCollection | None) -> tuple[Hashable, ...]:
    return ensure_tuple([str(key).removeprefix("sdm_") for key in keys] if label_keys is None else label_keys)


RestoreDistanceSignD = RestoreDistanceSignDict = RestoreDistanceSignd
CheckSignedDistanceMapD = CheckSignedDistanceMapDict = CheckSignedDistanceMapd
