# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps of labels, how they stay true through a pipeline, and the check that they did."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, ensure_tuple

from monai_boundary._validation import check_choice
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.distance_check import check_distance_map, restore_distance_sign
from monai_boundary.ops.grid import SAME_GRID_VOXELS, check_same_grid
from monai_boundary.ops.signed_distance import batch_signed_distance, check_distance_options
from monai_boundary.transforms._channel import class_label, image_spacing

__all__ = [
    "CheckSignedDistanceMapD",
    "CheckSignedDistanceMapDict",
    "CheckSignedDistanceMapd",
    "RestoreDistanceSign",
    "RestoreDistanceSignD",
    "RestoreDistanceSignDict",
    "RestoreDistanceSignd",
    "SignedDistanceMap",
    "SignedDistanceMapD",
    "SignedDistanceMapDict",
    "SignedDistanceMapd",
]

_STORAGE = {"float32": torch.float32, "float16": torch.float16}


class SignedDistanceMap(Transform):
    """Signed distance map of a label: one channel per class, in mm, negative inside.

    See `monai_boundary.ops.signed_distance_map` for what is measured, `monai_boundary.losses.SignedDistanceLoss` for
    what it is for. Compute it on the whole image, before caching and the random transforms: a crop then still knows how
    far the lesion outside it is, and the millimetres stay in the values when a cached dataset drops the affine.

    The map carries the label's affine, so crops, flips and quarter turns move it with the label, exactly. Make it after
    transforms that interpolate (rotation, zoom, elastic deformation); or move it through them linearly (mode
    ``"bilinear"``), and put `RestoreDistanceSign` after them, for near the border interpolation loses the sign. Never
    fill a map with 0: resample it with ``padding_mode="border"``, pad it with ``mode="edge"``. After a zoom the values
    are still the millimetres of the zoomed image's affine.

    Args:
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        spacing: voxel size along each axis in mm; by default of the MetaTensor's affine (the length of its columns, so
            flipped and oblique ones too), else 1.
        ignore_index: value of an index label that belongs to no class: its voxels are on neither side, and get 0.
        convention: ``"faces"``, ``"border"`` or ``"released"``: see `monai_boundary.ops.signed_distance_map`, as
            ``section_axis``, ``clip``, ``normalise`` and ``backend``.
        section_axis: spatial axis across which every slice is an image of its own (2-D maps of a volume).
        clip: largest distance, in mm.
        normalise: None, ``"max"`` or ``"diagonal"``.
        backend: which library computes; see there.
        dtype: ``"float32"``, or ``"float16"`` for half the memory of a cache (11 bits: 0.05 % of the distance). The
            losses compute in float32, and MONAI's resampling transforms return float32.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_boundary.transforms import SignedDistanceMap
        >>> label = MetaTensor(torch.tensor([[[0, 0, 1, 1, 1]] * 2]), affine=torch.diag(torch.tensor([2.0, 0.5, 1.0])))
        >>> SignedDistanceMap()(label)[0, 0].tolist()
        [0.75, 0.25, -0.25, -0.75, -1.25]
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        num_classes: int | None = None,
        spacing: Sequence[float] | float | None = None,
        ignore_index: int | None = None,
        convention: str = "faces",
        section_axis: int | None = None,
        clip: float | None = None,
        normalise: str | None = None,
        backend: str = "auto",
        dtype: str = "float32",
    ) -> None:
        check_distance_options(convention, clip, normalise, backend)
        check_choice("dtype", dtype, tuple(_STORAGE))
        self.num_classes = num_classes
        self.spacing = spacing
        self.ignore_index = ignore_index
        self.dtype = dtype
        self.options: dict[str, Any] = {
            "convention": convention,
            "section_axis": section_axis,
            "clip": clip,
            "normalise": normalise,
            "backend": backend,
        }

    def __call__(self, img: NdarrayOrTensor, known: NdarrayOrTensor | None = None) -> torch.Tensor:
        """Return the map (C, spatial) with the label's meta data, on its device.

        Args:
            img: the label.
            known: (1, spatial), voxels whose class is known (> 0), for a label that has no value for the others.

        Raises:
            TypeError: if the label is neither an array nor a tensor.
            ValueError: if the label is not (C, H, W[, D]), waits for lazy resampling, holds fractions or classes
                that are unknown; if its affine is singular or not finite.
        """
        label = class_label("label", img)
        masks = class_masks(label[None], self.num_classes, self.ignore_index)
        sizes = image_spacing(img, label.ndim - 1, self.spacing)
        certain = _known_voxels(label, self.ignore_index, known)
        certain = None if certain is None else certain[None]
        maps = batch_signed_distance(masks, sizes, dtype=_STORAGE[self.dtype], known=certain, **self.options)
        return _with_meta(maps[0], img)


class SignedDistanceMapd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.SignedDistanceMap`: adds ``sdm_label`` beside the label.

    Args:
        keys: labels.
        output_keys: where the maps go, one for each key; ``sdm_{key}`` if not given.
        image_key: an image that the label must share the grid with (shape, and affine where both have one); not looked
            at where the data lacks it.
        tolerance: see `monai_boundary.ops.check_same_grid`.
        known_key: a mask of the voxels whose class is known (> 0), for a label that has no value for the others.
        allow_missing_keys: do not raise for keys that the data lacks.
        options: of `SignedDistanceMap`.

    Raises:
        ValueError: if the output keys are not one for each key; when called, if image and label lie on different grids,
            with how far; and as `SignedDistanceMap`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import SignedDistanceMapd
        >>> data = SignedDistanceMapd("label", num_classes=2)({"label": torch.tensor([[[0, 0, 1, 1]]])})
        >>> data["sdm_label"].tolist()
        [[[-1.5, -0.5, 0.5, 1.5]], [[1.5, 0.5, -0.5, -1.5]]]
    """

    backend = SignedDistanceMap.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        image_key: str | None = "image",
        tolerance: float = SAME_GRID_VOXELS,
        known_key: str | None = None,
        allow_missing_keys: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = ensure_tuple([f"sdm_{key}" for key in self.keys] if output_keys is None else output_keys)
        if len(self.output_keys) != len(self.keys) or len(set(self.output_keys)) != len(self.keys):
            raise ValueError(f"`output_keys` needs one for each of {self.keys}, all different, got {self.output_keys}.")
        self.image_key = image_key
        self.tolerance = tolerance
        self.known_key = known_key
        self.transform = SignedDistanceMap(**options)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the maps added."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            if self.image_key in d:
                check_same_grid(str(key), d[key], str(self.image_key), d[self.image_key], self.tolerance)
            d[output_key] = self.transform(d[key], None if self.known_key is None else d[self.known_key])
        return d


