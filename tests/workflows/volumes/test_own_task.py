# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.workflows.volumes.own_task import own_task


def described(**fields: Any) -> VolumeDataset:
    whole = {"channels": ("t1", "CT"), "labels": {"liver": 1, "tumour": 2}, "channel_kinds": {"t1": "MRI", "CT": "CT"}}
    return VolumeDataset("decathlon", "the folder", **{**whole, **fields})


def test_what_the_data_set_says_is_taken() -> None:
    task = own_task(described(ignore_label=3), spacing=None, flips=[])
    assert task.channels == {"t1": "zscore", "CT": "ct"}
    assert task.ct_window == (-1000.0, 1000.0)
    assert task.labels == {"background": 0, "liver": 1, "tumour": 2}
    assert task.ignore_labels == (3,)
    assert task.flips == ()
    assert not task.is_regions


def test_options_take_its_place() -> None:
    options: dict[str, Any] = {"channels": {"a": "percentile", "b": "unit"}, "labels": {"lesion": 5}, "ignore_label": 6}
    task = own_task(described(), **options)
    assert task.channels == options["channels"]
    assert task.labels == {"background": 0, "lesion": 5}
    assert task.ignore_labels == (6,)
    assert own_task(described(), channels=["a", "b"]).channels == {"a": "zscore", "b": "ct"}
    assert own_task(described(), ct_window=[-160, 240]).ct_window == (-160, 240)


def test_a_list_of_ids_makes_regions() -> None:
    task = own_task(described(labels={"whole": (1, 2), "core": 2}))
    assert task.is_regions
    assert task.names == ("whole", "core")
    assert task.labels == {"whole": (1, 2), "core": (2,)}


def test_a_data_set_without_declared_labels() -> None:
    with pytest.raises(ValueError, match=r"`labels` needs names and ids.*the folder declares none"):
        own_task(described(labels={}))
    assert own_task(described(labels={}), labels={"background": 0, "a": 1}).names == ("background", "a")
