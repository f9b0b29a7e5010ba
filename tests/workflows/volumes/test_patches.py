# SPDX-License-Identifier: Apache-2.0
"""Patches cut at once, against MONAI's chain of transforms for the same centres and flips."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.data.utils import list_data_collate
from monai.transforms import (
    ClassesToIndicesd,
    Compose,
    Flipd,
    RandCropByLabelClassesd,
    ScaleIntensity,
    ShiftIntensity,
    SpatialPadd,
    SqueezeDimd,
)

from monai_boundary.workflows.volumes.patches import RandPatchesd, SliceLayoutd, cut_patch, patch_starts

KEYS = ["image", "label", "map"]
RATIOS = [0.3, 0.5, 0.2]


def case(shape: tuple[int, ...], meta: bool = False, seed: int = 0) -> dict[str, Any]:
    """Images of two channels, labels of three classes, maps of three channels in float16."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {
        "image": torch.from_numpy(rng.random((2, *shape), np.float32)),
        "label": torch.from_numpy(rng.integers(0, 3, (1, *shape)).astype(np.uint8)),
        "map": torch.from_numpy(rng.normal(size=(3, *shape)).astype(np.float16)),
    }
    if meta:
        affine = torch.diag(torch.tensor([0.5, 1, 3, 1], dtype=torch.float64))
        data = {key: MetaTensor(value, affine=affine) for key, value in data.items()}
    return ClassesToIndicesd("label", num_classes=3)(data)


def monais(data: dict[str, Any], size: list[int], axis: int, count: int, seed: int) -> list[dict[str, Any]]:
    """The patches that MONAI cuts, before they are flipped."""
    whole = [*size[:axis], 1, *size[axis:]] if len(size) < data["label"].ndim - 1 else size
    options: dict[str, Any] = {"ratios": RATIOS, "num_classes": 3, "indices_key": "label_cls_indices"}
    crop = RandCropByLabelClassesd(
        KEYS, "label", whole, num_samples=count, allow_smaller=True, warn=False, **options
    ).set_random_state(seed)
    squeeze = [SqueezeDimd(KEYS, dim=axis + 1, update_meta=False)] if whole is not size else []
    pad = [SpatialPadd(["image", "label"], size), SpatialPadd("map", size, mode="edge")]
    rest = Compose([*squeeze, *pad])  # a Compose with random transforms seeds them
    return [rest({key: sample[key] for key in KEYS}) for sample in crop(data)]


@pytest.mark.parametrize(
    ("shape", "size", "axis"),
    [
        ((9, 8, 5), [4, 6], 2),  # slices
        ((9, 8, 5), [5, 3], 0),
        ((9, 8, 5), [5, 5], 1),
        ((9, 8, 5), [12, 11], 2),  # larger than the image, by an odd and an even number
        ((9, 8, 5), [4, 4, 4], 2),  # patches
        ((9, 8, 5), [5, 3, 1], 2),
        ((9, 8, 5), [16, 8, 7], 2),
        ((9, 8), [4, 3], 2),  # patches of images
        ((9, 8), [12, 7], 2),
    ],
)
def test_they_are_those_of_monais_chain(shape: tuple[int, ...], size: list[int], axis: int) -> None:
    data = case(shape, meta=len(shape) == 3)
    axes = list(range(len(size)))
    options: dict[str, Any] = {"ratios": RATIOS, "indices_key": "label_cls_indices", "slice_axis": axis}
    draw = RandPatchesd(KEYS, size, count=8, flips=axes, edge_keys=["map"], **options).set_random_state(7)
    laid_out = SliceLayoutd(KEYS, axis)(data) if len(shape) == 3 else data
    patches = draw(laid_out)
    turns = [list(chosen) for n in range(len(axes) + 1) for chosen in combinations(axes, n)]
    found = set()
    for patch, wanted in zip(patches, monais(data, size, axis, 8, seed=7), strict=True):
        assert list(patch) == KEYS
        assert not any(isinstance(value, MetaTensor) for value in patch.values())
        turned = [Flipd(KEYS, spatial_axis=turn)(dict(wanted)) if turn else wanted for turn in turns]
        same = [k for k, one in enumerate(turned) if all(bool((patch[key] == one[key]).all()) for key in KEYS)]
        assert same, "all keys are cut at the same place and turned alike"
        assert all(patch[key].dtype == data[key].dtype for key in KEYS)
        found.add(same[0])
    assert len(found) > 1


def test_whole_images_are_only_flipped() -> None:
    data = case((6, 5))
    draw = RandPatchesd(KEYS, None, flips=[1])
    patches: list[Any] = [draw.set_random_state(k)(data) for k in range(60)]
    turned = [bool(torch.equal(patch["image"], data["image"].flip(2))) for patch in patches]
    for patch, turn in zip(patches, turned, strict=True):
        for key in KEYS:
            assert torch.equal(patch[key], data[key].flip(2) if turn else data[key])
    assert 18 <= sum(turned) <= 42, "60 draws of one half"


