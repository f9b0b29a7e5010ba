# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_boundary.data import TumourPhantom, brats_datalist, write_tumour_phantom
from monai_boundary.ops import label_edges, signed_distance_map
from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_transforms
from monai_boundary.workflows.volumes.tasks.brats import BRATS, brats_task
from tests.data.nifti_files import write

SHAPE = (40, 32, 20)
MM = TumourPhantom(shape=SHAPE).mm


ALL = ("t1c", "t1", "t2", "flair")
REGIONS = ("wt", "tc", "et")


def steps_of(
    regions: tuple[str, ...] = REGIONS,
    *,
    modalities: tuple[str, ...] = ALL,
    intensities: str = "normal",
    label_map: str | None = None,
    **options: Any,
) -> Any:
    task = brats_task(modalities, regions, intensities, label_map=label_map)
    edges = {"edges": {}} if options.get("training") else {}
    return volume_transforms(task, **{**edges, **options})


def crops_of(size: tuple[int, ...], number: int, share: float = 0.7, **options: Any) -> Any:
    return volume_crops(BRATS.changed(foreground_share=share), size, number, edges=True, **options)


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write_tumour_phantom(tmp_path_factory.mktemp("phantom"), patients=1, shape=SHAPE)[0]


def test_volumes_for_the_validation(item: dict[str, Any]) -> None:
    data = Compose(steps_of())(item)
    assert set(data) == {"image", "label", "label_counted", "spacing", "case"}
    assert (data["image"].shape, data["label"].shape) == ((4, *SHAPE), (3, *SHAPE))
    assert (data["label"].dtype, type(data["label"])) == (torch.uint8, torch.Tensor)
    assert data["spacing"].tolist() == pytest.approx(MM)
    head = data["image"][0] != 0
    assert data["image"][0][head].mean() == pytest.approx(0, abs=1e-4)
    assert data["image"][0][head].std() == pytest.approx(1, abs=1e-3)
    stored = np.asarray(nibabel.load(item["label"]).dataobj)[::-1, ::-1]  # LPS to RAS
    np.testing.assert_array_equal(data["label"][0], stored > 0)
    np.testing.assert_array_equal(data["label"][2], stored == 4)


def test_volumes_for_the_training(item: dict[str, Any]) -> None:
    whole = Compose(steps_of())(item)
    data = Compose(steps_of(training=True, maps=True, edges={"side": "inner"}))(item)
    box = tuple(slice(int(w.min()), int(w.max()) + 1) for w in (whole["image"] != 0).any(0).nonzero(as_tuple=True))
    for key in ("image", "label"):
        torch.testing.assert_close(data[key], whole[key][(slice(None), *box)])
    edges = label_edges(whole["label"][None], classes="any", side="inner")[0]
    np.testing.assert_array_equal(data["edge_label"], edges[(slice(None), *box)])
    assert data["edge_label"].dtype == torch.uint8
    expected = signed_distance_map(whole["label"][1].numpy(), MM)[box]
    np.testing.assert_allclose(data["sdm_label"][1], expected, atol=0.05)
    assert data["sdm_label"].dtype == torch.float16
    assert len(data["where_cls_indices"]) == 2
    assert int(data["where_cls_indices"][1].numel()) == int(data["label"][0].sum())


def test_slices_around_the_core(item: dict[str, Any]) -> None:
    steps = steps_of(("wt", "tc"), training=True, maps=True, intensities="unit", slices=4, slice_size=(48, 24))
    slices = Compose(steps)(item)
    assert len(slices) == 4
    for one in slices:
        assert {key: tuple(one[key].shape) for key in ("image", "label", "edge_label", "sdm_label")} == {
            "image": (4, 48, 24),
            "label": (2, 48, 24),
            "edge_label": (1, 48, 24),
            "sdm_label": (2, 48, 24),
        }
        assert one["label"][1].any()
        assert one["spacing"].tolist() == pytest.approx(MM[:2])
        assert 0 <= one["image"].min() <= one["image"].max() <= 1
        assert one["sdm_label"][0, 0].min() > 0, "padded with the edge, not with 0"
    assert len({one["slice"] for one in slices}) == 4


