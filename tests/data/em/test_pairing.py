# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.em.pairing import pair_by_name, stem, words


def names(pairs):
    return [(a.name, None if b is None else b.name) for a, b in pairs]


def test_pairs_whatever_the_words_and_the_leading_zeros():
    images = [Path(n) for n in ("image_1.png", "image_2.png", "image_10.png")]
    labels = [Path(n) for n in ("label_010.tif", "label_001.tif", "label_002.tif")]
    assert names(pair_by_name(images, labels)) == [
        ("image_1.png", "label_001.tif"),
        ("image_2.png", "label_002.tif"),
        ("image_10.png", "label_010.tif"),
    ]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("train-volume.tif", "train-labels.tif"),
        ("train-volume_z00-03.tif", "train-labels_z00-03.tif"),
        ("train-image.h5", "train-gt.lzf.h5"),
        ("A_raw.tif", "A_membranes.tif"),
        ("s3.png", "s03_seg.png"),
        ("sample_A.v2.tif", "sample_A.v2_mask.tif"),
    ],
)
def test_usual_names(image, label):
    assert names(pair_by_name([Path(image)], [Path(label)])) == [(image, label)]


@pytest.mark.parametrize(
    ("images", "labels", "missing"),
    [
        (["0.png", "1.png"], ["0.png"], "1.png"),
        (["0.png"], ["0.png", "7.png"], "7.png"),
        (["a0.png"], ["b0.png"], "b0.png, image/a0.png"),
    ],
)
def test_files_without_a_partner_are_named(images, labels, missing):
    with pytest.raises(ValueError, match=f"no partner for: .*{missing}"):
        pair_by_name([Path("image") / n for n in images], [Path("label") / n for n in labels])


def test_many_files_without_a_partner_are_counted():
    with pytest.raises(ValueError, match=r"and 5 more"):
        pair_by_name([Path(f"{k}.png") for k in range(20)], [Path(f"{k}.png") for k in range(5)])


def test_two_files_of_one_section_are_refused():
    with pytest.raises(ValueError, match=r"one file per section, got image/1.png and image/01.tif"):
        pair_by_name([Path("image/1.png"), Path("image/01.tif")], [])


def test_test_images_may_lack_a_label_and_are_left_out():
    images = [Path("train-volume.tif"), Path("test-volume.tif")]
    assert names(pair_by_name(images, [Path("train-labels.tif")])) == [("train-volume.tif", "train-labels.tif")]


def test_images_alone():
    assert names(pair_by_name([Path("0.png"), Path("1.png")], [])) == [("0.png", None), ("1.png", None)]


@pytest.mark.parametrize(
    ("name", "role"), [("train-volume", "image"), ("train-labels", "label"), ("raw_mask", "label"), ("sample_A", "")]
)
def test_role(name, role):
    assert words(name)[1] == role


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", "a"), ("train-gt.lzf.h5", "train-gt"), ("s.12.png", "s.12"), ("x.ome.tif", "x"), ("a.tar", "a")],
)
def test_stem(name, expected):
    assert stem(Path(name)) == expected
