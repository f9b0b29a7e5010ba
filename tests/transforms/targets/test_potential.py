# SPDX-License-Identifier: Apache-2.0
"""Potential fields in a pipeline: after the flips, with the label's meta data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, RandSpatialCropd

from monai_boundary.losses import EquipotentialLoss
from monai_boundary.ops import anisotropic_potential
from monai_boundary.transforms import PotentialField, PotentialFieldd
from tests.transforms.targets.volumes import volume


def test_after_the_random_transforms_the_loss_takes_them() -> None:
    pipeline = Compose(
        [
            Flipd(["image", "label"], 0),
            RandSpatialCropd(["image", "label"], (12, 12, 8), random_size=False),
            PotentialFieldd("label", w=5, splitter="B"),
        ]
    )
    data = pipeline(volume())
    assert isinstance(data["potential_label"], MetaTensor)
    torch.testing.assert_close(data["potential_label"].affine, data["label"].affine)
    loss = EquipotentialLoss(sigmoid=True, w=5, splitter="B")
    logits = torch.randn(1, 1, 12, 12, 8)
    ready = loss(logits, data["label"][None], potential=data["potential_label"][None])
    assert float(ready) == float(loss(logits, data["label"][None]))


def test_arrays_classes_and_order() -> None:
    label = np.array([[[0, 1, 1, 2, 255]] * 3])
    fields = PotentialField(num_classes=3, w=3, ignore_index=255)(label[:, ::-1])
    assert fields.dtype == torch.uint8
    masks = torch.stack([torch.from_numpy(label == c) for c in range(3)], 1)
    assert torch.equal(fields.view(4, 3, 3, 5), anisotropic_potential(masks, 3)[0])
    assert fields.view(4, 3, 3, 5)[0, :, 0].tolist() == [[2, 1, 0, 0, 0], [0, 1, 2, 1, 0], [0, 0, 0, 1, 1]]


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`w` needs an odd whole number"):
        PotentialField(w=6)
    with pytest.raises(ValueError, match="`splitter` needs one of"):
        PotentialFieldd("label", splitter="a")
    with pytest.raises(ValueError, match="`padding` needs one of"):
        PotentialField(padding="reflect")
    with pytest.raises(ValueError, match="`output_keys` needs one for each of"):
        PotentialFieldd(["a", "b"], output_keys="c")
    with pytest.raises(ValueError, match="`w` needs at most the smallest side"):
        PotentialField()(np.zeros((1, 5, 9)))
    with pytest.raises(ValueError, match="`label` needs 0 and 1 in one channel per class"):
        PotentialField(w=3)(np.full((1, 5, 9), 2))
    with pytest.raises(TypeError, match="`label` needs an array or a tensor, got list"):
        PotentialField()([1])
