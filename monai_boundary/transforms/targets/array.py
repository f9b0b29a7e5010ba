# SPDX-License-Identifier: Apache-2.0
"""Training targets: regions, seeds and cells of the barrier cut, edges, potential fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends, convert_to_dst_type

from monai_boundary._typing import AnyArray, IntArray
from monai_boundary._validation import check_choice
from monai_boundary.ops.anisotropic import PADDINGS, SPLITTERS, anisotropic_potential, check_window
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.edges import CLASSES, check_edge_options, label_edges
from monai_boundary.ops.label_values import binary_mask
from monai_boundary.ops.regions import label_regions, region_cells, region_seeds, reseed_regions
from monai_boundary.transforms._channel import channel_first, class_label, image_spacing, single_channel

__all__ = ["EdgeMask", "PotentialField", "RegionTargets", "ReseedRegions"]

_EDGE_STORAGE = {"float32": torch.float32, "uint8": torch.uint8}


class RegionTargets(Transform):
    """Regions, seeds and cells of a truth label, for the losses and metrics of the barrier cut.

    Regions are the face-connected components of what is not membrane, the seed of a region is its voxel farthest from
    its boundary, and the cells are the nearest region at every voxel: see `monai_boundary.ops`. A label that is
    all membrane has no region, and three empty maps; one without membrane (or of one instance) has one region and one
    seed, in the middle.

    Compute them on the whole image, before caching and the random transforms, which then move them with the label (mode
    ``"nearest"``); after a crop or padding use `ReseedRegions`.

    Args:
        source: what the label is: ``"membrane"``, 0/1 with membrane = 1, or ``"instances"``, ids with 0 = membrane
            (touching instances are regions of their own).
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is a 2-D image of its own (ids are unique over the stack).
        cells: compute the cells too. `None` takes their place otherwise.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import RegionTargets
        >>> regions, seeds, cells = RegionTargets()(np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32))
        >>> regions.tolist(), seeds.tolist(), cells.tolist()
        ([[[1, 1, 1, 0, 2]]], [[[1, 0, 0, 0, 2]]], [[[1, 1, 1, 1, 2]]])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        source: str = "membrane",
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        cells: bool = True,
    ) -> None:
        check_choice("source", source, ("membrane", "instances"))
        self.source = source
        self.spacing = spacing
        self.section_axis = section_axis
        self.cells = cells

    def __call__(self, img: NdarrayOrTensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return regions, seeds and cells (1, spatial), int32, with the label's meta data.

        Raises:
            ValueError: if the label is not integral (NaN, fractions), or a membrane label holds more than 0 and 1.
        """
        label = single_channel("label", img)
        sizes = image_spacing(img, label.ndim, self.spacing)
        cell = _cells_of_membrane(label) if self.source == "membrane" else label
        regions = label_regions(cell, section_axis=self.section_axis)
        seeds = region_seeds(regions, sizes, section_axis=self.section_axis)
        cells = region_cells(regions, sizes, section_axis=self.section_axis) if self.cells else None
        return _maps(img, regions, seeds, cells)


class ReseedRegions(Transform):
    """Make regions, seeds and cells of a crop (or a padded or resampled image) consistent again.

    Every connected piece that the crop left of a region is a region of its own, ids are 1..K again, a piece that lost
    its seed gets a new one in the crop and all others keep theirs; the cells are those of the new regions.
    See `monai_boundary.ops.regions.reseed_regions`.

    Args:
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1. Datasets that drop the meta
            data (`PersistentDataset` by default) need it said here.
        section_axis: as it was given to `RegionTargets`.
        cells: compute the cells too. `None` takes their place otherwise.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import RegionTargets, ReseedRegions
        >>> regions, seeds, _ = RegionTargets()(np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32))
        >>> ReseedRegions(cells=False)(regions[..., 1:], seeds[..., 1:])
        (tensor([[[1, 1, 0, 2]]], dtype=torch.int32), tensor([[[1, 0, 0, 2]]], dtype=torch.int32), None)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        cells: bool = True,
    ) -> None:
        self.spacing = spacing
        self.section_axis = section_axis
        self.cells = cells

    def __call__(
        self, regions: NdarrayOrTensor, seeds: NdarrayOrTensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return regions, seeds and cells (1, spatial), int32, with the meta data of the regions.

        Args:
            regions: the cropped regions (1, spatial).
            seeds: the cropped seeds of the same shape; ``None`` seeds every piece anew.

        Raises:
            ValueError: if the shapes differ, a map is not integral (it was resampled linearly), or the seeds do not
                lie in the regions of their id (the maps were not moved together).
        """
        pieces = single_channel("regions", regions)
        old = None if seeds is None else single_channel("seeds", seeds)
        sizes = image_spacing(regions, pieces.ndim, self.spacing)
        new, new_seeds = reseed_regions(pieces, old, sizes, section_axis=self.section_axis)
        cells = region_cells(new, sizes, section_axis=self.section_axis) if self.cells else None
        return _maps(regions, new, new_seeds, cells)


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
        side: ``"inner"``, ``"outer"`` or ``"both"``.
        thickness: on each side, in ``unit``; a whole number of voxels.
        unit: ``"voxel"`` or ``"mm"``.
        spacing: voxel size along each axis, for ``unit="mm"``; by default of the MetaTensor's affine (also flipped and
            oblique ones), else 1.
        connectivity: see `monai_boundary.ops.edge_masks`.
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

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the edges (C, spatial) with the label's meta data, on its device.

        Raises:
            TypeError: if the label is neither an array nor a tensor.
            ValueError: if the label is not (C, H, W[, D]), waits for lazy resampling, holds fractions or classes
                that are unknown; if its affine is singular or not finite.
        """
        label = class_label("label", img)
        sizes = image_spacing(img, label.ndim - 1, self.spacing) if self.options["unit"] == "mm" else None
        edges = label_edges(label[None], self.num_classes, spacing=sizes, **self.options)[0]
        template = img if isinstance(img, torch.Tensor) else torch.empty(0)
        return convert_to_dst_type(edges, template, dtype=_EDGE_STORAGE[self.dtype])[0]


class PotentialField(Transform):
    """Potential fields of a label, for the losses of equipotential learning: uint8, a quarter of a float map's memory.

    See `monai_boundary.ops.anisotropic_potential` for the energy, `monai_boundary.losses.EquipotentialLoss` for what it
    is for. Every field looks in one direction, so make them *after* the random flips, rotations and crops (in the
    workers of the data loader): a flipped field of "left" is one of "right". The losses find fields that were flipped.

    Args:
        num_classes: classes of a label of indices (1, spatial), background included. Not given: the label holds 0 and 1
            in each channel (one mask, one-hot, or nested regions).
        w: as given to the loss, as ``splitter`` and ``padding``.
        splitter: see ``w``.
        padding: see ``w``.
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
        template = img if isinstance(img, torch.Tensor) else torch.empty(0)
        return convert_to_dst_type(fields, template, dtype=fields.dtype)[0]


def _maps(
    like: NdarrayOrTensor, regions: IntArray, seeds: IntArray, cells: IntArray | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The maps as int32 tensors with the meta data of ``like``."""
    return (
        channel_first(regions, like, torch.int32),
        channel_first(seeds, like, torch.int32),
        None if cells is None else channel_first(cells, like, torch.int32),
    )


def _cells_of_membrane(label: AnyArray) -> AnyArray:
    """The mask of what is not membrane, of a label that holds 0 and 1 alone."""
    try:
        return ~binary_mask("label", label)
    except ValueError as error:
        raise ValueError(
            f"{error} Membrane is 1: clean files with `CleanMembraneLabel` ({{0, 255}}, grey); instance ids need "
            'source="instances".'
        ) from None
