# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from monai.transforms import Compose
from PIL import Image
from skimage.measure import label as components

from monai_boundary.data import em_datalist, write_em_phantom
from monai_boundary.workflows.membranes.data import em_items
from monai_boundary.workflows.membranes.pipeline import em_transforms
from monai_boundary.workflows.runs.loaded_dataset import LoadedDataset

WALL = np.zeros((16, 16), np.uint8)
WALL[:, 8] = 1


def write_pair(folder: Path, labels: list[np.ndarray[Any, Any]]) -> None:
    for k, label in enumerate(labels):
        for part, values in {"image": np.arange(256, dtype=np.uint8).reshape(16, 16), "label": label}.items():
            (folder / part).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / part / f"{k}.tif", values)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_sections_of_any_range_and_of_one_phase(tmp_path: Path, spatial_dims: int) -> None:
    """{0, 1}, {0, 255}, floats with grey seams and a section without membrane in one stack, with one polarity."""
    grey = WALL.astype(np.float32)
    grey[3, 7] = 0.4
    write_pair(tmp_path, [WALL, 255 * WALL, np.zeros_like(WALL), WALL])
    tifffile.imwrite(tmp_path / "label" / "3.tif", grey)
    items = em_items(tmp_path, spatial_dims, tmp_path)
    steps = Compose(em_transforms("membrane", spatial_dims, targets=()))
    loaded = torch.cat([steps(item)["label"].reshape(-1, 16, 16) for item in items])
    torch.testing.assert_close(loaded, torch.from_numpy(np.stack([WALL, WALL, 0 * WALL, WALL])).float())


def test_a_membrane_label_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, [WALL, 7 + 0 * WALL, WALL])
    items = em_items(tmp_path, 2, tmp_path, polarity="membrane")
    read, clean = em_transforms("membrane", 2)[2:4]
    with pytest.raises(ValueError, match=r"needs two phases, got 7 everywhere.* The label is .*label/1\.tif\."):
        clean(read(dict(items[1])))


def test_ids_stored_as_floats(tmp_path: Path) -> None:
    ids = np.kron(np.arange(4).reshape(2, 2), np.ones((8, 8))).astype(np.float32)
    write_pair(tmp_path, [ids * np.float32(0.99999)])
    item = load(tmp_path, 2)
    assert item["label_instances"].max() == 3
    assert item["label_instances"].dtype == torch.int32
    tifffile.imwrite(tmp_path / "label" / "0.tif", ids + np.float32(0.3))
    (item,) = em_datalist(tmp_path, label_kind="instances")
    with pytest.raises(ValueError, match=r"`label` needs whole numbers, got 0\.3.*The label is .*0\.tif\."):
        em_transforms("instances", 2)[2](item)


def test_a_given_spacing_is_what_the_metadata_say(tmp_path: Path) -> None:
    write_pair(tmp_path, [WALL])
    (item,) = em_items(tmp_path, 2, tmp_path, spacing=[40, 5, 6])
    data: Any = Compose(em_transforms("membrane", 2, targets=(), spacing=[40, 5, 6]))(item)
    assert item["spacing"] == [5.0, 6.0]
    assert data["image"].meta["spacing"] == [5.0, 6.0]


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_greys_of_many_bits_are_no_ids(tmp_path: Path, dtype: type) -> None:
    """A detector's sums, twenty times as large: ids above 2**24 are numbered anew, greys are not."""
    grey = np.arange(256, dtype=dtype).reshape(16, 16) ** 3
    normalised = []
    for name, values in {"less": grey, "more": 20 * grey}.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", values)
        normalised.append(Compose(em_transforms(None, 2))({"image": str(tmp_path / f"{name}.tif")})["image"])
    torch.testing.assert_close(*normalised)


@pytest.mark.parametrize("kind", ["membrane", "instances"])
def test_a_label_without_spacing_has_that_of_its_image(tmp_path: Path, kind: str) -> None:
    """A stack of Fiji with its scale, and a label that a script wrote: distances are in nm, along each axis."""
    fiji = {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 50, "unit": "nm"}, "resolution": (1 / 4, 1 / 4)}
    tifffile.imwrite(tmp_path / "a-image.tif", np.stack([np.arange(256, dtype=np.uint8).reshape(16, 16)] * 3), **fiji)
    ids = np.where(WALL, 0, 1 + (np.arange(16) > 8)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "a-label.tif", np.stack([255 * WALL if kind == "membrane" else ids] * 3), photometric="minisblack"
    )
    (item,) = em_items(tmp_path, 3, tmp_path, label_kind=kind)
    loaded = Compose(em_transforms(kind, 3, targets=("sdm_label", "seeds_label")))(item)
    for key in ("label", "seeds_label", "sdm_label"):
        assert loaded[key].affine.diagonal().tolist() == [50, 4, 4, 1], key
        assert loaded[key].meta["units"] == "nm"
    assert float(loaded["sdm_label"][0, 1, 8, 0]) == pytest.approx(4 * 7.5), "from the face of the wall, in nm"


