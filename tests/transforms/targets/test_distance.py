# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps through MONAI's pipelines: crops, flips, zooms, lazy operations and caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor, PersistentDataset
from monai.transforms import (
    Compose,
    Flipd,
    LoadImaged,
    RandCropByPosNegLabeld,
    RandRotate90d,
    Rotate90d,
    SpatialCropd,
    Zoomd,
)

from monai_boundary.ops.signed_distance import signed_distance_map
from monai_boundary.transforms import (
    CheckSignedDistanceMapd,
    SignedDistanceMap,
    SignedDistanceMapd,
)
from tests.transforms.targets.volumes import SPACING, affine_of, volume

KEYS = ["image", "label", "sdm_label"]


@pytest.mark.parametrize("angle", [0.0, 0.5])
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_spacing_comes_from_theaffine_of(angle: float, flip: float) -> None:
    data = volume(affine_of((flip * SPACING[0], *SPACING[1:]), angle))
    phi = SignedDistanceMap()(data["label"])
    wanted = signed_distance_map(data["label"][0].numpy(), SPACING)
    np.testing.assert_allclose(phi[0].numpy(), wanted, rtol=1e-5)
    assert isinstance(phi, MetaTensor)
    torch.testing.assert_close(phi.affine, data["label"].affine)


def test_a_given_spacing_wins_and_arrays_are_in_voxels() -> None:
    label = volume()["label"]
    np.testing.assert_array_equal(SignedDistanceMap(spacing=2.0)(label)[0], signed_distance_map(label[0], 2.0))
    array = label.numpy()[:, ::-1].astype(np.uint8)  # a view with a negative stride
    np.testing.assert_array_equal(SignedDistanceMap()(array)[0], signed_distance_map(array[0]))


def test_classes_ignored_voxels_and_options() -> None:
    label = np.array([[[0, 1, 1, 255, 2, 2]]])
    maps = SignedDistanceMap(num_classes=3, ignore_index=255)(label)
    assert maps[:, 0].tolist() == [
        [-0.5, 0.5, 1.5, 0.0, 3.5, 4.5],
        [0.5, -0.5, -1.5, 0.0, 1.5, 2.5],  # to the unknown voxel no distance is measured: it may be 1, or not
        [3.5, 2.5, 1.5, 0.0, -1.5, -2.5],
    ]
    nested = np.array([[[0, 1, 1, 1, 0, 0]], [[0, 0, 1, 0, 0, 0]]])
    half = SignedDistanceMap(clip=1.5, normalise="diagonal", convention="released", dtype="float16")(nested)
    assert half.dtype == torch.float16
    options: dict[str, Any] = {"clip": 1.5, "normalise": "diagonal", "convention": "released"}
    np.testing.assert_allclose(half[0], signed_distance_map(nested[0], **options), rtol=1e-3)
    label = volume()["label"]
    wanted = signed_distance_map(label[0], SPACING, section_axis=2)
    np.testing.assert_array_equal(SignedDistanceMap(section_axis=2)(label)[0], wanted)


def test_crop_after_the_map_is_the_map_cropped() -> None:
    """The crop without foreground still knows the way to the lesion outside it."""
    crop = SpatialCropd(KEYS, roi_start=(16, 12, 4), roi_end=(24, 20, 10), allow_missing_keys=True)
    data = Compose([SignedDistanceMapd("label"), crop])(volume())
    whole = SignedDistanceMap()(volume()["label"])
    assert not data["label"].any()
    np.testing.assert_array_equal(data["sdm_label"], whole[:, 16:24, 12:20, 4:10])
    assert float(data["sdm_label"].min()) > 0
    assert not SignedDistanceMapd("label")(crop(volume()))["sdm_label"].any()  # what computing after the crop gives


def test_random_crops_carry_the_map() -> None:
    marked = SignedDistanceMapd("label")(volume())
    marked["where"] = MetaTensor(torch.arange(marked["label"].numel()).reshape(marked["label"].shape).float())
    crop = RandCropByPosNegLabeld([*KEYS, "where"], "label", spatial_size=(8, 8, 4), num_samples=6)
    crop.set_random_state(0)
    for patch in crop(marked):
        assert torch.equal(patch["sdm_label"].flatten(), marked["sdm_label"].flatten()[patch["where"].flatten().long()])
        CheckSignedDistanceMapd("sdm_label")(patch)


@pytest.mark.parametrize(
    "transform",
    [
        Flipd(KEYS, spatial_axis=0),
        Rotate90d(KEYS, spatial_axes=(0, 1)),
        Rotate90d(KEYS, spatial_axes=(1, 2), k=3),
        RandRotate90d(KEYS, prob=1.0),
    ],
    ids=lambda t: type(t).__name__,
)
def test_flips_and_quarter_turns_are_exact(transform: Any) -> None:
    data = transform(SignedDistanceMapd("label")(volume()))
    again = SignedDistanceMap()(data["label"])  # the affine turned with the label, and so did the spacing
    np.testing.assert_allclose(data["sdm_label"], again, atol=1e-5)
    CheckSignedDistanceMapd("sdm_label")(data)


