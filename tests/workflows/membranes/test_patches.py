# SPDX-License-Identifier: Apache-2.0
"""Patches of membranes cut at once, against MONAI's chain of transforms for the same place, mirror and turn."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, Rotate90d, SpatialCropd
from skimage.measure import label as components

from monai_boundary.data import em_datalist, write_em_phantom
from monai_boundary.transforms import RegionTargetsd, ReseedRegionsd
from monai_boundary.workflows.membranes.patches import RandMembranePatchd, membrane_keys
from monai_boundary.workflows.membranes.pipeline import em_transforms

KEYS = ["image", "label", "regions_label", "seeds_label", "cells_label"]


def case(shape: tuple[int, ...], spacing: tuple[float, ...] = ()) -> dict[str, Any]:
    """An image whose voxels are all different, walls, and their regions; with an affine if there is a spacing."""
    rng = np.random.default_rng(0)
    wall = (rng.random(shape) < 0.35).astype(np.float32)[None]
    image: Any = torch.arange(float(wall.size)).view(1, *shape)
    label: Any = torch.from_numpy(wall)
    if spacing:
        affine = torch.diag(torch.tensor([*spacing, *[1.0] * (4 - len(spacing))], dtype=torch.float64))
        image, label = MetaTensor(image, affine=affine), MetaTensor(label, affine=affine)
    return dict(RegionTargetsd("label")({"image": image, "label": label}))


@pytest.mark.parametrize(
    ("shape", "size", "spacing", "ways"),
    [
        ((12, 11), (6, 6), (4.0, 4.0), 8),
        ((12, 11), (6, 4), (4.0, 9.0), 4),
        ((5, 8, 9), (3, 4, 4), (30.0, 4.0, 9.0), 12),
        ((5, 8, 9), (5, 9, 7), (30.0, 4.0, 4.0), 6),  # an axis shorter than the patch
    ],
)
def test_they_are_those_of_monais_chain(
    shape: tuple[int, ...], size: tuple[int, ...], spacing: tuple[float, ...], ways: int
) -> None:
    data, draw = case(shape, spacing), RandMembranePatchd(KEYS, size, scale=0, shift=0)
    cut, ndim, plain = (
        tuple(map(min, size, shape)),
        len(shape),
        torch.as_tensor(data["image"]).as_subclass(torch.Tensor),
    )
    quarters = range(4) if cut[-1] == cut[-2] else (0, 2)
    found: set[tuple[Any, ...]] = set()
    for seed in range(100):
        patch: Any = draw.set_random_state(seed)(data)
        least = np.unravel_index(int(patch["image"].min()), shape)  # a value is a place
        assert patch["image"].shape[1:] == cut, "patches of a batch have one shape"
        piece = plain[(slice(None), *map(slice, least, np.add(least, cut)))]
        ways_to = {
            (flip, turn): torch.rot90(piece if flip is None else piece.flip(flip + 1), turn, (-2, -1))
            for flip, turn in product((None, *range(ndim)), quarters)
        }
        flip, turn = next(way for way, turned in ways_to.items() if torch.equal(turned, patch["image"]))
        if (flip, turn) not in {one[ndim:] for one in found}:
            wanted = monais(data, least, cut, flip, turn)
            for key in KEYS:
                assert not isinstance(patch[key], MetaTensor)
                assert torch.equal(patch[key], wanted[key].as_tensor()), key
        found.add((*map(int, least), flip, turn))
    assert len({one[:ndim] for one in found}) >= min(10, int(np.prod(np.subtract(shape, cut) + 1))), "places"
    assert len({one[ndim:] for one in found}) == ways, "a mirror along y is one along x and half a turn"


def monais(data: dict[str, Any], start: Any, size: tuple[int, ...], flip: int | None, turn: int) -> dict[str, Any]:
    """The patch that MONAI cuts, mirrors and turns."""
    steps: list[Any] = [SpatialCropd(KEYS, roi_start=start, roi_end=np.add(start, size))]
    steps += [Flipd(KEYS, flip)] if flip is not None else []
    steps += [Rotate90d(KEYS, k=turn, spatial_axes=(len(size) - 2, len(size) - 1))] if turn else []
    return dict(Compose([*steps, ReseedRegionsd("label")])(dict(data)))


def test_draws_are_even() -> None:
    """3000 draws of a 2 x 2 patch of 3 x 3: four places, and the eight ways to lay a square, to 3 deviations."""
    draw = RandMembranePatchd(["image"], (2, 2), scale=0, shift=0).set_random_state(1)
    section = {"image": torch.arange(9.0).view(1, 3, 3)}
    drawn = [tuple(draw(section)["image"].flatten().tolist()) for _ in range(3000)]
    counts = [drawn.count(one) for one in set(drawn)]
    assert len(counts) == 4 * 8
    assert min(counts) >= 3000 / 32 - 4 * (3000 / 32) ** 0.5
    assert max(counts) <= 3000 / 32 + 4 * (3000 / 32) ** 0.5


def test_intensities_and_the_case_is_left_alone() -> None:
    data = case((8, 8))
    before = {key: data[key].clone() for key in KEYS}
    draw = RandMembranePatchd(KEYS, (8, 8), scale=0.25, shift=0.5)
    kinds = []
    for seed in range(200):
        patch: Any = draw.set_random_state(seed)(data)
        low, high = patch["image"].aminmax()
        growth = float(high - low) / 63 - 1
        kinds.append((abs(growth) > 1e-4, abs(float(low)) > 1e-4))
        assert abs(growth) <= 0.25 + 1e-5
        assert abs(float(low)) <= 0.5 + 1e-5
        assert torch.equal(patch["label"].unique(), torch.tensor([0.0, 1.0]))
    for kind in product((False, True), repeat=2):
        assert 25 <= kinds.count(kind) <= 75, "a quarter each"
    assert all(torch.equal(data[key], before[key]) for key in KEYS)
    again = [draw.set_random_state(3)(data)["image"] for _ in range(2)]
    assert torch.equal(*again)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="`size` needs 2 or 3 spatial dimensions, got 1"):
        RandMembranePatchd(["image"], (4,))
    with pytest.raises(ValueError, match="`scale`"):
        RandMembranePatchd(["image"], (4, 4), scale=-1)
    with pytest.raises(ValueError, match=r"`size` needs 3 sides for an image of \(2, 4, 4\), got \(4, 4\)"):
        RandMembranePatchd(["image"], (4, 4))({"image": torch.zeros(1, 2, 4, 4)})


@pytest.mark.parametrize("target", ["seeds_label", "cells_label", "regions_label"])
def test_seeds_or_cells_alone_are_those_of_the_patch(tmp_path: Path, target: str) -> None:
    """Of a loss of one's own that takes no regions: they go along, since seeds are placed anew by them."""
    keys = membrane_keys([target])
    write_em_phantom(tmp_path, shape=(1, 64, 64), seed=1)
    (item,) = em_datalist(tmp_path)
    data = Compose(em_transforms("instances", 2, targets=keys[2:]))(item)
    draw = RandMembranePatchd(keys, [24, 24]).set_random_state(0)
    for _ in range(4):
        patch: Any = draw(data)
        pieces = components(patch["label"][0].numpy() == 0, connectivity=1).max()
        assert torch.unique(patch[target][patch[target] > 0]).tolist() == list(range(1, pieces + 1))
    with pytest.raises(ValueError, match=r"`keys` needs \['(regions|seeds)_label'.* to renew them in a patch"):
        RandMembranePatchd(["image", "label", target], [24, 24])


def test_a_smaller_image_gives_a_multiple() -> None:
    data, draw = case((12, 11)), RandMembranePatchd(KEYS, (8, 16), multiple=4)
    for seed in range(8):
        assert draw.set_random_state(seed)(data)["label"].shape == (1, 8, 8)


def test_a_whole_image_keeps_its_regions_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """They depend on the label alone, and are not made anew in each step; another pass would only number them anew."""
    data, draw = case((12, 12)), RandMembranePatchd(KEYS, (16, 16), scale=0, shift=0)
    again = ReseedRegionsd("label")
    monkeypatch.setattr("monai_boundary.workflows.membranes.patches.ReseedRegionsd", None)
    for seed in range(8):
        patch: Any = draw.set_random_state(seed)(data)
        renewed: Any = again({key: patch[key] for key in KEYS[1:]})
        for key in ("regions_label", "seeds_label"):
            both = np.stack([patch[key].numpy().ravel(), renewed[key].numpy().ravel()])
            ids = [len(np.unique(part)) for part in both]
            assert len(np.unique(both, axis=1).T) == ids[0] == ids[1], key
        inside = patch["regions_label"] > 0
        assert torch.equal(patch["cells_label"][inside], patch["regions_label"][inside]), "turned with them"
