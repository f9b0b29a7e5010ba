# SPDX-License-Identifier: Apache-2.0
"""Patches of a cached case: all at once against MONAI's chain, and slices from a volume that is laid out for them."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any

import torch
from monai.transforms import (
    ClassesToIndicesd,
    Compose,
    EnsureTyped,
    RandCropByLabelClassesd,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    SpatialPadd,
    SqueezeDimd,
)

from monai_boundary.workflows.volumes.patches import RandPatchesd, SliceLayoutd
from tests.benchmarks.conftest import Race

KEYS = ["image", "label", "label_counted", "sdm_label"]
INDICES = "label_cls_indices"


def case(*shape: int) -> dict[str, Any]:
    """Four channels, a label of 1 %, which voxels count, and a map."""
    data = {
        "image": torch.rand(4, *shape),
        "label": (torch.rand(1, *shape) > 0.99).to(torch.uint8),
        "label_counted": torch.ones(1, *shape, dtype=torch.uint8),
        "sdm_label": torch.randn(1, *shape).half(),
    }
    return ClassesToIndicesd("label", num_classes=2, max_samples_per_class=20000)(data)


def ours(size: list[int]) -> RandPatchesd:
    """Four slices, as the lesion bundles draw them."""
    options: dict[str, Any] = {"flips": [0], "edge_keys": ["sdm_label"], "scale": 0.2, "shift": 0.1}
    return RandPatchesd(KEYS, size, count=4, indices_key=INDICES, float_keys=["sdm_label"], **options)


def monais(size: list[int]) -> Compose:
    """The same with a transform for each step."""
    crop: Any = RandCropByLabelClassesd(
        KEYS, "label", [*size, 1], [0.5, 0.5], num_classes=2, num_samples=4, indices_key=INDICES, warn=False
    )
    return Compose(
        [
            crop,
            EnsureTyped(KEYS, track_meta=False),
            EnsureTyped("sdm_label", dtype=torch.float32, track_meta=False),
            SqueezeDimd(KEYS, dim=3, update_meta=False),
            SpatialPadd(KEYS[:3], size),
            SpatialPadd("sdm_label", size, mode="edge"),
            RandFlipd(KEYS, prob=0.5, spatial_axis=0),
            RandScaleIntensityd("image", prob=0.5, factors=0.2),
            RandShiftIntensityd("image", prob=0.5, offsets=0.1),
            EnsureTyped(KEYS, track_meta=False),
        ]
    )


def test_slices_of_a_small_volume(race: Race) -> None:
    data, draw, chain = case(64, 64, 24), ours([64, 64]), monais([64, 64])
    assert [p["image"].shape for p in draw(data)] == [p["image"].shape for p in chain(data)]
    race.run(20, time.process_time, ours=lambda: draw(data), monai=lambda: chain(data))
    assert race.report("4 slices of 64 x 64 of a case", "ours", "monai", "at most 0.2") <= 0.2


def test_slices_of_a_large_volume(race: Race) -> None:
    data, draw = case(256, 256, 48), ours([256, 256])
    laid_out = SliceLayoutd(KEYS, 2)(data)
    slices: dict[str, Any] = {"laid out": lambda: draw(laid_out), "as it comes": lambda: draw(data)}
    race.run(10, time.process_time, copy=lambda: deepcopy(data), **slices)
    assert race.report("4 slices of 256 x 256 of a case", "laid out", "as it comes", "at most 0.6") <= 0.6
    race.report("the same", "laid out", "copy", "the copy of the case that the cache gave")
