# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_boundary.inspection.dataset_fingerprint import dataset_fingerprint
from monai_boundary.inspection.training_advice import Advice, training_advice
from tests.inspection.records import dataset, record, structure


def _advice(*records: dict[str, Any], patch_size: Any = None, **changes: Any) -> dict[str, Advice]:
    of = dataset(**changes)
    return training_advice(of, dataset_fingerprint(of, records or [record("a")]), patch_size)


def _grey(**changes: float) -> list[dict[str, Any]]:
    channel = record()["channels"][0]
    return [{**channel, "zero_share": changes.pop("zero_share", 0.0), "image": {**channel["image"], **changes}}]


def test_every_setting_has_a_reason() -> None:
    found = _advice()
    assert list(found) == [
        *("channels", "labels", "ignore_label", "spacing", "spatial_dims", "patch_size", "batch_size", "crops"),
        *("foreground_share", "network_channels", "network_strides", "loss", "loss_options", "balance", "alpha"),
        *("epochs", "iterations"),
    ]
    assert all(len(setting.reason) > 10 for setting in found.values())
    assert found["labels"].value == {"background": 0, "a": 1}


def test_the_grid() -> None:
    assert _advice(record("a"), record("b"))["spacing"].value is None
    mixed = [record(c, canonical_spacing=[1.0, 1.0, z]) for c, z in zip("abc", (1.0, 1.2, 1.4), strict=True)]
    assert _advice(*mixed)["spacing"].value == [1.0, 1.0, 1.2]
    thick = [record(c, canonical_spacing=[1.0, 1.0, z]) for c, z in zip("abc", (4.0, 6.0, 6.0), strict=True)]
    assert _advice(*thick)["spacing"].value == [1.0, 1.0, 4.2]  # the 5 % quantile, not the median


def test_slices() -> None:
    flat = {"dims": 2, "shape": [64, 64], "canonical_shape": [64, 64], "canonical_spacing": [1.0, 1.0]}
    found = _advice(record("a", **flat))
    assert (found["spatial_dims"].value, found["patch_size"].value) == (2, [64, 64])
    few = _advice(record("a", canonical_shape=[64, 64, 5]))
    assert (few["spatial_dims"].value, few["patch_size"].value) == (2, [64, 64])
    assert "5 slices" in few["spatial_dims"].reason


@pytest.mark.parametrize(
    ("channels", "kinds", "expected"),
    [
        (_grey(), {}, "zscore"),
        (_grey(zero_share=0.6), {}, "zscore_nonzero"),
        (_grey(min=-1024.0), {}, "ct"),
        (_grey(), {"mri": "CT"}, "ct"),
        (_grey(), {"mri": "rescale_to_0_1"}, "unit"),
    ],
)
def test_normalisation(channels: list[dict[str, Any]], kinds: dict[str, str], expected: str) -> None:
    found = _advice(record("a", channels=channels), channel_kinds=kinds)
    assert found["channels"].value == {"mri": expected}
    assert ("ct_window" in found) is (expected == "ct")
    if expected == "ct":
        low, high = found["ct_window"].value
        assert 1 <= low < high <= 9


def test_regions() -> None:
    classes = {"whole": structure(60), "core": structure(20)}
    found = _advice(record("a", classes=classes), labels={"whole": (1, 2), "core": 2})
    assert found["labels"].value == {"whole": [1, 2], "core": [2]}


def test_classes_that_are_not_declared() -> None:
    found = _advice(record("a", classes={"label_1": structure(60)}), labels={})
    assert found["labels"].value == {"background": 0, "label_1": 1}
    assert "give them names" in found["labels"].reason


def test_the_boundary_term_is_for_small_and_thin_structures() -> None:
    def told(found: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(found[name].value for name in ("loss", "balance", "alpha"))

    large = record("a", label_values={0: 900, 1: 100}, classes={"a": structure(100)})
    assert told(_advice(large)) == ("dice_ce", "weight", None)
    small = record("a", label_values={0: 9990, 1: 10}, classes={"a": structure(10)})
    assert told(_advice(small)) == ("boundary", "share", 0.1)
    assert "a is 0.10% of the voxels" in _advice(small)["loss"].reason
    thin = record("a", label_values={0: 900, 1: 100}, classes={"a": structure(50, 50, thin=1)})
    assert told(_advice(thin)) == ("boundary", "share", 0.1)
    assert "50% of the components of a are thinner than 3 voxels" in _advice(thin)["loss"].reason


def test_a_patch_by_option() -> None:
    found = _advice(patch_size=(20, 20, 20))
    assert all(n >= 20 for n in found["patch_size"].value)
    assert "as asked" in found["patch_size"].reason


def test_nothing_to_go_by() -> None:
    with pytest.raises(ValueError, match=r"`dataset_dir` needs a case that can be read, got none in dataset.json"):
        _advice({"case": "a", "patient": "a", "files": [], "findings": []})
