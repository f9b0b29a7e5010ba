# SPDX-License-Identifier: Apache-2.0
"""From the conventions of label files to the targets: membranes, and the regions of tumours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import TransformBackends, convert_to_dst_type

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.ops.membrane import clean_membrane_label, instances_to_membrane
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS, stated_label_map, tumour_regions
from monai_boundary.transforms._channel import channel_first, image_spacing, single_channel

__all__ = ["CleanMembraneLabel", "InstancesToMembrane", "TumourRegions"]


class CleanMembraneLabel(Transform):
    """Make a membrane target (float32, membrane = 1) of a membrane label as files hold it.

    A thin shell over `monai_boundary.ops.membrane.clean_membrane_label`, which says what is understood ({0, 1}, {0,
    255}, other two values, antialiased grey, inverted) and how ``polarity="auto"`` decides.

    Args:
        polarity: which phase has the greater value: ``"membrane"``, ``"cell"``, or ``"auto"``: the membrane is the
            phase that is both smaller and thinner; what was decided is logged.
        threshold: values above it are the greater phase; by default half way between the phases.
        spacing: voxel size along each axis, for the thinness; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is read on its own scale ({0, 1} beside {0, 255}).

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import CleanMembraneLabel
        >>> CleanMembraneLabel("cell")(np.array([[[255, 0, 255], [255, 0, 255]]], dtype=np.uint8))
        tensor([[[0., 1., 0.],
                 [0., 1., 0.]]])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        polarity: str = "auto",
        threshold: float | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
    ) -> None:
        check_choice("polarity", polarity, ("membrane", "cell", "auto"))
        self.polarity = polarity
        self.threshold = threshold
        self.spacing = spacing
        self.section_axis = section_axis

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the membrane target of a label (1, spatial), float32, with the label's meta data.

        Raises:
            ValueError: for NaN, negative values, more than two phases, and where ``"auto"`` cannot decide.
        """
        label = single_channel("label", img)
        sizes = image_spacing(img, label.ndim, self.spacing)
        target = clean_membrane_label(label, self.polarity, self.threshold, sizes, section_axis=self.section_axis)
        return channel_first(target, img, torch.float32)


class InstancesToMembrane(Transform):
    """Draw the membrane between instances: walls of a given thickness where two ids touch, and the voxels of id 0.

    A thin shell over `monai_boundary.ops.membrane.instances_to_membrane`, which says where exactly a wall lies.

    Args:
        thickness: full thickness of a wall, in ``unit``.
        unit: ``"voxel"``, or ``"physical"``: the unit of ``spacing``.
        spacing: voxel size along each axis, for ``unit="physical"``; by default of the MetaTensor's affine, else 1.
        unlabelled: ``"membrane"`` keeps the voxels of id 0 as membrane, ``"nearest"`` redraws every wall.
        section_axis: spatial axis across which every section is drawn on its own (anisotropic stacks).

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import InstancesToMembrane
        >>> InstancesToMembrane(thickness=2)(np.array([[[4, 4, 4, 7, 7, 7]]]))
        tensor([[[0., 0., 1., 1., 0., 0.]]])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        thickness: float = 1.0,
        unit: str = "voxel",
        spacing: Sequence[float] | float | None = None,
        unlabelled: str = "membrane",
        section_axis: int | None = None,
    ) -> None:
        check_positive("thickness", thickness)
        check_choice("unit", unit, ("voxel", "physical"))
        check_choice("unlabelled", unlabelled, ("membrane", "nearest"))
        if spacing is not None and unit == "voxel":
            raise ValueError(f'`spacing` needs unit="physical", got unit="voxel" and spacing={spacing}.')
        self.thickness = thickness
        self.unit = unit
        self.spacing = spacing
        self.unlabelled = unlabelled
        self.section_axis = section_axis

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the membrane target of instances (1, spatial), float32, membrane = 1, with their meta data.

        Raises:
            ValueError: if the instances are not integral ids >= 0 (NaN, fractions).
        """
        ids = single_channel("instances", img)
        sizes = image_spacing(img, ids.ndim, self.spacing) if self.unit == "physical" else None
        membrane = instances_to_membrane(
            ids, self.thickness, sizes, unlabelled=self.unlabelled, section_axis=self.section_axis
        )
        return channel_first(membrane, img, torch.float32)


class TumourRegions(Transform):
    """Overlapping channels of whole tumour, tumour core and enhancing tumour, of a BraTS segmentation.

    A thin shell over `monai_boundary.ops.tumour_regions`, which says which label is in which region. MONAI's
    ``ConvertToMultiChannelBasedOnBratsClasses`` has the order TC, WT, ET, needs to be told the year, makes background
    of labels that it does not know, and adds an axis to 2-D images.

    Args:
        regions: ``"wt"``, ``"tc"``, ``"et"`` or some of them: ``("tc",)`` is the single channel of the boundary-aware
            network's paper.
        et_label: value of the enhancing tumour, 3 or 4; by default both are understood (not in one image).
        label_map: what the labels mean, by year and cohort, instead: ``"brats2021"``, ``"brats2023"``, ``"gli2024"``
            (after treatment), ``"ped2024"``, ``"menrt2024"``, ``"brats2015"``.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import TumourRegions
        >>> TumourRegions()(np.array([[[0, 1, 2, 4]]]))[:, 0]
        tensor([[0., 1., 1., 1.],
                [0., 1., 0., 1.],
                [0., 0., 0., 1.]])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self, regions: Sequence[str] = TUMOUR_REGIONS, et_label: int | None = None, label_map: str | None = None
    ) -> None:
        stated_label_map(et_label, label_map)
        self.regions = (regions,) if isinstance(regions, str) else tuple(regions)
        for region in self.regions:
            check_choice("regions", region, TUMOUR_REGIONS)
        self.et_label = et_label
        self.label_map = label_map

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the masks (regions, spatial), float32, of a label (1, spatial), with its meta data.

        Raises:
            ValueError: if the label holds other values, or without a map leaves a doubt: the values are listed, with
                the file's name where it is known.
        """
        label = single_channel("label", img)
        path = str(img.meta.get("filename_or_obj") or "") if isinstance(img, MetaTensor) else ""
        name = f"label {path}" if path else "label"
        masks = tumour_regions(label, self.regions, self.et_label, name, label_map=self.label_map, case=Path(path).name)
        template = img if isinstance(img, torch.Tensor) else torch.empty(0)
        return convert_to_dst_type(masks, template, dtype=torch.float32)[0]
