# SPDX-License-Identifier: Apache-2.0
"""Membrane labels of any convention as the membrane target."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.membrane import clean_membrane_label
from monai_boundary.transforms._channel import (
    channel_first,
    image_spacing,
    single_channel,
)
from monai_boundary.transforms._keys import KeyByKey

__all__ = ["CleanMembraneLabel", "CleanMembraneLabelD", "CleanMembraneLabelDict", "CleanMembraneLabeld"]


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


class CleanMembraneLabeld(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.CleanMembraneLabel`; the label is replaced by its target.

    Args:
        keys: membrane labels.
        polarity: which phase has the greater value: ``"membrane"``, ``"cell"``, or ``"auto"``: the membrane is the
            phase that is both smaller and thinner; what was decided is logged.
        threshold: values above it are the greater phase; by default half way between the phases.
        spacing: voxel size along each axis, for the thinness; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is read on its own scale ({0, 1} beside {0, 255}).
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import CleanMembraneLabeld
        >>> data = {"label": np.array([[[255, 0, 255]]], dtype=np.uint8)}
        >>> CleanMembraneLabeld("label", polarity="cell")(data)["label"]
        tensor([[[0., 1., 0.]]])
    """

    backend = CleanMembraneLabel.backend

    def __init__(
        self,
        keys: KeysCollection,
        polarity: str = "auto",
        threshold: float | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, CleanMembraneLabel(polarity, threshold, spacing, section_axis), None, allow_missing_keys)


CleanMembraneLabelD = CleanMembraneLabelDict = CleanMembraneLabeld