def test_zoom_keeps_millimetres() -> None:
    data = SignedDistanceMapd("label")(volume())
    zoomed = Zoomd(KEYS, zoom=2.0, mode=["bilinear", "nearest", "trilinear"], keep_size=False)(data)
    again = SignedDistanceMap()(zoomed["label"])
    assert float((zoomed["sdm_label"] - again).abs().max()) < 0.6 * np.linalg.norm(SPACING)
    assert float(zoomed["sdm_label"].max()) == pytest.approx(float(data["sdm_label"].max()), rel=0.05)


def test_pending_lazy_operations_are_refused() -> None:
    lazy = Flipd(["label"], spatial_axis=0, lazy=True)(volume())
    with pytest.raises(ValueError, match="`label` needs its lazy operations applied, got 1 pending"):
        SignedDistanceMap()(lazy["label"])


@pytest.fixture
def files(tmp_path: Path) -> list[dict[str, str]]:
    import nibabel as nib

    items = []
    for number in range(2):
        item = {}
        for key, value in volume().items():
            path = tmp_path / f"{key}_{number}.nii.gz"
            nib.save(nib.Nifti1Image(value[0].numpy(), value.affine.numpy()), path)
            item[key] = str(path)
        items.append(item)
    return items


def _pipeline(dtype: str = "float32") -> Compose:
    return Compose(
        [
            LoadImaged(["image", "label"], ensure_channel_first=True),
            SignedDistanceMapd("label", dtype=dtype),
            RandCropByPosNegLabeld(KEYS, "label", spatial_size=(8, 8, 4), num_samples=1),
        ]
    )


@pytest.mark.parametrize("kind", ["cache", "persistent", "persistent, with meta data"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_cached_maps_stay_in_mm(kind: str, dtype: str, files: list[dict[str, str]], tmp_path: Path) -> None:
    """PersistentDataset drops the affine from the second read on; the millimetres are in the values."""
    if kind == "cache":
        dataset: Any = CacheDataset(files, _pipeline(dtype), progress=False)
    else:
        with_meta = {"track_meta": True, "weights_only": False} if "meta" in kind else {}
        dataset = PersistentDataset(files, _pipeline(dtype), cache_dir=tmp_path / "cache", **with_meta)
    whole = signed_distance_map(volume()["label"][0].numpy(), SPACING)
    for _ in range(3):
        for index in range(len(files)):
            patch = dataset[index][0]
            assert patch["sdm_label"].dtype == getattr(torch, dtype)
            values = patch["sdm_label"].numpy()[0].astype(np.float32)
            windows = np.lib.stride_tricks.sliding_window_view(whole, values.shape)
            distance = np.abs(windows - values).max(axis=(-3, -2, -1))
            assert distance.min() <= (1e-5 if dtype == "float32" else 0.02)


def test_workers_make_maps(files: list[dict[str, str]]) -> None:
    from monai.data import Dataset

    for options in ({}, {"backend": "simpleitk", "convention": "border"}):
        signed_distance_map(np.eye(64), **options)  # its threads exist before the workers are forked
        pipeline = Compose([LoadImaged(["label"], ensure_channel_first=True), SignedDistanceMapd("label", **options)])
        loader = DataLoader(Dataset([{"label": f["label"]} for f in files], pipeline), num_workers=1)
        assert len([batch["sdm_label"] for batch in loader]) == len(files)


def test_keys() -> None:
    data = volume()
    data["other"] = data["label"]
    made = SignedDistanceMapd(["label", "other"])(data)
    assert {"sdm_label", "sdm_other"} <= set(made)
    assert "distance" in SignedDistanceMapd("label", output_keys="distance")(data)
    assert "sdm_x" not in SignedDistanceMapd(["label", "x"], allow_missing_keys=True)(data)
    with pytest.raises(ValueError, match="`output_keys` needs one for each of"):
        SignedDistanceMapd(["label", "other"], output_keys="map")


def test_image_and_label_on_different_grids() -> None:
    data = volume()
    data["image"] = MetaTensor(data["image"].as_tensor(), affine=affine_of((0.8, 1.5, 3.3)))
    with pytest.raises(ValueError, match=r"`label` needs the affine of `image`: the same voxel lies up to 2.7 mm"):
        SignedDistanceMapd("label")(data)
    data["image"] = data["image"][:, :20]
    with pytest.raises(ValueError, match=r"spatial shape of `image`, \(20, 20, 10\), got \(24, 20, 10\)"):
        SignedDistanceMapd("label")(data)
    assert "sdm_label" in SignedDistanceMapd("label", image_key=None)(data)


@pytest.mark.parametrize(
    ("label", "options", "message"),
    [
        (np.zeros((4, 4)), {}, "`label` needs channels first"),
        (np.full((1, 4, 4), 2.0), {}, "`label` needs 0 and 1"),
        (np.zeros((1, 4, 4)), {"spacing": (1.0, 1.0, 1.0)}, r"`spacing` needs 2 entries"),
        (MetaTensor(torch.zeros(1, 4, 4), affine=torch.diag(torch.tensor([1.0, 0, 1]))), {}, "`affine` needs indep"),
        (MetaTensor(torch.zeros(1, 4, 4), affine=torch.full((3, 3), torch.nan)), {}, "`affine` needs finite entries"),
    ],
)
def test_bad_labels(label: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignedDistanceMap(**options)(label)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="`dtype` needs one of 'float32', 'float16', got 'float64'"):
        SignedDistanceMap(dtype="float64")
    with pytest.raises(TypeError, match="`label` needs an array or a tensor, got list"):
        SignedDistanceMap()([[0, 1]])