def test_shares_of_classes_and_flips() -> None:
    """Each voxel knows its class and place: of 4000 draws, shares to 3 standard deviations."""
    shape = (7, 6, 5)
    place = torch.arange(7 * 6 * 5).view(1, *shape)
    indices = [torch.arange(100), torch.arange(100, 110), torch.arange(110, 210)]
    options: dict[str, Any] = {"ratios": [1, 2, 1], "flips": [0, 2]}
    draw = RandPatchesd(["place"], [1, 1, 1], count=4000, **options).set_random_state(0)
    centres = torch.cat([patch["place"].flatten() for patch in draw({"place": place, "indices": indices})])
    shares = [
        float(((centres >= low) & (centres < high)).float().mean()) for low, high in [(0, 100), (100, 110), (110, 210)]
    ]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=3 * (0.25 / 4000) ** 0.5)
    counts = torch.bincount(centres, minlength=210)
    assert counts[100:110].tolist() == pytest.approx([200] * 10, abs=3 * 200**0.5)
    assert bool((counts > 0).float().mean() > 0.95), "every voxel of a class is drawn alike"
    draw = RandPatchesd(["place"], [3, 3, 3], count=1000, **options).set_random_state(0)
    corners = torch.stack([patch["place"][0] for patch in draw({"place": place, "indices": [[*range(210)], [], []]})])
    turned = [(corners[:, 0, 0, 0] > corners[:, 2, 0, 0]), (corners[:, 0, 0, 0] > corners[:, 0, 0, 2])]
    both = [float(one.float().mean()) for one in (*turned, turned[0] & turned[1])]
    assert both == pytest.approx([0.5, 0.5, 0.25], abs=3 * (0.25 / 1000) ** 0.5)
    assert bool((corners[:, 0, 0, 0] < corners[:, 0, 2, 0]).all()), "the axis that was not named stays"


def test_a_seed_decides_and_nothing_is_written_to_the_case() -> None:
    data = case((9, 8, 5))
    before = {key: data[key].clone() for key in KEYS}
    options: dict[str, Any] = {"count": 3, "ratios": RATIOS, "indices_key": "label_cls_indices", "float_keys": ["map"]}
    draw = RandPatchesd(KEYS, [9, 8, 5], **options)
    first, again, other = (draw.set_random_state(seed)(data) for seed in (1, 1, 2))
    assert all(torch.equal(a[key], b[key]) for a, b in zip(first, again, strict=True) for key in KEYS)
    small = RandPatchesd(KEYS, [3, 3], **options)
    assert not all(
        torch.equal(a["image"], b["image"])
        for a, b in zip(small.set_random_state(1)(data), small.set_random_state(2)(data), strict=True)
    )
    assert all(patch["map"].dtype == torch.float32 for patch in (*first, *other))
    batch = list_data_collate([first, other])
    for key in KEYS:
        assert batch[key].shape == (6, *before[key].shape)
        batch[key].fill_(9)
    assert all(torch.equal(data[key], before[key]) for key in KEYS)


def test_intensities_change_as_monais_do() -> None:
    """Of 400 patches a quarter each: as they are, scaled, shifted, both; found by a line through the voxels."""
    data = case((4, 3))
    draw = RandPatchesd(["image", "map"], None, scale=0.25, shift=0.5)
    kinds: list[tuple[bool, bool]] = []
    for seed in range(400):
        patch: Any = draw.set_random_state(seed)(data)
        old, new = data["image"].flatten(), patch["image"].flatten()
        growth = float((new[1] - new[0]) / (old[1] - old[0])) - 1
        offset = float(new[0] - (1 + growth) * old[0])
        assert abs(growth) <= 0.2501
        assert abs(offset) <= 0.5001
        monai = ShiftIntensity(offset)(ScaleIntensity(minv=None, maxv=None, factor=growth)(data["image"]))
        torch.testing.assert_close(patch["image"], monai.as_subclass(torch.Tensor), atol=1e-5, rtol=0)
        assert torch.equal(patch["map"], data["map"])
        kinds.append((abs(growth) > 1e-4, abs(offset) > 1e-4))
    for kind in [(a, b) for a in (False, True) for b in (False, True)]:
        assert 70 <= kinds.count(kind) <= 130


def test_starts_and_padding_by_hand() -> None:
    centres = np.array([[0, 0], [3, 3], [6, 6]])
    assert patch_starts(centres, [4, 3], [7, 7]).tolist() == [[0, 0], [1, 2], [3, 4]]
    assert patch_starts(centres, [9, 7], [7, 7]).tolist() == [[0, 0]] * 3
    image = torch.tensor([[[1, 2], [3, 4]]])
    assert cut_patch(image, [0, 0], [2, 5]).tolist() == [[[0, 1, 2, 0, 0], [0, 3, 4, 0, 0]]]
    assert cut_patch(image, [0, 0], [3, 3], edge=True).tolist() == [[[1, 2, 2], [3, 4, 4], [3, 4, 4]]]


def test_a_class_that_is_not_there() -> None:
    data = {"image": torch.arange(5.0).view(1, 5, 1), "indices": [torch.tensor([]), torch.tensor([4])]}
    draw = RandPatchesd(["image"], [1, 1], count=6, ratios=[0.9, 0.1])
    assert [patch["image"].item() for patch in draw(data)] == [4.0] * 6
    with pytest.raises(ValueError, match="`indices` needs a voxel of a class with a ratio"):
        draw({**data, "indices": [[], []]})
    with pytest.raises(ValueError, match="`size` needs 2 or 3 spatial dimensions, got 1"):
        RandPatchesd(["image"], [4])
    with pytest.raises(ValueError, match="`count`"):
        RandPatchesd(["image"], [4, 4], count=0)