def test_without_labels(item: dict[str, Any]) -> None:
    data = Compose(steps_of(labels=False))({key: item[key] for key in ("image", "case")})
    assert set(data) == {"image", "case", "native_affine", "native_header"}
    np.testing.assert_allclose(data["native_affine"], nibabel.load(item["label"]).affine, atol=1e-6)
    assert isinstance(data["image"], MetaTensor)


@pytest.mark.parametrize("maps", [False, True])
def test_patches(item: dict[str, Any], maps: bool) -> None:
    cached = Compose(steps_of(training=True, maps=maps))(item)
    size = (16, 48, 16)  # wider than the head
    steps = Compose(crops_of(size, 6, 1.0, maps=maps)).set_random_state(0)
    patches = steps(cached)
    assert len(patches) == 6
    keys = {"image", "label", "label_counted", "edge_label", *(["sdm_label"] if maps else [])}
    for patch in patches:
        assert set(patch) == keys
        assert {tuple(patch[key].shape[1:]) for key in keys} == {size}
        assert {patch[key].dtype for key in keys - {"label_counted"}} == {torch.float32}
        assert patch["label"][0].any()
    none = Compose(crops_of((8, 8, 8), 40, 0.0)).set_random_state(0)(cached)
    assert np.mean([bool(patch["label"].any()) for patch in none]) < 1


def test_slices_are_flipped_together(item: dict[str, Any]) -> None:
    slices = Compose(steps_of(("tc",), training=True, slices=2))(item)
    steps = Compose(crops_of((), 0, sliced=True)).set_random_state(3)
    for _ in range(6):
        out = steps(slices[0])
        np.testing.assert_array_equal(out["edge_label"], label_edges(out["label"][None], classes="any")[0])


def test_errors_name_the_case(item: dict[str, Any], tmp_path: Path) -> None:
    other = nibabel.load(item["label"])
    moved = tmp_path / "moved.nii.gz"
    shift = other.affine.copy()
    shift[0, 3] += 9
    nibabel.Nifti1Image(np.asarray(other.dataobj), shift).to_filename(moved)
    with pytest.raises(RuntimeError) as error:
        Compose(steps_of())({**item, "label": str(moved)})
    assert "case BraTS2021_00000: `label` needs the affine of `t1c`" in str(error.value.__cause__)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="`intensities` needs one of 'normal', 'unit', got 'z'"):
        brats_task(ALL, REGIONS, "z")
    with pytest.raises(ValueError, match="`labels` needs one of 'wt', 'tc', 'et', got 'rim'"):
        brats_task(ALL, ["rim"])
    with pytest.raises(ValueError, match="`et_label` or `label_map` is needed, and not both"):
        brats_task(ALL, REGIONS, et_label=3, label_map="brats2021")
    assert brats_task("t1c", ["tc"], et_label=3).label_map == "brats2023"
    assert list(brats_task(ALL, REGIONS, label_map="ped2024").channels) == list(ALL)


def test_labels_of_another_cohort_by_name(tmp_path: Path) -> None:
    """BraTS-PED of 2024: 4 oedema, 2 core, 1 enhancing; without a map, file and maps are named."""
    label = np.zeros((12, 12, 8), np.uint8)
    label[2:9, 2:9, 2:7], label[3:6, 3:6, 3:6], label[4, 4, 4:6] = 4, 2, 1
    folder = tmp_path / "BraTS-PED-00001-000"
    for suffix in ("t1c", "seg"):
        values = label if suffix == "seg" else np.random.default_rng(0).random(label.shape, np.float32)
        write(folder / f"{folder.name}-{suffix}.nii.gz", values)
    (item,) = brats_datalist(tmp_path, modalities="t1c")
    with pytest.raises(RuntimeError) as error:
        Compose(steps_of(modalities=("t1c",)))(item)
    assert "BraTS-PED-00001-000-seg.nii.gz` of BraTS-PED needs `label_map` 'ped2024'" in str(error.value.__cause__)
    regions = Compose(steps_of(modalities=("t1c",), label_map="ped2024"))(item)["label"].flatten(1).sum(1).tolist()
    assert regions == [245, 27, 2]
