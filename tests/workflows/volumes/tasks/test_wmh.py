# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_boundary.data import wmh_datalist, write_lesion_phantom, write_stroke_phantom
from monai_boundary.ops import check_distance_map, signed_distance_map
from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_transforms
from monai_boundary.workflows.volumes.tasks.wmh import WMH
from tests.data.nifti_files import LAS, LPS, write

BOTH = ["flair", "t1"]


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Patient 0 has other pathology, 1 a T1 in another orientation, 2 oblique slices."""
    items = write_lesion_phantom(tmp_path_factory.mktemp("phantom"), patients=3, shape=(32, 40, 12))
    return sorted(items, key=lambda item: item["patient"][-1])


def prepared(
    item: dict[str, Any],
    modalities: list[str] = BOTH,
    *,
    reference: str | None = None,
    percentiles: tuple[float, float] = (0.1, 99.9),
    maps: bool = False,
    **options: Any,
) -> dict[str, Any]:
    task = WMH.changed(channels=modalities, reference=reference, percentiles=percentiles)
    whole = {"image": [item[name] for name in modalities], **{k: v for k, v in item.items() if k not in modalities}}
    return Compose(volume_transforms(task, training=maps, maps=maps, **options))(whole)


def crops(patch: list[int], number: int, share: float) -> Compose:
    return Compose(volume_crops(WMH.changed(foreground_share=share), patch, number, maps=True))


def test_channels_of_every_patient_lie_on_one_another(patients: list[dict[str, Any]]) -> None:
    for item in patients:
        out = prepared(item)
        assert sorted(out) == ["case", "image", "label", "label_counted", "label_ids", "spacing"]
        assert out["image"].shape == (2, 32, 40, 12)
        assert (float(out["image"].min()), float(out["image"].max())) == (0, 1)
        assert not isinstance(out["image"], MetaTensor)
        flair, t1 = out["image"] > 0.01
        assert float((flair == t1).float().mean()) > 0.97, item["patient"]
    single = prepared(patients[0], ["flair"])
    torch.testing.assert_close(single["image"], prepared(patients[0])["image"][:1])


def test_orientation_is_ras_and_voxel_sizes_follow(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(6.0, dtype=np.float32), (6, 6)).T[..., None].repeat(3, -1)
    write(tmp_path / "p" / "FLAIR.nii.gz", ramp, LAS)  # the first axis runs to the left
    label = np.zeros((6, 6, 3), np.uint8)
    label[1, 2, 1] = 1
    write(tmp_path / "p" / "lesion.nii.gz", label, LAS)
    out = prepared(wmh_datalist(tmp_path, modalities=["flair"])[0], ["flair"], percentiles=(0, 100))
    torch.testing.assert_close(out["image"][0, :, 0, 0], torch.linspace(1, 0, 6))
    assert torch.nonzero(out["label"][0]).tolist() == [[4, 2, 1]]
    assert out["spacing"].tolist() == [1.0, 1.0, 8.0]


def test_other_pathology_is_neither_lesion_nor_background(patients: list[dict[str, Any]]) -> None:
    out = prepared(patients[0], maps=True)
    raw = np.asarray(nibabel.load(patients[0]["label"]).dataobj)
    ids, label, counted = (out[key] for key in ("label_ids", "label", "label_counted"))
    assert [int((ids == k).sum()) for k in (1, 2)] == [(raw == 1).sum(), (raw == 2).sum()]
    assert (raw == 2).sum() > 0
    assert torch.equal(counted == 0, ids == 2)
    assert torch.equal(label == 1, ids == 1)
    assert not out["sdm_label"][ids == 2].any(), "it is on neither side of the lesions' border"


@pytest.mark.parametrize("section_axis", [None, 2])
def test_maps_are_of_the_whole_volume_in_mm(patients: list[dict[str, Any]], section_axis: int | None) -> None:
    out = prepared(patients[2], maps=True, section_axis=section_axis)
    assert out["sdm_label"].dtype == torch.float16
    expected = signed_distance_map(out["label"][0].numpy(), out["spacing"].tolist(), section_axis=section_axis)
    np.testing.assert_allclose(out["sdm_label"][0].float(), expected, rtol=2e-3, atol=1e-3)
    assert len(out["where_cls_indices"]) == 2
    assert len(out["where_cls_indices"][1]) == int(out["label"].sum())


def test_images_on_grids_of_their_own_come_to_the_label_s(tmp_path: Path) -> None:
    item = write_stroke_phantom(tmp_path, patients=1, shape=(32, 32, 12))[0]
    dwi, _, flair = prepared(item, ["dwi", "adc", "flair"])["image"]
    assert float(torch.corrcoef(torch.stack([dwi.flatten(), flair.flatten()]))[0, 1]) > 0.9
    # alone, the FLAIR's grid is not the label's: an error, unless the label says where to go
    with pytest.raises(RuntimeError) as error:
        prepared(item, ["flair"])
    assert "case sub-strokecase0001_ses-0001: `label` needs the spatial shape of `flair`" in str(error.value.__cause__)
    torch.testing.assert_close(prepared(item, ["flair"], reference="label")["image"][0], flair)


def test_without_a_label_the_image_knows_its_place(patients: list[dict[str, Any]]) -> None:
    for item in patients:
        unlabelled = {key: value for key, value in item.items() if key != "label"}
        out = prepared(unlabelled, labels=False)
        assert set(out) == {"image", "native_affine", "native_header", *unlabelled} - {*BOTH}
        np.testing.assert_allclose(out["native_affine"], nibabel.load(item["flair"]).affine, atol=1e-4)
        assert nibabel.aff2axcodes(out["image"].affine.numpy()) == ("R", "A", "S")


@pytest.mark.parametrize("patch", [[16, 24], [8, 8, 4], [48, 48], [48, 32, 16]])
def test_crops_are_those_of_the_whole_map(patients: list[dict[str, Any]], patch: list[int]) -> None:
    item = prepared(patients[0], maps=True)
    samples = crops(patch, 12, 0.5).set_random_state(1)(item)
    assert len(samples) == 12
    for sample in samples:
        assert set(sample) == {"image", "label", "label_counted", "sdm_label"}
        assert not any(isinstance(value, MetaTensor) for value in sample.values())
        assert sample["image"].shape == (2, *patch)
        assert sample["sdm_label"].dtype == torch.float32
        inside = sample["label"] > 0
        assert not inside.any() or float(sample["sdm_label"][inside].max()) < 0
        if patch[0] > 32:  # padded: nothing counts there, and the map never says "border" by a 0
            assert int((sample["label_counted"] == 0).sum()) >= patch[1] * (patch[0] - 32)
            beyond = sample["sdm_label"][sample["label_counted"] == 0]  # the padding, and other pathology, which is 0
            assert float(beyond.min()) >= 0
            assert int((beyond > 0).sum()) >= patch[1] * (patch[0] - 32)
    if patch == [8, 8, 4]:
        whole = item["sdm_label"].float()
        assert any(not sample["label"].any() and float(sample["sdm_label"].min()) > 0 for sample in samples)
        assert all(bool(torch.isin(sample["sdm_label"], whole).all()) for sample in samples), "cut out, not made anew"


def test_the_share_of_crops_with_lesions(patients: list[dict[str, Any]]) -> None:
    item = prepared(patients[1], maps=True)
    for share, least, most in [(1.0, 1.0, 1.0), (0.5, 0.5, 0.9), (0.0, 0.0, 0.8)]:
        drawn = crops([32, 48], 40, share).set_random_state(0)(item)
        found = np.mean([bool(crop["label"].any()) for crop in drawn])
        assert least <= found <= most, share


def test_maps_of_crops_still_fit_their_labels(patients: list[dict[str, Any]]) -> None:
    item = prepared(patients[0], maps=True, map_dtype="float32")
    for crop in crops([16, 16, 8], 4, 1.0).set_random_state(3)(item):
        known = crop["label_counted"]
        check_distance_map(crop["sdm_label"], crop["label"].bool(), item["spacing"].tolist(), known=known)


def test_other_orientation_of_one_modality(tmp_path: Path) -> None:
    """LAS and LPS of one shape: stacked by index one of them is upside down."""
    values = np.arange(6 * 6 * 3, dtype=np.float32).reshape(6, 6, 3)
    write(tmp_path / "p" / "FLAIR.nii.gz", values, LAS)
    write(tmp_path / "p" / "T1.nii.gz", values[:, ::-1], LPS)
    write(tmp_path / "p" / "lesion.nii.gz", (values == 5).astype(np.uint8), LAS)
    out = prepared(wmh_datalist(tmp_path)[0], percentiles=(0, 100))
    torch.testing.assert_close(out["image"][0], out["image"][1], rtol=0, atol=1e-5)


def test_other_formats_say_the_same(patients: list[dict[str, Any]], tmp_path: Path) -> None:
    """MHA and NRRD: same voxels, same places."""
    item = patients[2]
    for key, name in (("flair", "FLAIR.mha"), ("t1", "T1.nrrd"), ("label", "wmh.mha")):
        (tmp_path / "p").mkdir(exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.ReadImage(item[key]), str(tmp_path / "p" / name))
    one, other = (prepared(i, maps=True) for i in (item, wmh_datalist(tmp_path)[0]))
    for key in ("image", "label_ids", "sdm_label", "spacing"):
        torch.testing.assert_close(one[key], other[key], rtol=1e-5, atol=1e-5)
