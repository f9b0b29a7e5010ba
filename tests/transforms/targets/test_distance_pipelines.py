# SPDX-License-Identifier: Apache-2.0
"""The law of the boundary loss, through every pipeline that the how-to recommends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    Compose,
    Rand2DElasticd,
    Rand3DElasticd,
    RandAffined,
    RandFlipd,
    RandRotate90d,
    RandRotated,
    RandSpatialCropd,
    RandZoomd,
    Spacingd,
    SpatialPadd,
)

from monai_boundary.losses import SignedDistanceLoss
from monai_boundary.transforms import CheckSignedDistanceMapd, RestoreDistanceSignd, SignedDistanceMapd

KEYS = ["image", "label", "sdm_label"]


def _pipelines(ndim: int) -> dict[str, list[Any]]:
    """What the how-to recommends, at its strongest: a map made after what interpolates, or carried and restored."""
    both, modes = ["image", "label"], ["bilinear", "nearest"]
    carried = {"mode": [*modes, "bilinear"], "padding_mode": ["zeros", "border", "border"]}
    angles = {"range_z": 0.8} if ndim == 3 else {"range_x": 0.8}  # within the plane of square voxels
    if ndim == 3:
        elastic: Any = Rand3DElasticd(both, (1.0, 1.5), (2.0, 3.0), prob=1.0, mode=modes, padding_mode="zeros")
    else:
        elastic = Rand2DElasticd(both, (3.0, 3.0), (1.0, 2.0), prob=1.0, mode=modes, padding_mode="zeros")
    make, restore = SignedDistanceMapd("label"), RestoreDistanceSignd("sdm_label")
    spacing = Spacingd(both, (1.0, 0.8, 1.7)[:ndim], mode=modes)
    crops = [
        RandFlipd(KEYS, prob=0.5, spatial_axis=0),
        RandRotate90d(KEYS, prob=0.5, spatial_axes=(0, 1)),
        RandSpatialCropd(KEYS, roi_size=(7, 6, 4)[:ndim], random_size=False),
    ]
    zoom = {"prob": 1.0, "min_zoom": 0.6, "max_zoom": 1.6, "padding_mode": "constant"}
    return {
        "rotation, map": [RandRotated(both, **angles, prob=1.0, mode=modes, padding_mode="zeros"), make, *crops],
        "zoom, map": [RandZoomd(both, mode=modes, **zoom), make, *crops],
        "elastic, map": [elastic, make, *crops],
        "spacing, map": [spacing, make, *crops],
        "map, crops": [make, *crops],
        "map, rotation": [make, RandRotated(KEYS, **angles, prob=1.0, **carried), restore, *crops],
        "map, crops, zoom": [
            make,
            *crops,
            RandZoomd(
                KEYS,
                mode=[*modes, "bilinear" if ndim == 2 else "trilinear"],
                **{**zoom, "padding_mode": ["constant", "edge", "edge"]},
            ),
            restore,
        ],
        "map, crops, affine": [
            make,
            *crops,
            RandAffined(KEYS, prob=1.0, rotate_range=[0, 0, 1][6 - 2 * ndim :], scale_range=[0.4] * ndim, **carried),
            restore,
        ],
        "map, padding": [
            make,
            crops[0],
            SpatialPadd("label", (14, 14, 9)[:ndim], mode="edge"),
            SpatialPadd("image", (14, 14, 9)[:ndim]),
            SpatialPadd("sdm_label", (14, 14, 9)[:ndim], mode="edge"),
        ],
    }


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", list(_pipelines(3)))
def test_law_perfect_is_below_empty_and_full(name: str, ndim: int) -> None:
    """Whatever the mask, the spacing and the draw: the perfect prediction scores lower than nothing and everything."""
    loss = SignedDistanceLoss()
    rng = np.random.default_rng(3)
    seen = 0
    for draw in range(8):
        shape = (12, 11, 7)[:ndim]
        label = rng.random(shape) < (0.01, 0.03, 0.3, 0.97)[draw % 4]
        label.flat[rng.integers(label.size, size=2)] = True
        sizes = 10 ** rng.uniform(-0.7, 0.9, ndim)
        sizes[1] = sizes[0]
        affine = torch.diag(torch.tensor([*sizes, 1.0]))
        data: Any = {
            "image": MetaTensor(torch.zeros(1, *shape), affine=affine),
            "label": MetaTensor(torch.from_numpy(label[None].astype(np.float32)), affine=affine),
        }
        out = Compose([*_pipelines(ndim)[name], CheckSignedDistanceMapd()]).set_random_state(draw)(data)
        truth = out["label"].as_tensor()[None]
        phi = out["sdm_label"].as_tensor()[None]
        if not truth.any() or truth.all():
            continue
        seen += 1
        assert bool(((phi < 0) == (truth > 0)).all())
        values = [float(loss(x, truth, distance_map=phi)) for x in (truth, 0 * truth, 0 * truth + 1)]
        assert values[0] < values[1]
        assert values[0] < values[2]
    assert seen >= 2
