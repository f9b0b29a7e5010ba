# SPDX-License-Identifier: Apache-2.0
"""From masks of regions back to a BraTS segmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.label_values import whole_label
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS, stated_label_map, tumour_label
from monai_boundary.transforms._channel import (
    channel_first,
    class_label,
)
from monai_boundary.transforms._keys import KeyByKey

__all__ = ["TumourLabel", "TumourLabelD", "TumourLabelDict", "TumourLabeld"]


class TumourLabel(Transform):
    """One segmentation with BraTS's labels, of the overlapping masks of regions: the way back from `TumourRegions`.

    A thin shell over `monai_boundary.ops.tumour_label`: the innermost region of a voxel counts.

    Args:
        regions: names of the channels.
        et_label: value of the enhancing tumour: 4 (which is the default) until BraTS 2021, 3 since 2023.
        label_map: the labels of another year or cohort, such as ``"ped2024"``, instead: see
            `monai_boundary.ops.tumour_regions`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import TumourLabel
        >>> TumourLabel(et_label=3)(torch.tensor([[[0, 1, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0, 1]]]))
        tensor([[[0, 2, 1, 3]]], dtype=torch.uint8)
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
        """Return the label (1, spatial), uint8, of masks (regions, spatial), with their meta data.

        Raises:
            ValueError: if the masks are not one for each region.
        """
        masks = whole_label("masks", class_label("masks", img))
        label = tumour_label(masks, self.regions, self.et_label, label_map=self.label_map)
        return channel_first(label, img, torch.uint8)


class TumourLabeld(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.TumourLabel`; the masks are replaced by one segmentation.

    Args:
        keys: masks of regions.
        regions: names of the channels.
        et_label: value of the enhancing tumour: 4 (which is the default) until BraTS 2021, 3 since 2023.
        allow_missing_keys: do not raise for keys that the data lacks.
        label_map: the labels of another year or cohort, such as ``"ped2024"``, instead: see
            `monai_boundary.ops.tumour_regions`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import TumourLabeld
        >>> TumourLabeld("pred", regions=("tc",))({"pred": torch.tensor([[[0, 1, 1]]])})["pred"].tolist()
        [[[0, 1, 1]]]
    """

    backend = TumourLabel.backend

    def __init__(
        self,
        keys: KeysCollection,
        regions: Sequence[str] = TUMOUR_REGIONS,
        et_label: int | None = None,
        allow_missing_keys: bool = False,
        label_map: str | None = None,
    ) -> None:
        super().__init__(keys, TumourLabel(regions, et_label, label_map), None, allow_missing_keys)


TumourLabelD = TumourLabelDict = TumourLabeld