def load(folder: Path, spatial_dims: int) -> dict[str, Any]:
    items = em_datalist(folder, mode="sections" if spatial_dims == 2 else "volume")
    return Compose(em_transforms(items[0]["label_kind"], spatial_dims))(items[0])


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_labels_that_are_ids(tmp_path: Path, spatial_dims: int) -> None:
    write_em_phantom(tmp_path, shape=(4, 48, 48), seed=3)
    item = load(tmp_path, spatial_dims)
    shape = (1, 48, 48) if spatial_dims == 2 else (1, 4, 48, 48)
    for key in ("image", "label", "label_instances", "regions_label", "seeds_label", "cells_label"):
        assert tuple(item[key].shape) == shape, key
    assert item["image"].meta["spacing"] == [50.0, 4.0, 4.0][-spatial_dims:]
    cells, regions = item["label_instances"][0].numpy(), item["regions_label"][0].numpy()
    assert set(np.unique(item["label"])) == {0.0, 1.0}
    assert ((regions > 0) == (item["label"][0].numpy() == 0)).all()
    if spatial_dims == 2:  # every profile is an instance of its own
        assert len(np.unique(cells[cells > 0])) == components(cells, connectivity=1).max()


def test_labels_that_are_membranes(tmp_path: Path) -> None:
    cell = np.full((3, 16, 16), 255, np.uint8)
    cell[:, 8] = 0
    for name, stack in {"image": cell // 2, "label": cell}.items():
        (tmp_path / name).mkdir()
        for k, section in enumerate(stack):
            Image.fromarray(section).save(tmp_path / name / f"{k}.png")
    item = load(tmp_path, 2)
    assert item["label"].sum() == 16, "membrane is 1, whatever the file says"
    torch.testing.assert_close(item["label_instances"], item["regions_label"])
    assert item["regions_label"].max() == 2


@pytest.mark.parametrize(
    "targets", [(), ("sdm_label",), ("regions_label", "seeds_label", "cells_label"), ("cells_label",)]
)
def test_a_training_gets_what_its_loss_takes(tmp_path: Path, targets: tuple[str, ...]) -> None:
    write_em_phantom(tmp_path, shape=(2, 48, 48), seed=3)
    items = em_datalist(tmp_path, mode="sections")
    kind = items[0]["label_kind"]
    data: Any = Compose(em_transforms(kind, 2, targets=targets))(items[0])
    assert set(data) == {"image", "label", *targets}
    scored: Any = Compose(em_transforms(kind, 2))(items[0])
    torch.testing.assert_close(data["label"], scored["label"])
    if "sdm_label" in targets:
        inside = data["sdm_label"][data["label"] > 0]
        assert float(inside.max()) <= 0, "negative in the membrane"
        assert float(data["sdm_label"].max()) >= 4.0, "in nm"


@pytest.mark.parametrize("kind", ["membrane", "instances"])
def test_all_of_it_is_computed_once_where_it_is_cached(tmp_path: Path, kind: str) -> None:
    """Before an item is drawn, the cache holds what comes out; drawing it computes nothing."""
    write_pair(tmp_path, [WALL, WALL])
    items = em_datalist(tmp_path, label_kind=kind, polarity="membrane" if kind == "membrane" else None)
    steps = Compose(em_transforms(kind, 2, targets=("regions_label", "seeds_label")))
    dataset = LoadedDataset(items, steps, progress=False, copy_cache=False)
    first = dataset[0]
    assert set(first) == {"image", "label", "regions_label", "seeds_label"}
    assert dataset[0] is first


def test_images_without_labels(tmp_path: Path) -> None:
    write_em_phantom(tmp_path, shape=(2, 32, 32))
    item = Compose(em_transforms(None, 2))({"image": str(tmp_path / "image" / "00.png")})
    assert list(item) == ["image"]


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="`label_kind` needs one of 'membrane', 'instances', None, got 'ids'"):
        em_transforms("ids", 2)
    with pytest.raises(ValueError, match="`spatial_dims`"):
        em_transforms(None, 1)


def test_an_image_and_a_label_of_different_spacings_are_refused_until_one_is_said(tmp_path: Path) -> None:
    stack = np.zeros((2, 8, 8), np.uint8)
    stack[..., 4] = 255
    for part, size in (("image", 4.0), ("label", 5.0)):
        (tmp_path / part).mkdir()
        fiji = {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 50, "unit": "nm"}, "resolution": (1 / size,) * 2}
        tifffile.imwrite(tmp_path / part / "a.tif", stack, **fiji)
    item = em_items(tmp_path, 2, tmp_path)[0]
    with pytest.raises(RuntimeError) as error:
        Compose(em_transforms("membrane", 2, targets=()))(item)
    words = str(error.value.__cause__)
    assert words.startswith("`spacing` needs to be said (--spacing, nm, [z, y, x]): ")
    assert "states [4.0, 4.0], and its label" in words
    Compose(em_transforms("membrane", 2, targets=(), spacing=[50, 4, 4]))(item)
