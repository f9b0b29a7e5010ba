# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.transforms import Compose, RandFlipd

from monai_boundary.ops import affine_spacing
from monai_boundary.transforms import EdgeMaskd, SlicesAround, SlicesAroundd

AFFINE = torch.tensor([[0.0, -1.5, 0, 7], [-0.8, 0, 0, -3], [0, 0, 4, 2], [0, 0, 0, 1]], dtype=torch.float64)


def volume() -> tuple[MetaTensor, MetaTensor]:
    image = torch.arange(2 * 5 * 6 * 7).reshape(2, 5, 6, 7).float()
    label = torch.zeros(2, 5, 6, 7)
    label[0, 1:4, 2:5, 3:6] = 1
    label[1, 2, 3, 5] = 1
    meta = {"filename_or_obj": "a.nii.gz", "spatial_shape": np.array([5, 6, 7])}
    return MetaTensor(image, affine=AFFINE, meta=dict(meta)), MetaTensor(label, affine=AFFINE, meta=dict(meta))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_slices_and_their_place_in_the_world(axis: int) -> None:
    image, label = volume()
    take = SlicesAround(count=2, axis=axis, step=1)
    indices = take.indices(label)
    for index, one in zip(indices, take(image, label), strict=True):
        assert isinstance(one, MetaTensor)
        assert torch.equal(one.as_tensor(), image.as_tensor().select(axis % 3 + 1, index))
        remaining = [a for a in range(3) if a != axis % 3]
        assert affine_spacing(one.affine, 2) == pytest.approx([(0.8, 1.5, 4.0)[a] for a in remaining])
        for place in ((0, 0), (3, 2)):
            voxel = list(place)
            voxel.insert(axis % 3, index)
            whole = AFFINE @ torch.tensor([*voxel, 1.0], dtype=torch.float64)
            torch.testing.assert_close(one.affine.double() @ torch.tensor([*place, 0.0, 1.0]).double(), whole)
        assert one.meta["filename_or_obj"] == "a.nii.gz"


def test_which_channel_says_where() -> None:
    image, label = volume()
    assert SlicesAround(count=3).indices(label) == [3, 4, 5]
    assert SlicesAround(count=1, channel=1).indices(label) == [5]
    assert SlicesAround(count=1, channel=-1).indices(label) == [5]
    with pytest.raises(ValueError, match="`channel` needs one of the label's 2 channels, got 2"):
        SlicesAround(count=1, channel=2)(image, label)


def test_arrays_and_memory() -> None:
    image, label = (np.asarray(x.numpy()) for x in volume())
    slices = SlicesAround(count=2)(image, label)
    assert type(slices[0]) is torch.Tensor
    slices[0].zero_()
    assert image.any(axis=(0, 1, 2)).all(), "a slice is a copy"
    assert image[0, 0, 0, 0] == 0 != image[1].min()


def test_bad_input() -> None:
    image, label = volume()
    with pytest.raises(ValueError, match="`axis` needs one of"):
        SlicesAround(axis=4)
    with pytest.raises(ValueError, match=r"`img` needs the shape of `around`, \(5, 6, 7\), got \(5, 6, 6\)"):
        SlicesAround()(image[..., :-1], label)
    with pytest.raises(ValueError, match="`count` needs at most the image's slices, 7, got 8"):
        SlicesAround()(image, label)
    with pytest.raises(ValueError, match="`mask` needs 3 spatial dimensions, got 2"):
        SlicesAround()(image[..., 0], label[..., 0])
    with pytest.raises(ValueError, match=r"`img` needs a volume, \(C, H, W, D\), got shape \(2, 5, 6\)"):
        SlicesAround().take(image[..., 0], [0])


def item() -> dict[str, object]:
    image, label = volume()
    return {"image": image, "label": label, "case": "a"}


def test_a_dictionary_for_each_slice() -> None:
    data = item()
    items = SlicesAroundd(["image", "label"], count=3)(data)
    assert [i["slice"] for i in items] == [3, 4, 5]
    assert all(set(i) == {"image", "label", "case", "slice"} for i in items)
    assert torch.equal(items[1]["image"].as_tensor(), data["image"].as_tensor()[..., 4])
    assert set(data) == {"image", "label", "case"}
    assert data["image"].shape == (2, 5, 6, 7)


def test_through_a_cache_and_a_loader() -> None:
    """Slices are cached with their edges, flipped one by one, and two volumes make one batch of four."""
    keys = ["image", "label", "edge_label"]
    steps = Compose(
        [SlicesAroundd(["image", "label"], count=2), EdgeMaskd("label", side="inner"), RandFlipd(keys, 0.5, 0)]
    )
    dataset = CacheDataset([item(), item()], steps, progress=False)
    batch = next(iter(DataLoader(dataset, batch_size=2)))
    assert batch["image"].shape == (4, 2, 5, 6)
    assert batch["slice"].tolist() == [3, 5, 3, 5]
    assert batch["edge_label"].any()


def test_keys() -> None:
    data = item()
    take = SlicesAroundd(["image", "other"], around="label", index_key="k", allow_missing_keys=True, count=1)
    (one,) = take(data)
    assert one["label"].ndim == 4, "what is not named stays a volume"
    assert one["k"] == 4
    with pytest.raises(
        KeyError, match=r"`around` needs to be in the data, got 'mask' and \['case', 'image', 'label'\]"
    ):
        SlicesAroundd("image", around="mask")(data)
    data["image"] = data["image"][:, 1:]
    with pytest.raises(ValueError, match=r"`image` needs the shape of `label`, \(5, 6, 7\), got \(4, 6, 7\)"):
        SlicesAroundd(["image"], count=1)(data)
