# SPDX-License-Identifier: Apache-2.0
"""The maps on their way through MONAI: keys, random transforms, caches, batches, and the lazy trap."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor, PersistentDataset
from monai.transforms import (
    Compose,
    LoadImaged,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandRotate90d,
    RandSpatialCropd,
    Spacingd,
    SpatialCropd,
    SpatialPadd,
)
from skimage.io import imread

from monai_boundary import transforms
from monai_boundary.ops import label_regions, region_seeds, seed_points
from monai_boundary.transforms import (
    CleanMembraneLabeld,
    EdgeMaskd,
    PotentialFieldd,
    RegionTargetsd,
    ReseedRegionsd,
    SignedDistanceMapd,
)
from tests.oracles.regions import flood_regions, region_distances
from tests.transforms.images import assert_same_geometry, em_tensor

MAPS = ["regions_label", "seeds_label", "cells_label"]
KEYS = ["image", "label", *MAPS]


def grid(rng: np.random.Generator, shape: tuple[int, ...] = (24, 28)) -> dict[str, Any]:
    """An image and its membrane label: lines every five to seven voxels, with some holes."""
    label = np.zeros(shape, dtype=np.float32)
    label[..., ::7] = 1
    label[..., ::5, :] = 1
    label[rng.random(shape) < 0.02] = 0
    return {"image": em_tensor(rng.random(shape, dtype=np.float32)), "label": em_tensor(label)}


def assert_consistent(data: dict[str, Any]) -> None:
    """Regions are the components of this label, each with one seed inside, and the cells are the nearest regions."""
    label, regions, seeds, cells = (np.asarray(data[key][0]) for key in ["label", *MAPS])
    expected = flood_regions(label == 0)
    np.testing.assert_array_equal(regions > 0, label == 0)
    assert len(set(zip(expected.flat, regions.flat, strict=True)) - {(0, 0)}) == expected.max() == regions.max()
    ids, points = seed_points(seeds)
    np.testing.assert_array_equal(ids, np.arange(1, regions.max() + 1))
    np.testing.assert_array_equal(regions[tuple(points.T)], ids)
    np.testing.assert_array_equal(cells[regions > 0], regions[regions > 0])
    spacing = tuple(np.diag(data["label"].affine)[:-1].tolist())
    for voxel in list(zip(*np.nonzero(regions == 0), strict=True))[::17]:
        found = region_distances(regions, voxel, spacing)
        assert found[cells[voxel]] == pytest.approx(min(found.values()))


def test_keys_are_added_and_nothing_else_changes(rng: np.random.Generator) -> None:
    data = grid(rng)
    new = RegionTargetsd("label")(data)
    assert set(new) == {*KEYS}
    assert set(data) == {"image", "label"}
    assert new["label"] is data["label"]
    assert_consistent(new)
    for key in MAPS:
        assert new[key].dtype == torch.int32
        assert_same_geometry(new[key], data["label"])


def test_other_keys_and_suffixes(rng: np.random.Generator) -> None:
    data = {"a": grid(rng)["label"], "b": grid(rng)["label"]}
    new = RegionTargetsd(["a", "b"], suffix=["one", "two"], cells=False)(data)
    assert set(new) == {"a", "b", "regions_one", "seeds_one", "regions_two", "seeds_two"}
    again = ReseedRegionsd(["one", "two"])(new)
    assert set(again) == set(new)
    for wrong in ("label", ["x", "x"]):
        with pytest.raises(ValueError, match=r"`suffix` needs one for each of \('a', 'b'\), all different"):
            RegionTargetsd(["a", "b"], suffix=wrong)


def test_arguments_reach_the_array_transform() -> None:
    made = RegionTargetsd("label", "x", "instances", (1, 2), 0, False).transform
    assert (made.source, made.spacing, made.section_axis, made.cells) == ("instances", (1, 2), 0, False)
    ids = np.zeros((1, 2, 3, 3), dtype=np.int32)
    ids[:, :, 1:] = 1
    data = {"regions_label": ids, "seeds_label": np.zeros_like(ids)}
    sections = ReseedRegionsd("label", section_axis=0)(data)
    assert sections["regions_label"].max() == 2
    assert ReseedRegionsd("label")(data)["regions_label"].max() == 1
    with pytest.raises(ValueError, match="`spacing` needs 3 entries"):
        ReseedRegionsd("label", spacing=(1, 2))(data)


def test_missing_keys(rng: np.random.Generator) -> None:
    with pytest.raises(KeyError, match="label"):
        RegionTargetsd("label")({"image": 1})
    assert RegionTargetsd("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match=r"needs \['regions_label', 'seeds_label'\] in the data for 'label'"):
        ReseedRegionsd("label")({"image": 1})
    assert ReseedRegionsd("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    data = RegionTargetsd("label")(grid(rng))
    del data["seeds_label"]
    with pytest.raises(KeyError, match=r"needs \['seeds_label'\]"):
        ReseedRegionsd("label", allow_missing_keys=True)(data)


def test_shapes_must_agree(rng: np.random.Generator) -> None:
    data = grid(rng)
    data["image"] = data["image"][:, 1:]
    with pytest.raises(ValueError, match=re.escape("`label` needs the shape of `image`, (23, 28), got (24, 28).")):
        RegionTargetsd("label")(data)
    assert "seeds_label" in RegionTargetsd("label", image_key=None)(data)
    forgotten = RegionTargetsd("label", image_key=None)(data)
    forgotten["label"] = forgotten["label"][:, :, 2:]
    with pytest.raises(
        ValueError, match=re.escape("`regions_label` needs the shape of `label`, (24, 26), got (24, 28).")
    ):
        ReseedRegionsd("label")(forgotten)


def test_two_maps_that_were_not_cropped_together(rng: np.random.Generator) -> None:
    data = RegionTargetsd("label")(grid(rng))
    data["seeds_label"] = torch.roll(data["seeds_label"], 3, dims=1)
    with pytest.raises(ValueError, match="were both maps moved alike"):
        ReseedRegionsd("label")(data)


@pytest.mark.parametrize("shape", [(24, 28), (6, 14, 15)])
@pytest.mark.parametrize("seed", range(3))
def test_random_transforms_carry_the_maps_and_reseeding_repairs_crops(
    rng: np.random.Generator, shape: tuple[int, ...], seed: int
) -> None:
    whole = RegionTargetsd("label")(grid(rng, shape))
    flips = Compose(
        [
            RandFlipd(KEYS, prob=0.7, spatial_axis=0),
            RandFlipd(KEYS, prob=0.7, spatial_axis=1),
            RandRotate90d(KEYS, prob=0.7, max_k=3, spatial_axes=(len(shape) - 2, len(shape) - 1)),
        ]
    ).set_random_state(seed)
    moved = flips(whole)
    for key in MAPS:
        assert moved[key].dtype == torch.int32
    regions, seeds = moved["regions_label"][0].numpy(), moved["seeds_label"][0].numpy()
    np.testing.assert_array_equal(regions > 0, moved["label"][0].numpy() == 0)
    assert (seeds > 0).sum() == regions.max()
    np.testing.assert_array_equal(regions[seeds > 0], seeds[seeds > 0])

    crop = RandSpatialCropd(KEYS, [n // 2 for n in shape], random_size=False).set_random_state(seed)
    cropped = crop(moved)
    repaired = ReseedRegionsd("label")(cropped)
    assert_consistent(repaired)
    kept = cropped["seeds_label"] > 0
    assert (repaired["seeds_label"][kept] > 0).all()
    torch.testing.assert_close(repaired["image"], cropped["image"])
    for key in MAPS:
        assert_same_geometry(repaired[key], cropped["label"])


def test_crops_that_come_as_a_list(rng: np.random.Generator) -> None:
    steps = [
        RegionTargetsd("label"),
        RandCropByPosNegLabeld(KEYS, label_key="label", spatial_size=(10, 11), num_samples=3),
        ReseedRegionsd("label"),
    ]
    samples = Compose(steps).set_random_state(0)(grid(rng))
    assert len(samples) == 3
    for sample in samples:
        assert_consistent(sample)


def test_padding_with_the_edge_or_with_membrane(rng: np.random.Generator) -> None:
    whole = RegionTargetsd("label")(grid(rng))
    edge = SpatialPadd(KEYS, (30, 30), mode="edge")(whole)
    edge["seeds_label"] = SpatialPadd("seeds_label", (30, 30))(whole)["seeds_label"]  # a seed must not be repeated
    assert_consistent(ReseedRegionsd("label")(edge))
    membrane = SpatialPadd(KEYS, (30, 30))(whole)
    membrane["label"] = SpatialPadd("label", (30, 30), value=1)(whole)["label"]
    assert_consistent(ReseedRegionsd("label")(membrane))


def test_a_linearly_resampled_map_is_refused(rng: np.random.Generator) -> None:
    """MONAI 1.6.1 forgets `mode` when transforms are lazy, and interpolates labels linearly."""
    whole = RegionTargetsd("label")(grid(rng))
    modes = ["bilinear", *["nearest"] * 4]
    turn = RandAffined(KEYS, prob=1.0, rotate_range=0.5, mode=modes, padding_mode="border")
    done = Compose([turn.set_random_state(1), ReseedRegionsd("label")])(whole)
    np.testing.assert_array_equal(done["regions_label"] > 0, done["label"] == 0)
    turn.set_random_state(1)
    lazy = Compose([turn], lazy=True)(whole)
    with pytest.raises(ValueError, match=r"`regions` needs whole numbers, got .* and not lazy=True"):
        ReseedRegionsd("label")(lazy)


def test_cache_dataset_keeps_the_maps(rng: np.random.Generator) -> None:
    steps = [RegionTargetsd("label"), RandSpatialCropd(KEYS, (12, 12), random_size=False), ReseedRegionsd("label")]
    data = CacheDataset([grid(rng), grid(rng)], Compose(steps).set_random_state(0), num_workers=1, progress=False)
    whole = RegionTargetsd("label")(data.data[0])
    for key in MAPS:
        torch.testing.assert_close(data._cache[0][key], whole[key])
    for _ in range(2):
        assert_consistent(data[0])
    batch = next(iter(DataLoader(data, batch_size=2)))
    assert batch["seeds_label"].shape == (2, 1, 12, 12)
    assert batch["seeds_label"].dtype == torch.int32
    torch.testing.assert_close(data._cache[0]["seeds_label"], whole["seeds_label"])  # the cache is not written to


def test_persistent_dataset_keeps_the_maps(rng: np.random.Generator, tmp_path: Path) -> None:
    """It drops the meta data by default (MONAI 1.6.1), thus the spacing: the maps were computed before."""
    item = grid(rng)
    item["label"] = em_tensor(item["label"][0].numpy(), (9.0, 1.0))
    item["image"] = em_tensor(item["image"][0].numpy(), (9.0, 1.0))
    crop = SpatialCropd(KEYS, roi_start=(3, 3), roi_end=(17, 19))
    data = PersistentDataset([item], Compose([RegionTargetsd("label")]), cache_dir=tmp_path)
    first, second = data[0], data[0]
    whole = RegionTargetsd("label")(item)
    for key in MAPS:
        for read in (first, second):
            np.testing.assert_array_equal(read[key].numpy(), whole[key].numpy())
    assert not isinstance(second["label"], MetaTensor)
    with_spacing = ReseedRegionsd("label", spacing=(9.0, 1.0))(crop(second))
    by_affine = ReseedRegionsd("label")(crop(whole))
    for key in MAPS:
        np.testing.assert_array_equal(with_spacing[key].numpy(), by_affine[key].numpy())
    assert len(list(tmp_path.glob("*.pt"))) == 1


@pytest.mark.parametrize("name", ["RegionTargets", "ReseedRegions"])
def test_aliases(name: str) -> None:
    assert getattr(transforms, f"{name}d") is getattr(transforms, f"{name}D") is getattr(transforms, f"{name}Dict")


def test_a_real_section(real_data: Callable[[str], Path]) -> None:
    folder = real_data("em_isbi2012")
    data = {key: em_tensor(imread(folder / key / "05.png"), (4.0, 4.0)) for key in ("image", "label")}
    whole = Compose([CleanMembraneLabeld("label"), RegionTargetsd("label")])(data)
    regions = whole["regions_label"][0].numpy()
    assert 88 <= regions.max() <= 137
    np.testing.assert_array_equal(whole["seeds_label"][0].numpy(), region_seeds(regions))
    crop = SpatialCropd(KEYS, roi_start=(100, 200), roi_end=(356, 456))(whole)
    repaired = ReseedRegionsd("label")(crop)
    np.testing.assert_array_equal(repaired["regions_label"][0], label_regions(crop["label"][0].numpy() == 0))
    ids, points = seed_points(repaired["seeds_label"][0].numpy())
    np.testing.assert_array_equal(repaired["regions_label"][0].numpy()[tuple(points.T)], ids)
    assert set(np.unique(repaired["cells_label"])) == set(ids)


def test_monai_takes_no_target_for_meta_data(tmp_path: Path) -> None:
    """`Spacingd` updates every key that begins with ``label_`` as meta data, once the label is from a NIfTI file."""
    mask = np.zeros((8, 9, 6), dtype=np.uint8)
    mask[2:5, 3:7, 1:4] = 1
    nibabel.save(nibabel.Nifti1Image(mask, np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / "label.nii.gz")
    make = [SignedDistanceMapd("label"), EdgeMaskd("label"), PotentialFieldd("label", w=3), RegionTargetsd("label")]
    data = Compose([LoadImaged("label", ensure_channel_first=True), *make])({"label": tmp_path / "label.nii.gz"})
    targets = sorted(set(data) - {"label"})
    assert targets == [f"{name}_label" for name in ("cells", "edge", "potential", "regions", "sdm", "seeds")]
    moved = Spacingd(["label", *targets], (1.0, 1.0, 1.0), mode="nearest")(data)
    assert {key: tuple(moved[key].shape[1:]) for key in ["label", *targets]} == dict.fromkeys(
        ["label", *targets], (8, 17, 16)
    )
