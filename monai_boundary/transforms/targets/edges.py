# SPDX-License-Identifier: Apache-2.0
"""Training targets of the edge-aware losses: edges of a label."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.edges import CLASSES, check_edge_options, label_edges
from monai_boundary.ops.grid import SAME_GRID_VOXELS, check_same_grid
from monai_boundary.transforms._channel import (
    class_label,
    image_spacing,
    known_voxels,
    with_meta,
)
from monai_boundary.transforms._keys import added_keys

__all__ = ["EdgeMask", "EdgeMaskD", "EdgeMaskDict", "EdgeMaskd"]

_EDGE_STORAGE = {"float32": torch.float32, "uint8": torch.uint8}


class EdgeMask(Transform):
    """Edges of a label: 1 near the border of a class, 0 elsewhere.

    See `monai_boundary.ops.edge_masks` for what is near, `monai_boundary.losses.EdgeAwareLoss` for what it is for. Make
    it on the whole image, before caching and the random transforms, and move it with the label (mode ``"nearest"``): a
    crop then has no edges at its frame that are none in the image, and all that are, and an edge in mm keeps its
    thickness when a cached dataset drops the affine. Resampling breaks thin edges: where a transform zooms much, make
    the edges after it. Padding with 0 is right for edges.

    Args:
        num_classes: classes of a label of indices (1, spatial), background included. Not given: the label holds 0 and 1
            in each channel (one mask, one-hot, or nested regions).
        classes: ``"each"`` class has its own channel of edges, or one channel holds those of ``"any"``.
        include_background: False leaves out channel 0, where the label has more than one class.
        side: of the border, ``"inner"`` (voxels of the class), ``"outer"`` or ``"both"``.
        thickness: on each side, in ``unit``; a whole number of voxels.
        unit: ``"voxel"`` or ``"mm"``.
        spacing: voxel size along each axis, for ``unit="mm"``; by default of the MetaTensor's affine (also flipped and
            oblique ones), else 1.
        connectivity: what a step is, in voxels: 1 to face neighbours (4 or 6), 2 over edges too, 3 over corners too.
        frame: the outside of the image is background: a class that the image cuts has an edge there.
        section_axis: spatial axis across which every slice is an image of its own.
        ignore_index: value of an index label that belongs to no class.
        dtype: ``"float32"``, or ``"uint8"`` for a quarter of the memory of a cache.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import EdgeMask
        >>> EdgeMask(side="inner")(torch.tensor([[[0, 0, 1, 1, 1]]]))
        tensor([[[0., 0., 1., 0., 0.]]])
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        num_classes: int | None = None,
        classes: str = "each",
        include_background: bool = True,
        side: str = "both",
        thickness: float = 1,
        unit: str = "voxel",
        spacing: Sequence[float] | float | None = None,
        connectivity: int = 1,
        frame: bool = False,
        section_axis: int | None = None,
        ignore_index: int | None = None,
        dtype: str = "float32",
    ) -> None:
        check_choice("classes", classes, CLASSES)
        check_choice("dtype", dtype, tuple(_EDGE_STORAGE))
        check_edge_options(side, thickness, unit, connectivity)
        if spacing is not None and unit == "voxel":
            raise ValueError(f'`spacing` needs unit="mm", got unit="voxel" and spacing={spacing!r}.')
        self.num_classes = num_classes
        self.spacing = spacing
        self.dtype = dtype
        self.options: dict[str, Any] = {
            "classes": classes,
            "include_background": include_background,
            "ignore_index": ignore_index,
            "side": side,
            "thickness": thickness,
            "unit": unit,
            "connectivity": connectivity,
            "frame": frame,
            "section_axis": section_axis,
        }

    def __call__(self, img: NdarrayOrTensor, known: NdarrayOrTensor | None = None) -> torch.Tensor:
        """Return the edges (C, spatial) with the label's meta data, on its device.

        Args:
            img: label (C, spatial).
            known: (1, spatial), > 0 where the label counts: where a class meets the others is no edge.

        Raises:
            TypeError: if the label is neither an array nor a tensor.
            ValueError: if the label is not (C, H, W[, D]), waits for lazy resampling, holds fractions or classes
                that are unknown; if its affine is singular or not finite.
        """
        label = class_label("label", img)
        sizes = image_spacing(img, label.ndim - 1, self.spacing) if self.options["unit"] == "mm" else None
        certain = known_voxels(label, None, known)
        certain = None if certain is None else certain[None]
        edges = label_edges(label[None], self.num_classes, known=certain, spacing=sizes, **self.options)[0]
        return with_meta(edges, img, _EDGE_STORAGE[self.dtype])


