# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import CacheDataset, DataLoader
from monai.transforms import Compose, RandFlipd

from monai_boundary.transforms import EdgeMaskd, SlicesAroundd
from tests.transforms.slices.test_array import volume


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
