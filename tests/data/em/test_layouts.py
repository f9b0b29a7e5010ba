# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_boundary.data import em_datalist
from monai_boundary.data.em.layouts import entries, walk_files

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
WALL = np.zeros((8, 8), np.uint8)
WALL[:, 4] = 255


def save(path, values=GREY):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def pair(root, name="0.png", image="image", label="label"):
    save(root / image / name)
    save(root / label / name, WALL)


# --- links


def test_linked_folders_are_found_and_counted_once(tmp_path, caplog):
    for k in range(3):
        pair(tmp_path / "store" / f"s{k}")
    data = tmp_path / "data"
    data.mkdir()
    for k in range(3):
        (data / f"case{k}").symlink_to(tmp_path / "store" / f"s{k}", target_is_directory=True)
    (data / "case9").symlink_to(tmp_path / "store" / "s0", target_is_directory=True)
    items = em_datalist(data)
    assert [item["volume"] for item in items] == ["case0", "case1", "case2"]
    assert "case9: it is another name of" in caplog.text


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    pair(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"got the broken link .*b"):
        em_datalist(tmp_path)


def test_folders_that_lead_back_end(tmp_path):
    save(tmp_path / "x" / "a.png")
    (tmp_path / "x" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert [p.name for p in walk_files(tmp_path)] == ["a.png"]
    assert [p.name for p in entries(tmp_path, lambda p: p.is_dir())] == ["x"]


# --- which folders


def test_two_folders_that_could_be_the_labels_are_listed(tmp_path):
    pair(tmp_path, image="raw", label="labels")
    pair(tmp_path, image="raw", label="membranes")
    words = r"`label_dataset` needs a folder's name \(--label_dataset labels\), .* the labels: labels, membranes\."
    with pytest.raises(ValueError, match=words):
        em_datalist(tmp_path)
    (item,) = em_datalist(tmp_path, label_dataset="membranes")
    assert item["label"].endswith("membranes/0.png")
    assert len(em_datalist(tmp_path, label_kind=None)) == 1, "where labels are not wanted they need not be clear"
    with pytest.raises(ValueError, match="needs a label for every image"):
        em_datalist(tmp_path, label_dataset="walls")
    save(tmp_path / "Images" / "0.png")
    with pytest.raises(ValueError, match=r"`image_dataset` needs .* the images: Images, raw\."):
        em_datalist(tmp_path, label_dataset="membranes")
    assert em_datalist(tmp_path, image_dataset="raw", label_dataset="labels")[0]["image"].endswith("raw/0.png")


def test_a_folder_of_any_name_may_be_asked_for(tmp_path):
    pair(tmp_path, image="EM data", label="walls")
    (item,) = em_datalist(tmp_path, image_dataset="EM data", label_dataset="walls")
    assert item["label"].endswith("walls/0.png")


def test_one_line_says_what_was_found_and_one_what_was_not_taken(tmp_path, caplog):
    for name in ("A", "B"):
        pair(tmp_path / name)
    save(tmp_path / "A" / "more" / "deep.png")
    tifffile.imwrite(tmp_path / "whole.tif", GREY)
    (tmp_path / "notes.txt").touch()
    with caplog.at_level(logging.INFO):
        em_datalist(tmp_path)
    found = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Found")]
    assert found == [
        f"Found 2 sections in 2 volumes of {tmp_path}: images in A/image, B/image, labels in A/label, B/label."
    ]
    skipped = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Skipped")]
    assert skipped == [
        f"Skipped in {tmp_path}, 2 files that belong to none of these: whole.tif, A/more/deep.png."
    ] or skipped == [f"Skipped in {tmp_path}, 2 files that belong to none of these: A/more/deep.png, whole.tif."]


# --- pictures in one folder


def test_single_tifs_are_one_stack(tmp_path):
    for k in (2, 10, 1):
        tifffile.imwrite(tmp_path / f"s{k}.tif", GREY + k)
    items = em_datalist(tmp_path, require_labels=False)
    assert [item["section"] for item in items] == [1, 2, 10]
    assert {item["volume"] for item in items} == {tmp_path.name}
    (whole,) = em_datalist(tmp_path, require_labels=False, mode="volume")
    assert (whole["image"], whole["sections"]) == (str(tmp_path), [0, 3])


def test_tifs_of_different_sizes_are_sections_of_their_own(tmp_path):
    for k in (1, 2):
        tifffile.imwrite(tmp_path / f"s{k}.tif", GREY[:k])
    assert [item["volume"] for item in em_datalist(tmp_path, require_labels=False)] == ["s1", "s2"]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_images_and_labels_in_one_folder_are_paired(tmp_path, suffix):
    for k in range(3):
        save(tmp_path / f"image_{k}.{suffix}")
        save(tmp_path / f"label_{k}.{suffix}", WALL)
    items = em_datalist(tmp_path)
    assert len(items) == 3
    assert all(item["label"] == item["image"].replace("image_", "label_") for item in items)


# --- BIDS


def test_bids(tmp_path):
    for subject in ("sub-1", "sub-2"):
        save(tmp_path / subject / "micr" / f"{subject}_SEM.png")
        for kind in ("axon", "myelin"):
            place = tmp_path / "derivatives" / "labels" / subject / "micr"
            save(place / f"{subject}_SEM_seg-{kind}-manual.png", WALL)
    (tmp_path / "sub-2" / "micr" / "sub-2_SEM.json").write_text('{"PixelSize": [0.1, 0.1], "PixelSizeUnits": "um"}')
    with pytest.raises(ValueError, match=r"`label_dataset` needs a name .* several segmentations: axon, myelin\."):
        em_datalist(tmp_path)
    items = em_datalist(tmp_path, label_dataset="myelin")
    assert [item["volume"] for item in items] == ["sub-1_SEM", "sub-2_SEM"]
    assert [item["subject"] for item in items] == ["sub-1", "sub-2"]
    assert [item["spacing"] for item in items] == [[1.0, 1.0], [100.0, 100.0]]
    assert all("seg-myelin" in item["label"] for item in items)
    with pytest.raises(ValueError, match=r"`label_dataset` needs one of axon, myelin .* got 'nerve'"):
        em_datalist(tmp_path, label_dataset="nerve")
    assert len(em_datalist(tmp_path, label_kind=None)) == 2