class EdgeMaskd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.EdgeMask`: adds ``edge_label`` beside the label.

    Args:
        keys: labels.
        output_keys: where the edges go, one for each key; ``edge_{key}`` if not given.
        image_key: an image that the label must share the grid with (shape, and affine where both have one); not looked
            at where the data lacks it.
        tolerance: how far the same voxel may lie apart, in voxels (of the shortest side).
        allow_missing_keys: do not raise for keys that the data lacks.
        num_classes: classes of a label of indices (1, spatial), background included. Not given: the label holds 0 and 1
            in each channel (one mask, one-hot, or nested regions).
        classes: ``"each"`` class has its own channel of edges, or one channel holds those of ``"any"``.
        include_background: False leaves out channel 0, where the label has more than one class.
        side: of the border, ``"inner"`` (voxels of the class), ``"outer"`` or ``"both"``.
        thickness: on each side, in ``unit``; a whole number of voxels.
        unit: ``"voxel"`` or ``"mm"``.
        spacing: voxel size along each axis, for ``unit="mm"``; by default of the MetaTensor's affine (also flipped and
            oblique ones), else 1.
        connectivity: what a step is, in voxels: 1 to face neighbours (4 or 6), 2 over edges too, 3 over corners too.
        frame: the outside of the image is background: a class that the image cuts has an edge there.
        section_axis: spatial axis across which every slice is an image of its own.
        ignore_index: value of an index label that belongs to no class.
        dtype: ``"float32"``, or ``"uint8"`` for a quarter of the memory of a cache.
        known_key: a mask of the voxels whose class is known (> 0), for a label that has no value for the others.

    Raises:
        ValueError: if the output keys are not one for each key; when called, if image and label lie on different grids,
            with how far; and as `EdgeMask`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import EdgeMaskd
        >>> EdgeMaskd("label")({"label": torch.tensor([[[0, 0, 1, 1, 1]]])})["edge_label"]
        tensor([[[0., 1., 1., 0., 0.]]])
    """

    backend = EdgeMask.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        image_key: str | None = "image",
        tolerance: float = SAME_GRID_VOXELS,
        allow_missing_keys: bool = False,
        *,
        num_classes: int | None = None,
        classes: str = "each",
        include_background: bool = True,
        side: str = "both",
        thickness: float = 1,
        unit: str = "voxel",
        spacing: Sequence[float] | float | None = None,
        connectivity: int = 1,
        frame: bool = False,
        section_axis: int | None = None,
        ignore_index: int | None = None,
        dtype: str = "float32",
        known_key: str | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.known_key = known_key
        self.output_keys = added_keys("edge", output_keys, self.keys)
        self.image_key = image_key
        self.tolerance = tolerance
        self.transform = EdgeMask(
            num_classes,
            classes,
            include_background,
            side,
            thickness,
            unit,
            spacing,
            connectivity,
            frame,
            section_axis,
            ignore_index,
            dtype,
        )

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the edges added."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            if self.image_key in d:
                check_same_grid(str(key), d[key], str(self.image_key), d[self.image_key], self.tolerance)
            d[output_key] = self.transform(d[key], None if self.known_key is None else d[self.known_key])
        return d


EdgeMaskD = EdgeMaskDict = EdgeMaskd
