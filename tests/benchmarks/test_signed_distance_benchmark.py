# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps against SciPy's two transforms, and the loss with a ready map against MONAI's class."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import PersistentDataset
from monai.losses import BoundaryLoss
from monai.networks.nets import UNet
from monai.transforms import Compose, DeleteItemsd
from scipy import ndimage

from monai_boundary.data import wmh_datalist, write_lesion_phantom
from monai_boundary.losses import SignedDistanceLoss
from monai_boundary.ops import batch_signed_distance
from monai_boundary.workflows import WMH, volume_transforms

SHAPE = (240, 240, 155)
SPACING = (0.9, 0.9, 1.2)


def nested_masks(shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    """Three regions, one within the other, as tumour, core and enhancing core: (1, 3, *shape)."""
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    radius = np.sqrt(sum(((g - 0.45 * n) / n) ** 2 for g, n in zip(grid, shape, strict=True)))
    radius = radius + 0.02 * np.sin(grid[0] / 4) * np.cos(grid[1] / 5)  # no spheres: the surface is bumpy
    return torch.from_numpy(np.stack([radius < r for r in (0.22, 0.15, 0.08)])[None])


def two_transforms(masks: torch.Tensor) -> np.ndarray:
    """The usual way: SciPy outside and inside, for each class."""
    each = [
        ndimage.distance_transform_edt(~m, sampling=SPACING) - ndimage.distance_transform_edt(m, sampling=SPACING)
        for m in masks[0].numpy()
    ]
    return np.stack(each).astype(np.float32)


def test_maps_against_two_transforms_per_class(race: Any) -> None:
    masks = nested_masks()
    maps: dict[str, Any] = {}
    race.run(
        1,
        ours=lambda: maps.update(ours=batch_signed_distance(masks, SPACING)),
        border=lambda: maps.update(border=batch_signed_distance(masks, SPACING, convention="border")),
        scipy=lambda: maps.update(scipy=two_transforms(masks)),
    )
    # From the centres of the other side it is half a voxel at least to their faces, and half a diagonal at most.
    nearer = np.abs(maps["scipy"]) - np.abs(maps["ours"][0].numpy())
    assert nearer.min() >= 0.5 * min(SPACING) - 1e-4
    assert nearer.max() <= 0.5 * np.linalg.norm(SPACING) + 1e-4
    ours, theirs, inside = maps["border"][0].numpy(), maps["scipy"], masks[0].numpy()
    np.testing.assert_allclose(ours[~inside], theirs[~inside], rtol=1e-5, atol=1e-4)
    # Inside, the rival measures to the background, and we to the border: less than a voxel's diagonal nearer.
    apart = ours[inside] - theirs[inside]
    assert apart.min() >= -1e-4
    assert apart.max() <= np.linalg.norm(SPACING)
    race.report(f"3 maps of {SHAPE}, the border between voxels and on them", "ours", "border", "about 1")
    assert race.report(f"3 maps of {SHAPE}", "ours", "scipy", "<= 0.25") <= 0.25


def test_the_loss_with_a_ready_map_against_monai(race: Any) -> None:
    shape = (2, 4, 128, 128, 128)
    label = torch.zeros(2, 1, *shape[2:])
    for index, half in enumerate((50, 35, 20), 1):
        label[..., 64 - half : 64 + half, 60 - half : 60 + half, 64 - half : 64 + half] = index
    hot = torch.nn.functional.one_hot(label[:, 0].long(), 4).movedim(-1, 1).float().contiguous()
    logits = torch.randn(shape, requires_grad=True)
    maps = batch_signed_distance(hot, convention="released")
    ours, theirs = SignedDistanceLoss(softmax=True), BoundaryLoss(softmax=True, include_background=False)
    values: dict[str, torch.Tensor] = {}

    def step(name: str, value: torch.Tensor) -> None:
        (values[f"{name} gradient"],) = torch.autograd.grad(value, logits)
        values[name] = value.detach()

    race.run(
        2,
        ours=lambda: step("ours", ours(logits, hot, distance_map=maps)),
        monai=lambda: step("monai", theirs(logits, hot)),
    )
    torch.testing.assert_close(values["ours"], values["monai"])
    torch.testing.assert_close(values["ours gradient"], values["monai gradient"])
    assert race.report("loss forward and backward, 2x4x128^3", "ours", "monai", "<= 0.02") <= 0.02


def test_the_loss_within_a_training_step(race: Any) -> None:
    network = UNet(3, 2, 2, (16, 32, 64, 128), (2, 2, 2), num_res_units=2)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    image, loss = torch.randn(1, 2, 96, 96, 96), SignedDistanceLoss(softmax=True)
    mask = nested_masks((96, 96, 96))[:, :1]
    hot = torch.cat([~mask, mask], dim=1).float()
    maps = batch_signed_distance(hot)

    def train() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(image), hot).backward()
        optimizer.step()

    logits = torch.randn(1, 2, 96, 96, 96, requires_grad=True)
    race.run(3, loss=lambda: loss(logits, hot, distance_map=maps).backward(), step=train)
    assert race.report("loss within a training step, UNet 1x2x96^3", "loss", "step", "<= 0.02 wanted") < 0.1


def test_size_of_the_disk_cache(race: Any, tmp_path: Path) -> None:
    """What the map adds to a PersistentDataset of the WMH bundle: two modalities, the label, what is counted."""
    write_lesion_phantom(tmp_path / "data", patients=2, shape=(128, 128, 48), seed=0)
    found = wmh_datalist(tmp_path / "data")
    cases = [{"image": [i["flair"], i["t1"]], **{k: i[k] for k in ("label", "case", "ignore_labels")}} for i in found]
    total = {}
    for name, dropped in (("with", []), ("without", [DeleteItemsd("sdm_label")])):
        transforms = Compose([*volume_transforms(WMH, training=True, maps=True), *dropped])
        dataset = PersistentDataset(cases, transforms, cache_dir=tmp_path / name)
        assert all(("sdm_label" in item) == (not dropped) for item in dataset)
        total[name] = sum(file.stat().st_size for file in (tmp_path / name).glob("*.pt"))
    race.times.update(total)
    ratio = total["with"] / total["without"]
    race.lines.append(
        f"disk cache, FLAIR + T1: {total['with'] / 2**20:.1f} MiB with the map (float16), ratio {ratio:.2f} (<= 1.6)"
    )
    assert ratio <= 1.6


MEMORY = """
from pathlib import Path
from tests.benchmarks.test_signed_distance_benchmark import nested_masks, SHAPE, SPACING
from monai_boundary.ops import batch_signed_distance
batch_signed_distance(nested_masks((64, 64, 64)), SPACING)  # libraries are loaded
masks = nested_masks()
def status(key):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if key in line)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before = status("VmRSS")
maps = batch_signed_distance(masks, SPACING)
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's count of memory")
def test_memory_of_the_maps(race: Any) -> None:
    """The peak beyond the masks and the three maps themselves, in volumes of float32."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    volume = 4 * np.prod(SHAPE) / 1024  # KiB, as Linux counts
    extra = int(done.stdout.split()[-1]) / volume - 3
    race.lines.append(f"maps of {SHAPE}: peak of {extra:.1f} float32 volumes beyond the maps (<= 4)")
    assert extra <= 4
