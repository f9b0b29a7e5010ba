# SPDX-License-Identifier: Apache-2.0
"""The barrier cut against SciPy's distance transform, against whole-image propagation, and within a training step."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet
from scipy import ndimage

from monai_boundary.kernels import barrier as kernels
from monai_boundary.losses import BALoss
from monai_boundary.ops import (
    barrier_cut,
    barrier_partition,
    label_regions,
    quantise_probability,
    region_cells,
    region_seeds,
)

pytestmark = pytest.mark.timeout(900)


def scene(shape, number, seed=0):
    """Return an 8-bit prediction of ``number`` cells with weak walls and noise, and the true membrane."""
    rng = np.random.default_rng(seed)
    points = np.zeros(shape, bool)
    points.flat[rng.choice(points.size, number, replace=False)] = True
    nearest = ndimage.distance_transform_edt(~points, return_distances=False, return_indices=True)
    owner = np.ravel_multi_index(tuple(nearest), shape)
    membrane = np.zeros(shape, bool)
    for axis in range(len(shape)):
        membrane |= np.roll(owner, 1, axis) != owner
    strength = (
        0.4 + 0.6 * ndimage.gaussian_filter(rng.random(shape), 4) / ndimage.gaussian_filter(rng.random(shape), 4).max()
    )
    wall = ndimage.gaussian_filter(membrane.astype(np.float32), 1.0)
    prediction = wall / wall.max() * strength + 0.04 * rng.random(shape)
    return quantise_probability(np.clip(prediction, 0, 1)), membrane


def maps(membrane):
    regions = label_regions(~membrane)
    return region_seeds(regions), region_cells(regions)


@pytest.mark.parametrize(("shape", "number", "bound"), [((512, 512), 150, 1.0), ((1250, 1250), 700, 2.0)])
def test_partition_against_the_distance_transform(race, shape, number, bound):
    image, membrane = scene(shape, number)
    seeds = maps(membrane)[0]
    race.run(
        7,
        clock=time.thread_time,  # both run on one core
        partition=lambda: barrier_partition(image, seeds),
        edt=lambda: ndimage.distance_transform_edt(image < 128),
    )
    parts = barrier_partition(image, seeds)
    inside = ~membrane
    truth = label_regions(inside)
    assert (parts[inside] == truth[inside]).mean() > 0.9
    label = f"partition {'x'.join(map(str, shape))}, {int(seeds.max())} seeds"
    assert race.report(label, "partition", "edt", f"at most {bound}") <= bound


def test_partition_grows_with_the_number_of_voxels(race):
    sizes = {"n512": (512, 150), "n724": (724, 300), "n1024": (1024, 600)}
    scenes = {name: scene((side, side), number) for name, (side, number) in sizes.items()}
    seeds = {name: maps(membrane)[0] for name, (_, membrane) in scenes.items()}
    race.run(
        7,
        clock=time.thread_time,
        **{name: (lambda name=name: barrier_partition(scenes[name][0], seeds[name])) for name in sizes},
    )
    assert race.report("growth of the partition, 2N / N", "n724", "n512", "at most 2.4") <= 2.4
    assert race.report("growth of the partition, 2N / N", "n1024", "n724", "at most 2.4") <= 2.4


@pytest.mark.parametrize("noise", [False, True])
def test_partition_works_in_24_bytes_per_voxel(noise):
    image, membrane = scene((512, 512), 150)
    if noise:  # as many entries at once as can be had
        image = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)
    points = np.flatnonzero(maps(membrane)[0])
    states, queue = kernels.new_states(image[None], kernels.UNSEEN), kernels.queue_for(image.size)
    for point in points:
        queue = kernels.add_seed(states, queue, kernels.padded_index(point, 1, *image.shape), 1)
    offsets, nobody = kernels.face_offsets(1, 0, image.shape[1] + 2), np.zeros(1, np.int16)
    for level in range(kernels.LEVELS):
        queue, _, _ = kernels.drain_level(states, queue, level, offsets, kernels.NOTHING, nobody, 0)
    labels = 4 * image.size  # what is returned
    assert (states.nbytes + sum(part.nbytes for part in queue) + labels) / image.size <= 24


def test_partition_in_3d_costs_per_voxel_what_it_costs_in_2d(race):
    flat, membrane = scene((512, 512), 150)
    deep, walls = scene((64, 256, 256), 400)
    seeds, deep_seeds = maps(membrane)[0], maps(walls)[0]
    race.run(
        3,
        clock=time.thread_time,
        volume=lambda: barrier_partition(deep, deep_seeds),
        image=lambda: barrier_partition(flat, seeds),
    )
    race.times["volume"] /= deep.size / flat.size
    assert race.report("partition 64x256x256 per 512x512 voxels", "volume", "image", "at most 2") <= 2.0


def test_per_region_against_the_whole_image(race):
    image, membrane = scene((1024, 1024), 200)
    seeds, cells = maps(membrane)
    race.run(3, clock=time.thread_time, per_region=lambda: barrier_cut(image, seeds, cells))
    start = time.thread_time()
    whole, _ = barrier_cut(image, seeds, cells, domain="image")
    race.times["whole_image"] = time.thread_time() - start
    part, certain = barrier_cut(image, seeds, cells)
    same = [
        np.array_equal(
            part.voxels[part.begins[k] : part.begins[k + 1]], whole.voxels[whole.begins[k] : whole.begins[k + 1]]
        )
        for k in range(part.ids.size)
    ]
    assert all(np.array(same)[certain])
    label = f"per-region cut 1024x1024, {part.ids.size} regions, {100 * np.mean(same):.0f} % of the contours the same"
    assert race.report(label, "per_region", "whole_image", "at most 1/20") <= 1 / 20


@pytest.mark.parametrize(
    ("contour", "width", "bound"),
    [("partition", None, 0.15), ("leak", None, None), ("per_region", None, None), ("per_region", 7, None)],
)
def test_share_of_a_training_step(race, contour, width, bound):
    torch.manual_seed(0)
    scenes = [scene((512, 512), 150, seed) for seed in (0, 1)]
    target = torch.from_numpy(np.stack([membrane for _, membrane in scenes]))[:, None].float()
    regions = torch.from_numpy(np.stack([label_regions(~membrane) for _, membrane in scenes]))[:, None]
    seeds, cells = (torch.from_numpy(np.stack(m))[:, None] for m in zip(*(maps(w) for _, w in scenes), strict=True))
    image = torch.rand(2, 1, 512, 512)
    prediction = torch.from_numpy(np.stack([grey for grey, _ in scenes]))[:, None].float().div(255)
    network = UNet(2, 1, 1, (16, 32, 64, 128, 256), (2, 2, 2, 2), num_res_units=2)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    with_cut = BALoss(sigmoid=True, contour=contour, contour_width=width)
    plain = torch.nn.BCEWithLogitsLoss()
    logits = torch.logit(prediction.clamp(0.002, 0.998))

    def step(loss, **given):
        optimizer.zero_grad()
        # The loss sees a realistic prediction whatever the network has learned: real logits, the network's gradient.
        output = network(image)
        loss(output - output.detach() + logits, target, **given).backward()
        optimizer.step()

    race.run(
        5,
        step=lambda: step(with_cut, seeds=seeds, regions=regions, cells=cells),
        plain_step=lambda: step(plain),
    )
    race.times["loss"] = race.times["step"] - race.times["plain_step"]
    label = f"BALoss {contour}{'' if width is None else f' {width} wide'} in a U-Net step, 2x512x512"
    share = race.report(label, "loss", "step", "at most 0.15" if bound else "stated, no bound")
    assert bound is None or share <= bound
