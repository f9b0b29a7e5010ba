# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from PIL import Image
from skimage.measure import label as components

from monai_boundary.bundle.em_pipeline import NormalizeSectionsd, em_transforms
from monai_boundary.data import em_datalist, write_em_phantom


def test_sections_are_normalised_one_by_one() -> None:
    stack = torch.rand(1, 3, 5, 6, dtype=torch.float64) * torch.tensor([1, 10, 100.0])[None, :, None, None]
    normalise = NormalizeSectionsd("image")
    out = normalise({"image": stack, "other": 1})
    torch.testing.assert_close(out["image"].mean((-2, -1)), torch.zeros(1, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out["image"].std((-2, -1), correction=0), torch.ones(1, 3))
    single = normalise({"image": stack[:, 1]})["image"]
    torch.testing.assert_close(single, out["image"][:, 1])
    assert out["other"] == 1
    assert stack.max() > 2, "the input is not changed"


def test_a_constant_section_becomes_zero() -> None:
    out = NormalizeSectionsd("image")({"image": torch.full((1, 2, 2), 7.0)})
    torch.testing.assert_close(out["image"], torch.zeros(1, 2, 2))


def load(folder: Path, spatial_dims: int) -> dict[str, Any]:
    items = em_datalist(folder, mode="sections" if spatial_dims == 2 else "volume")
    return Compose(em_transforms(items[0]["label_kind"], spatial_dims))(items[0])


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_labels_that_are_ids(tmp_path: Path, spatial_dims: int) -> None:
    write_em_phantom(tmp_path, shape=(4, 48, 48), seed=3)
    item = load(tmp_path, spatial_dims)
    shape = (1, 48, 48) if spatial_dims == 2 else (1, 4, 48, 48)
    for key in ("image", "label", "label_instances", "label_regions", "label_seeds", "label_cells"):
        assert tuple(item[key].shape) == shape, key
    assert item["image"].meta["spacing"] == [50.0, 4.0, 4.0][-spatial_dims:]
    cells, regions = item["label_instances"][0].numpy(), item["label_regions"][0].numpy()
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
    torch.testing.assert_close(item["label_instances"], item["label_regions"])
    assert item["label_regions"].max() == 2


@pytest.mark.parametrize(
    "targets", [(), ("label_sdm",), ("label_regions", "label_seeds", "label_cells"), ("label_cells",)]
)
def test_a_training_gets_what_its_loss_takes(tmp_path: Path, targets: tuple[str, ...]) -> None:
    write_em_phantom(tmp_path, shape=(2, 48, 48), seed=3)
    items = em_datalist(tmp_path, mode="sections")
    kind = items[0]["label_kind"]
    data: Any = Compose(em_transforms(kind, 2, targets=targets))(items[0])
    assert set(data) == {"image", "label", *targets}
    scored: Any = Compose(em_transforms(kind, 2))(items[0])
    torch.testing.assert_close(data["label"], scored["label"])
    if "label_sdm" in targets:
        inside = data["label_sdm"][data["label"] > 0]
        assert float(inside.max()) <= 0, "negative in the membrane"
        assert float(data["label_sdm"].max()) >= 4.0, "in nm"


def test_images_without_labels(tmp_path: Path) -> None:
    write_em_phantom(tmp_path, shape=(2, 32, 32))
    item = Compose(em_transforms(None, 2))({"image": str(tmp_path / "image" / "00.png")})
    assert list(item) == ["image"]


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="`label_kind` needs one of 'membrane', 'instances', None, got 'ids'"):
        em_transforms("ids", 2)
    with pytest.raises(ValueError, match="`spatial_dims`"):
        em_transforms(None, 1)