class RestoreDistanceSign(Transform):
    """Give a map that was interpolated the sign that its label says, in every voxel.

    See `monai_boundary.ops.restore_distance_sign`. For pipelines that crop first and then rotate, zoom or deform the
    patches: there a map made anew would not know what lies outside the patch. Put it after them.

    Args:
        num_classes: as given to `SignedDistanceMap`.
        ignore_index: see ``num_classes``.
        spacing: voxel size in mm; by default of the map's affine, else 1.
        section_axis: see ``num_classes``.
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
            known=_known_voxels(truth, self.ignore_index, known),
        )
        return _with_meta(restored, img)


class RestoreDistanceSignd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RestoreDistanceSign`.

    Args:
        keys: maps.
        label_keys: their labels; the keys without ``sdm_`` if not given.
        known_key: as given to `SignedDistanceMapd`.
        allow_missing_keys: do not raise for keys that the data lacks.
        options: of `RestoreDistanceSign`.

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
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.label_keys = _label_keys(self.keys, label_keys)
        self.known_key = known_key
        self.transform = RestoreDistanceSign(**options)

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
        num_classes: as given to `SignedDistanceMap`.
        ignore_index: see ``num_classes``.
        spacing: voxel size in mm; by default of the map's affine, else 1.
        section_axis: see ``num_classes``.
        convention: see ``num_classes``.
        known_key: as given to `SignedDistanceMapd`.
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

    backend = SignedDistanceMap.backend

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
                known=_known_voxels(label, self.ignore_index, None if self.known_key is None else d[self.known_key]),
            )
        return d


def _label_keys(keys: Sequence[Hashable], label_keys: KeysCollection | None) -> tuple[Hashable, ...]:
    return ensure_tuple([str(key).removeprefix("sdm_") for key in keys] if label_keys is None else label_keys)


def _known_voxels(label: torch.Tensor, ignore_index: int | None, known: NdarrayOrTensor | None) -> torch.Tensor | None:
    """The voxels (1, spatial) whose class is known; None where all are."""
    certain = None if ignore_index is None else label != ignore_index
    if known is None:
        return certain
    given = class_label("known", known).to(label.device) > 0
    return given if certain is None else given & certain


def _with_meta(maps: torch.Tensor, like: NdarrayOrTensor) -> torch.Tensor:
    template = like if isinstance(like, torch.Tensor) else torch.empty(0)
    return convert_to_dst_type(maps, template, dtype=maps.dtype)[0]


SignedDistanceMapD = SignedDistanceMapDict = SignedDistanceMapd
CheckSignedDistanceMapD = CheckSignedDistanceMapDict = CheckSignedDistanceMapd
RestoreDistanceSignD = RestoreDistanceSignDict = RestoreDistanceSignd
