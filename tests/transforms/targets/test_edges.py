# SPDX-License-Identifier: Apache-2.0
"""Edge masks through MONAI's pipelines: spacing, crops, flips, caches, and the lazy trap."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, MetaTensor, PersistentDataset
from monai.transforms import Compose, Flipd, RandAffined, RandCropByPosNegLabeld, Rotate90d, SpatialCropd

from monai_boundary.ops import contour_mask, edge_masks
from monai_boundary.transforms import EdgeMask, EdgeMaskd
from tests.transforms.targets.volumes import SPACING, affine_of, volume

KEYS = ["image", "label", "edge_label"]


@pytest.mark.parametrize("angle", [0.0, 0.5])
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_mm_come_from_the_affine(angle: float, flip: float) -> None:
    label = volume(affine_of((flip * SPACING[0], *SPACING[1:]), angle))["label"]
    edge = EdgeMask(thickness=1.6, unit="mm")(label)
    wanted = edge_masks(label.as_tensor()[None], "both", 1.6, "mm", spacing=SPACING)[0]
    assert torch.equal(edge.as_tensor(), wanted.float())
    assert not torch.equal(wanted, edge_masks(label.as_tensor()[None], "both", 1.6, "mm")[0]), "the spacing counts"
    assert isinstance(edge, MetaTensor)
    torch.testing.assert_close(edge.affine, label.affine)
    assert edge.meta is not label.meta


def test_arrays_tensors_and_the_type_of_the_result() -> None:
    array = volume()["label"].numpy()[:, ::-1].astype(np.uint8)  # a view with a negative stride
    edge = EdgeMask(side="inner", dtype="uint8")(array)
    assert edge.dtype == torch.uint8
    np.testing.assert_array_equal(edge[0].numpy(), contour_mask(array[0]))
    picture = torch.from_numpy(array[..., 4].copy())
    assert EdgeMask()(picture).dtype == torch.float32
    np.testing.assert_array_equal(EdgeMask(side="outer")(picture)[0].numpy(), contour_mask(array[0, ..., 4], "outer"))
    given = EdgeMask(thickness=1.2, unit="mm", spacing=2.0)(array)
    np.testing.assert_array_equal(given[0].numpy(), contour_mask(array[0], "both"))


def test_classes_and_options_reach_the_operation() -> None:
    label = np.array([[[0, 1, 1, 2, 2, 255]]])
    edges = EdgeMask(num_classes=3, ignore_index=255, side="inner")(label)
    assert edges[:, 0].tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    any_class = EdgeMask(num_classes=3, ignore_index=255, side="inner", classes="any", include_background=False)(label)
    assert any_class[:, 0].tolist() == [[0, 1, 1, 1, 0, 0]]
    known = (label != 255).astype(np.uint8)
    masked = EdgeMask(num_classes=3, side="inner")(np.where(label == 255, 0, label), known)
    np.testing.assert_array_equal(masked, edges)
    full = torch.ones(1, 3, 3)
    assert EdgeMask(frame=True)(full).sum() == 8
    assert EdgeMask()(full).sum() == 0
    diagonal = torch.eye(5)[None]
    assert EdgeMask(side="outer", connectivity=2)(diagonal).sum() > EdgeMask(side="outer")(diagonal).sum()
    slab = torch.zeros(1, 4, 4, 4)
    slab[..., 2:] = 1
    assert EdgeMask(section_axis=2)(slab).sum() == 0


@pytest.mark.parametrize("kind", [0.0, 1.0])
@pytest.mark.parametrize("options", [{}, {"thickness": 3.0, "unit": "mm"}])
def test_empty_and_full(kind: float, options: dict[str, Any]) -> None:
    label = MetaTensor(torch.full((2, 4, 5, 3), kind), affine=affine_of())
    assert not EdgeMask(**options)(label).any()


def test_edges_of_the_whole_image_have_none_at_the_frame_of_a_crop() -> None:
    crop = SpatialCropd(KEYS, roi_start=(4, 4, 2), roi_end=(10, 10, 6), allow_missing_keys=True)
    before = Compose([EdgeMaskd("label"), crop])(volume())
    whole = EdgeMask()(volume()["label"])
    np.testing.assert_array_equal(before["edge_label"], whole[:, 4:10, 4:10, 2:6])
    after = EdgeMaskd("label")(crop(volume()))
    assert ((before["edge_label"] - after["edge_label"]) >= 0).all(), "a crop never adds an edge"
    framed = EdgeMaskd("label", frame=True)(crop(volume()))
    assert (framed["edge_label"] > before["edge_label"]).any(), "unless the frame is asked for"


def test_random_crops_and_turns_carry_the_edges() -> None:
    data = EdgeMaskd("label")(volume())
    for turn in (Flipd(KEYS, spatial_axis=0), Rotate90d(KEYS, spatial_axes=(0, 1))):
        moved = turn(data)
        np.testing.assert_array_equal(moved["edge_label"], EdgeMask()(moved["label"]))
        torch.testing.assert_close(moved["edge_label"].affine, moved["label"].affine)
    crops = RandCropByPosNegLabeld(KEYS, "label", spatial_size=(8, 8, 4), num_samples=3).set_random_state(0)(data)
    assert len(crops) == 3
    assert all(set(np.unique(crop["edge_label"])) <= {0, 1} for crop in crops)


def test_a_cache_that_drops_the_affine_keeps_the_mm(tmp_path: Path) -> None:
    make = EdgeMaskd("label", thickness=2.0, unit="mm")
    dataset = PersistentDataset([volume()], Compose([make]), cache_dir=tmp_path)
    fresh, cached = dataset[0]["edge_label"], dataset[0]["edge_label"]
    np.testing.assert_array_equal(np.asarray(cached), np.asarray(fresh))
    batch = next(iter(DataLoader(dataset, batch_size=1)))
    assert batch["edge_label"].shape == (1, 1, 24, 20, 10)


def test_a_lazily_resampled_label_is_refused() -> None:
    turn = RandAffined(["image", "label"], prob=1.0, rotate_range=0.5, mode=["bilinear", "nearest"])
    lazy = Compose([turn.set_random_state(1)], lazy=True)(volume())
    with pytest.raises(ValueError, match="Was it resampled linearly"):
        EdgeMaskd("label")(lazy)
    turn.lazy = True
    with pytest.raises(ValueError, match="`label` needs its lazy operations applied, got 1 pending"):
        EdgeMaskd("label", image_key=None)(turn(volume()))


def test_keys() -> None:
    data = volume()
    both = EdgeMaskd(["label", "other"], output_keys=["a", "b"], side="inner", allow_missing_keys=True)
    assert set(both(data)) == {"image", "label", "a"}
    assert set(data) == {"image", "label"}
    with pytest.raises(ValueError, match=r"`output_keys` needs one for each of \('label',\), all different"):
        EdgeMaskd("label", output_keys=["a", "b"])
    with pytest.raises(KeyError, match="other"):
        EdgeMaskd("other")(data)
    data["image"] = data["image"][:, 2:]
    with pytest.raises(ValueError, match=re.escape("`label` needs the spatial shape of `image`, (22, 20, 10)")):
        EdgeMaskd("label")(data)
    assert "edge_label" in EdgeMaskd("label", image_key=None)(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "all"}, "`classes` needs one of 'each', 'any'"),
        ({"dtype": "int8"}, "`dtype` needs one of 'float32', 'uint8'"),
        ({"side": "left"}, "`side` needs one of"),
        ({"spacing": 1.0}, '`spacing` needs unit="mm"'),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EdgeMask(**options)


def test_bad_labels() -> None:
    with pytest.raises(ValueError, match="`label` needs channels first"):
        EdgeMask()(torch.zeros(4, 4))
    with pytest.raises(TypeError, match="`label` needs an array or a tensor"):
        EdgeMask()([[0, 1]])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`label` needs 0 and 1 in one channel per class"):
        EdgeMask()(torch.full((1, 4, 4), 2.0))
