# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from monai_boundary.data import detect_label_kind, em_datalist


def cells(side=96, step=16):
    """Square cells, ids 1, 2, ..., with walls of 3 voxels of value 0."""
    row = np.arange(side)
    inside = (row % step >= 3).astype(int)
    ids = (row[:, None] // step) * (side // step) + row[None] // step + 1
    return ids * inside[:, None] * inside[None]


def sparse(count=225, side=256):
    """Small squares with ids on 83 % of background."""
    ids = np.zeros((side, side), np.int64)
    corners = [(r, c) for r in range(4, side - 7, 17) for c in range(4, side - 7, 17)][:count]
    for k, (r, c) in enumerate(corners, 1):
        ids[r : r + 7, c : c + 7] = k
    return ids


WALLS = (cells() == 0).astype(np.uint8) * 255
GREY = ndimage.gaussian_filter(WALLS.astype(float), 0.6).round().astype(np.uint8)
CLASSES = np.choose(np.random.default_rng(0).integers(0, 5, (24, 24)), [0, 64, 128, 191, 255]).repeat(4, 0).repeat(4, 1)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (cells(), "instances"),
        (cells().astype(np.float32), "instances"),
        (cells() * np.float32(0.99999), "instances"),
        (cells().astype(np.uint64) << 40, "instances"),
        (sparse(), "instances"),
        (sparse().astype(np.uint8), "instances"),
        (sparse().astype(np.float32), "instances"),
        (sparse(40), "instances"),
        (WALLS, "membrane"),
        (WALLS > 0, "membrane"),
        (WALLS // 255, "membrane"),
        (WALLS / np.float32(255), "membrane"),
        (GREY, "membrane"),
        (GREY / np.float32(255), "membrane"),
        (255 - GREY, "membrane"),
        (np.stack([GREY, WALLS]), "membrane"),
        (GREY.astype(np.uint16) * 257, "membrane"),
        (np.zeros((4, 4)), "membrane"),
    ],
)
def test_what_the_values_tell(label, kind):
    assert detect_label_kind(label) == kind


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (CLASSES, r"5 values \(0, 64, 128, 191, 255\), of which half are in [.\d]+ pieces or more, as classes are"),
        (np.where(cells() % 2 == 1, 128, WALLS), "as classes are"),
        (np.kron([[0, 128, 255]], np.ones((9, 9), int)), r"few grey levels, 3 values \(0, 128, 255\)"),
        (np.linspace(0, 1, 400).reshape(20, 20), "a map of grey values"),
        (ndimage.gaussian_filter(WALLS.astype(np.float32), 4), "a map of grey values"),
    ],
)
def test_what_is_neither_is_refused(label, words):
    with pytest.raises(ValueError, match=rf"`label_kind` needs to be said.*\(--label_kind\).*{words}"):
        detect_label_kind(label)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (np.array([[np.nan, 1.0]]), "needs finite values, got NaN or infinity in 1 voxels"),
        (np.array([[-1, 0, 3]]), "needs values >= 0, got -1"),
        (np.zeros((0, 3)), "needs voxels"),
    ],
)
def test_what_is_no_label(label, words):
    with pytest.raises(ValueError, match=words):
        detect_label_kind(label)


# --- of a data set


def write(root, labels, suffix="tif"):
    for k, label in enumerate(labels):
        for part, values in (("image", np.zeros(label.shape, np.uint8)), ("label", label)):
            (root / part).mkdir(parents=True, exist_ok=True)
            if suffix == "tif":
                tifffile.imwrite(root / part / f"{k}.tif", values)
            else:
                Image.fromarray(values).save(root / part / f"{k}.{suffix}")


def test_one_line_sums_up_kind_and_polarity(tmp_path, caplog):
    """Masks of 0 and 1, of 0 and 255, and antialiased ones in one stack, and a section of one phase."""
    write(tmp_path, [WALLS, WALLS // 255, GREY, np.zeros_like(WALLS), WALLS, WALLS // 255])
    with caplog.at_level(logging.INFO):
        items = em_datalist(tmp_path, polarity="auto")
    assert {item["label_kind"] for item in items} == {"membrane"}
    assert {item["label_polarity"] for item in items} == {"membrane"}
    lines = [r.getMessage() for r in caplog.records if "abels" in r.getMessage() and "Found" not in r.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(
        "Labels are membrane, by the values of 1 with one value, 1 with grey seams, 4 with two values of 6 sections "
        "looked at; the greater value is the membrane in 5 of them (34% of the voxels, mean depth"
    )


def test_polarity_of_the_other_convention(tmp_path):
    write(tmp_path, [255 - GREY, 255 - WALLS])
    assert {item["label_polarity"] for item in em_datalist(tmp_path, polarity="auto")} == {"cell"}
    assert {item["label_polarity"] for item in em_datalist(tmp_path, polarity="membrane")} == {"membrane"}
    assert not any("label_polarity" in item for item in em_datalist(tmp_path))


def test_sections_that_disagree_are_named(tmp_path):
    write(tmp_path, [WALLS, 255 - WALLS])
    with pytest.raises(ValueError, match=r"`polarity` needs to be said.*membrane in .*0\.tif and cell in .*1\.tif"):
        em_datalist(tmp_path, polarity="auto")
    write(tmp_path / "b", [np.zeros_like(WALLS)])
    with pytest.raises(ValueError, match=r"\(--polarity\).*got one phase alone in .*0\.tif"):
        em_datalist(tmp_path / "b", polarity="auto")


def test_a_label_in_doubt_is_named_and_may_be_said(tmp_path):
    write(tmp_path, [CLASSES.astype(np.uint8)] * 2, "png")
    with pytest.raises(ValueError, match=r"`label_kind` needs to be said.*label/0\.png holds 5 values"):
        em_datalist(tmp_path)
    items = em_datalist(tmp_path, label_kind="instances")
    assert items[0]["label_instances"] == items[0]["label"]
    assert "label" not in em_datalist(tmp_path, label_kind=None)[0]


def test_ids_beside_a_section_without_any(tmp_path):
    write(tmp_path, [np.zeros((96, 96), np.uint16), cells().astype(np.uint16), (cells() == 7).astype(np.uint16) * 7])
    assert {item["label_kind"] for item in em_datalist(tmp_path)} == {"instances"}
    write(tmp_path / "b", [cells().astype(np.uint8), GREY])
    with pytest.raises(ValueError, match=r"0\.tif holds 37 values .* and .*1\.tif holds two grey levels and seams"):
        em_datalist(tmp_path / "b")
