# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import zarr

from monai_boundary.data import em_datalist
from monai_boundary.data.em.arrays import list_datasets, pick_dataset
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.ome_zarr import levels, multiscale_geometry
from monai_boundary.data.em.open import read_em_source
from monai_boundary.data.em.source import EMSource
from tests.zarr_stores import make_array, make_group

NAMES = ("t", "c", "z", "y", "x")


def described(unit="micrometer", scale=(1.0, 1.0, 0.05, 0.004, 0.005)):
    axes = [{"name": n, "type": "space", "unit": unit} if n in "zyx" else {"name": n, "type": "time"} for n in NAMES]
    steps = [[{"type": "scale", "scale": [s * 2**k if i > 1 else s for i, s in enumerate(scale)]}] for k in range(2)]
    steps[0].append({"type": "translation", "translation": [0, 0, 1.0, 0, 0]})
    return [{"axes": axes, "datasets": [{"path": str(k), "coordinateTransformations": steps[k]} for k in range(2)]}]


def write_pyramid(group, values, version, **options):
    for k in range(2):
        level = values[None, None, ..., :: 2**k, :: 2**k]
        make_array(group, str(k), data=level, chunks=level.shape)
    stated = described(**options)
    group.attrs.update({"multiscales": stated} if version == 2 else {"ome": {"multiscales": stated}})


@pytest.fixture(params=[2, 3])
def store(request, tmp_path, rng):
    raw = rng.integers(0, 255, (3, 8, 12)).astype(np.uint8)
    ids = np.kron(np.arange(6).reshape(1, 2, 3), np.ones((3, 4, 4))).astype(np.uint32)
    root = make_group(tmp_path / "a.zarr", request.param)
    write_pyramid(root, raw, request.param)
    labels = root.create_group("labels")
    write_pyramid(labels.create_group("cells"), ids, request.param)
    return tmp_path / "a.zarr", raw, ids


def test_the_root_is_an_image_with_its_labels(store):
    path, raw, ids = store
    assert sorted(list_datasets(path)) == ["0", "labels/cells/0"], "lower resolutions are no data of their own"
    (item,) = em_datalist(path, mode="volume")
    assert (item["image"], item["label"]) == (f"{path}::0", f"{path}::labels/cells/0")
    assert (item["label_kind"], item["spacing"]) == ("instances", [50.0, 4.0, 5.0])
    np.testing.assert_array_equal(read_em_source(item["image"])[0], raw)
    np.testing.assert_array_equal(read_em_source(item["label"])[0], ids)
    assert read_em_source(item["image"])[1] == EMGeometry((50.0, 4.0, 5.0), (1000.0, 0.0, 0.0))
    assert len(em_datalist(path, label_kind=None)) == 3


def test_a_lower_level_or_a_group_can_be_asked_for(store):
    path, raw, _ = store
    read, geometry = read_em_source(f"{path}::1")
    np.testing.assert_array_equal(read, raw[:, ::2, ::2])
    assert geometry.spacing == (100.0, 8.0, 10.0)
    assert pick_dataset(path, "labels/cells") == "labels/cells/0"
    with pytest.raises(ValueError, match="got 'labels/none'"):
        pick_dataset(path, "labels/none")


def test_several_labels_are_not_guessed_from(store):
    path, raw, _ = store
    write_pyramid(zarr.open_group(str(path), mode="a").create_group("labels/more"), raw, 3)
    with pytest.raises(ValueError, match=r"`label_dataset` needs a name .* labels/cells/0, labels/more/0"):
        em_datalist(path)
    (item,) = em_datalist(path, mode="volume", label_dataset="labels/cells")
    assert item["label"].endswith("::labels/cells/0")


def test_what_no_unit_or_no_pyramid_states():
    source = EMSource.parse("a.zarr")
    assert multiscale_geometry({"multiscales": described(unit=None)}, "0", source) == EMGeometry()
    assert multiscale_geometry({}, "0", source) == EMGeometry()
    assert levels({"multiscales": "no"}) == []
    with pytest.raises(ValueError, match=r"`scale` in a\.zarr needs 5 entries"):
        multiscale_geometry({"multiscales": described(scale=(1.0, 2.0, 3.0))}, "0", source)
