# SPDX-License-Identifier: Apache-2.0
"""From a BraTS segmentation to overlapping regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS, stated_label_map, tumour_regions
from monai_boundary.transforms._channel import (
    single_channel,
    with_meta,
)
from monai_boundary.transforms._keys import KeyByKey

__all__ = ["TumourRegions", "TumourRegionsD", "TumourRegionsDict", "TumourRegionsd"]


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
        return with_meta(masks, img, torch.float32)


class TumourRegionsd(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.TumourRegions`; the segmentation is replaced by its regions.

    Args:
        keys: segmentations.
        regions: ``"wt"``, ``"tc"``, ``"et"`` or some of them: ``("tc",)`` is the single channel of the boundary-aware
            network's paper.
        et_label: value of the enhancing tumour, 3 or 4; by default both are understood (not in one image).
        allow_missing_keys: do not raise for keys that the data lacks.
        label_map: what the labels mean, by year and cohort, instead: ``"brats2021"``, ``"brats2023"``, ``"gli2024"``
            (after treatment), ``"ped2024"``, ``"menrt2024"``, ``"brats2015"``.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import TumourRegionsd
        >>> TumourRegionsd("label", regions=("tc",))({"label": np.array([[[0.0, 1.0, 2.0, 3.0]]])})["label"]
        tensor([[[0., 1., 0., 1.]]])
    """

    backend = TumourRegions.backend

    def __init__(
        self,
        keys: KeysCollection,
        regions: Sequence[str] = TUMOUR_REGIONS,
        et_label: int | None = None,
        allow_missing_keys: bool = False,
        label_map: str | None = None,
    ) -> None:
        super().__init__(keys, TumourRegions(regions, et_label, label_map), None, allow_missing_keys)


TumourRegionsD = TumourRegionsDict = TumourRegionsd
