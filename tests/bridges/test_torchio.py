# SPDX-License-Identifier: Apache-2.0
"""TorchIO's subjects in, and its patches with maps out."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_boundary.losses import SignedDistanceLoss
from monai_boundary.ops import signed_distance_map

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torchio = pytest.importorskip("torchio", reason="torchio is not installed (extra `bridges`)")

pytestmark = pytest.mark.filterwarnings("ignore")
SPACING = (1.0, 1.0, 2.5)


@pytest.fixture
def maps(repo: Path) -> dict[str, Any]:
    return runpy.run_path(str(repo / "docs" / "how-to" / "bridges" / "torchio_maps.py"))


def subject() -> Any:
    label = torch.zeros(1, 20, 18, 12)
    label[:, 4:12, 5:11, 3:8] = 1
    affine = torch.diag(torch.tensor([*SPACING, 1.0])).numpy()
    image = torchio.ScalarImage(tensor=label + 0.1 * torch.rand_like(label), affine=affine)
    return torchio.Subject(image=image, label=torchio.LabelMap(tensor=label, affine=affine))


def test_maps_are_in_mm_and_crops_and_flips_carry_them(maps: dict[str, Any]) -> None:
    torch.manual_seed(0)
    item = subject()
    whole = signed_distance_map(item["label"].data[0].bool().numpy(), SPACING)
    added = maps["AddDistanceMaps"](2)(item)
    assert torch.allclose(added["sdm_label"].data[1], torch.as_tensor(whole, dtype=torch.float32), atol=1e-5)
    flipped = torchio.RandomFlip(axes=0, flip_probability=1)(added)
    assert torch.equal(flipped["sdm_label"].data[1], added["sdm_label"].data[1].flip(0))
    patch = torchio.Crop((2, 8, 3, 5, 1, 3))(added)
    assert torch.equal(patch["sdm_label"].data[1], added["sdm_label"].data[1, 2:12, 3:13, 1:9])


def test_patches_of_a_loader_go_into_the_loss(maps: dict[str, Any]) -> None:
    torch.manual_seed(0)
    turned = torchio.RandomAffine(scales=0, degrees=(0, 0, 0, 0, 20, 20), default_pad_value=50)
    transform = torchio.Compose([maps["AddDistanceMaps"](2), turned, maps["RestoreMapSigns"](2)])
    dataset = torchio.SubjectsDataset([subject(), subject()], transform=transform)
    batch = next(iter(torchio.SubjectsLoader(dataset, batch_size=2)))
    label, phi = batch["label"][torchio.DATA], batch["sdm_label"][torchio.DATA]
    assert bool(((phi[:, 1:] < 0) == (label > 0)).all())  # after a rotation, in every voxel
    loss = SignedDistanceLoss(softmax=True, to_onehot_y=True)
    perfect = torch.cat([1 - label, label], 1) * 20 - 10
    assert float(loss(perfect, label, distance_map=phi)) < 0 < float(loss(-perfect, label, distance_map=phi))
