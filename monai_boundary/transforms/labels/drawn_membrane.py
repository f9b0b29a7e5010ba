# SPDX-License-Identifier: Apache-2.0
"""The membrane target that is drawn between instances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.ops.membrane import instances_to_membrane
from monai_boundary.transforms._channel import (
    channel_first,
    image_spacing,
    single_channel,
)
from monai_boundary.transforms._keys import KeyByKey

__all__ = ["InstancesToMembrane", "InstancesToMembraneD", "InstancesToMembraneDict", "InstancesToMembraned"]


class InstancesToMembrane(Transform):
    """Draw the membrane between instances: walls of a given thickness where two ids touch, and the voxels of id 0.

    A thin shell over `monai_boundary.ops.membrane.instances_to_membrane`, which says where exactly a wall lies.

    Args:
        thickness: full thickness of a wall, in ``unit``.
        unit: ``"voxel"``, or ``"physical"``: the unit of ``spacing``.
        spacing: voxel size along each axis, for ``unit="physical"``; by default of the MetaTensor's affine, else 1.
        unlabelled: ``"membrane"`` keeps the voxels of id 0 as membrane, ``"nearest"`` redraws every wall.
        section_axis: spatial axis across which every section is drawn on its own (anisotropic stacks).

    Raises:
        ValueError: if an argument is out of range, or a spacing is given for voxels.

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


class InstancesToMembraned(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.InstancesToMembrane`.

    Args:
        keys: instance labels.
        output_keys: where the membrane targets go, one key per instance label; by default they replace the instances.
            The metrics need the instances: ``keys="label_instances", output_keys="label"`` keeps both.
        thickness: full thickness of a wall, in ``unit``.
        unit: ``"voxel"``, or ``"physical"``: the unit of ``spacing``.
        spacing: voxel size along each axis, for ``unit="physical"``; by default of the MetaTensor's affine, else 1.
        unlabelled: ``"membrane"`` keeps the voxels of id 0 as membrane, ``"nearest"`` redraws every wall.
        section_axis: spatial axis across which every section is drawn on its own (anisotropic stacks).
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: if `output_keys` does not have one key for each of `keys`; and when called, as the array version.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import InstancesToMembraned
        >>> draw = InstancesToMembraned("label_instances", output_keys="label")
        >>> sorted(draw({"label_instances": np.array([[[4, 4, 7, 7]]])}))
        ['label', 'label_instances']
    """

    backend = InstancesToMembrane.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        thickness: float = 1.0,
        unit: str = "voxel",
        spacing: Sequence[float] | float | None = None,
        unlabelled: str = "membrane",
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(
            keys,
            InstancesToMembrane(thickness, unit, spacing, unlabelled, section_axis),
            output_keys,
            allow_missing_keys,
        )


InstancesToMembraneD = InstancesToMembraneDict = InstancesToMembraned
