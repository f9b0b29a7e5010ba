# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import ConvertToMultiChannelBasedOnBratsClasses

from monai_boundary.ops import TUMOUR_REGIONS, tumour_label, tumour_regions


def test_drawn() -> None:
    label = np.array([[0, 2, 2, 2, 0], [2, 1, 4, 2, 0], [2, 4, 4, 0, 0]])
    whole, core, enhancing = tumour_regions(label)
    np.testing.assert_array_equal(whole, [[0, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 0, 0]])
    np.testing.assert_array_equal(core, [[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0]])
    np.testing.assert_array_equal(enhancing, [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 0, 0]])


@pytest.mark.parametrize("et_label", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_as_monai_where_monai_is_told_the_year(rng: np.random.Generator, et_label: int, dtype: type) -> None:
    label = rng.choice([0, 1, 2, et_label], size=(6, 5, 4)).astype(dtype)
    expected = ConvertToMultiChannelBasedOnBratsClasses(et_label)(torch.from_numpy(label)[None])
    for said in (None, et_label):
        core, whole, enhancing = tumour_regions(label, ("tc", "wt", "et"), said)
        np.testing.assert_array_equal(np.stack([core, whole, enhancing]), expected)


def test_every_region_lies_in_the_one_before(rng: np.random.Generator) -> None:
    masks = tumour_regions(rng.choice([0, 1, 2, 4], size=(7, 8)))
    assert TUMOUR_REGIONS == ("wt", "tc", "et")
    assert not (masks[1] & ~masks[0]).any()
    assert not (masks[2] & ~masks[1]).any()


def test_rounding_of_a_scale_factor_is_mended() -> None:
    noisy = np.array([0.0, 0.9999999, 2.0000002, 2.9999998])
    np.testing.assert_array_equal(tumour_regions(noisy), tumour_regions([0, 1, 2, 3]))


def test_empty_and_full() -> None:
    assert not tumour_regions(np.zeros((3, 3))).any()
    assert tumour_regions(np.full((3, 3), 4)).all()
    assert tumour_regions(np.zeros((0, 3))).shape == (3, 0, 3)
    assert tumour_regions(np.array([True, False])).astype(int).tolist() == [[1, 0], [1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("label", "options", "message"),
    [
        ([0, 1, 2, 5, 7], {}, "`label` needs the values 0, 1, 2, 3, 4, got 0, 1, 2, 5, 7."),
        ([0, 1, 4], {"et_label": 3}, "`label` needs the values 0, 1, 2, 3, got 0, 1, 4."),
        ([0, -1], {}, "got -1, 0"),
        ([0.0, 300.0], {}, "got 0, 300"),
        (range(14), {}, "got 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more"),
        ([0, 1, 2, 3, 4], {}, "needs 3 or 4 as the enhancing tumour, got both: 0, 1, 2, 3, 4. Say which"),
        ([0.0, 0.5], {"name": "label a.nii"}, r"`label a.nii` needs whole numbers, got 0.5 \(1 of 2 values"),
        ([0.0, float("nan")], {}, "`label` needs finite values"),
        ([0], {"et_label": 2}, "`et_label` needs one of None, 3, 4, got 2"),
        ([0], {"regions": ("wt", "ed")}, "`regions` needs one of 'wt', 'tc', 'et', got 'ed'"),
        ([0], {"regions": ()}, "`regions` needs different ones"),
        ([0], {"regions": ("wt", "wt")}, "`regions` needs different ones"),
    ],
)
def test_bad_input(label: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tumour_regions(list(label), **options)


def test_text_is_no_label() -> None:
    with pytest.raises(TypeError, match="`label` needs a boolean, integer or floating array, got dtype <U1"):
        tumour_regions(["a"])


def test_a_real_case(real_data: Callable[[str], Path]) -> None:
    nibabel = pytest.importorskip("nibabel")
    folder = real_data("brats") / "BraTS2021_00006"
    label = np.asarray(nibabel.load(folder / "BraTS2021_00006_seg.nii.gz").dataobj)
    masks = tumour_regions(label)
    assert [int(m.sum()) for m in masks] == [int(np.isin(label, ids).sum()) for ids in ((1, 2, 4), (1, 4), (4,))]
    np.testing.assert_array_equal(tumour_regions(np.where(label == 4, 3, label).astype(np.float32)), masks)


@pytest.mark.parametrize("et_label", [3, 4])
def test_there_and_back(rng: np.random.Generator, et_label: int) -> None:
    label = rng.choice([0, 1, 2, et_label], size=(6, 7, 5))
    np.testing.assert_array_equal(tumour_label(tumour_regions(label), et_label=et_label), label)
    shuffled = ("et", "wt", "tc")
    np.testing.assert_array_equal(tumour_label(tumour_regions(label, shuffled), shuffled, et_label), label)
    core = tumour_label(tumour_regions(label, ("tc",)), ("tc",))
    np.testing.assert_array_equal(core, np.isin(label, (1, et_label)))


def test_regions_that_are_not_nested_become_so() -> None:
    masks = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 1]])
    assert tumour_label(masks).tolist() == [2, 1, 4, 4]
    assert tumour_label(masks).dtype == np.uint8


def test_masks_without_names() -> None:
    with pytest.raises(
        ValueError, match=r"`regions` needs a different name for each of 2 channels, got \('wt', 'tc', 'e"
    ):
        tumour_label(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="`regions` needs one of 'wt', 'tc', 'et', got 'ed'"):
        tumour_label(np.zeros((1, 4)), ("ed",))
    with pytest.raises(ValueError, match="`et_label` needs one of None, 3, 4, got 1"):
        tumour_label(np.zeros((3, 4)), et_label=1)
    with pytest.raises(ValueError, match="`regions` needs one of 'wt', 'tc', got 'et'"):
        tumour_label(np.zeros((3, 4)), label_map="menrt2024")


# label -> (whole, core, enhancing) as the challenges define them, written out by hand
MEANINGS = {
    "brats2015": {1: "110", 2: "100", 3: "110", 4: "111"},
    "brats2021": {1: "110", 2: "100", 4: "111"},
    "brats2023": {1: "110", 2: "100", 3: "111"},
    "gli2024": {1: "110", 2: "100", 3: "111", 4: "000"},
    "ped2024": {1: "111", 2: "110", 3: "110", 4: "100"},
}


@pytest.mark.parametrize("label_map", MEANINGS)
def test_every_year_and_cohort_by_name(label_map: str) -> None:
    meaning = {0: "000", **MEANINGS[label_map]}
    label = np.array(list(meaning))
    expected = np.array([[bit == "1" for bit in meaning[value]] for value in meaning]).T
    for dtype in (np.uint8, np.uint16, np.float32):
        np.testing.assert_array_equal(tumour_regions(label.astype(dtype), label_map=label_map), expected)
    np.testing.assert_array_equal(tumour_regions(label * 0.9998, label_map=label_map), expected)
    written = tumour_label(expected, label_map=label_map)
    np.testing.assert_array_equal(tumour_regions(written, label_map=label_map), expected)
    unknown = next(value for value in (3, 4, 5) if value not in meaning)
    with pytest.raises(ValueError, match=rf"got {unknown}. These are not those of '{label_map}'"):
        tumour_regions([unknown], label_map=label_map)


def test_a_gross_tumour_volume_has_two_regions() -> None:
    assert tumour_regions([0, 1], ("wt", "tc"), label_map="menrt2024").tolist() == [[False, True]] * 2
    assert tumour_regions([0, 1], ("tc",), case="BraTS-MEN-RT-0001-1_gtv.nii.gz").tolist() == [[False, True]]
    with pytest.raises(ValueError, match="`regions` needs one of 'wt', 'tc', got 'et'"):
        tumour_regions([0, 1], label_map="menrt2024")


@pytest.mark.parametrize(
    ("label", "case", "message"),
    [
        (
            [0, 1, 2, 4],
            "BraTS-PED-00001-000",
            "of BraTS-PED needs `label_map` 'ped2024' .* 'brats2023' .* 0, 1, 2, 4",
        ),
        ([0, 1, 2, 3], "brats-ped-00001-000-seg.nii.gz", "of BraTS-PED needs `label_map`"),
        ([0, 1, 2, 4], "BraTS-GLI-00001-101", "needs 3 as the enhancing tumour since 2023, got 4: .* 'gli2024'"),
        ([0, 1, 2, 3, 4], "BraTS-MET-00001-000", "got both: 0, 1, 2, 3, 4. Say which .* 'brats2015', 'gli2024', 'ped2"),
        ([0, 2], "BraTS-MEN-RT-0001-1", "needs the values 0, 1, got 0, 2. These are not those of 'menrt2024'"),
    ],
)
def test_a_doubt_is_an_error(label: list[int], case: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tumour_regions(label, ("wt",), case=case)
    assert tumour_regions(label, ("wt",), label_map="brats2015", case=case).any(), "what is stated counts"


def test_names_that_leave_no_doubt() -> None:
    for case, label in (("BraTS-SSA-00001-000", 3), ("BraTS-MEN-00004-000", 3), ("Brats18_2013_2_1", 4), ("", 3)):
        assert tumour_regions([0, label], case=case).astype(int).tolist() == [[0, 1]] * 3
    assert not tumour_regions([0, 0], case="BraTS-GLI-00001-000").any()


def test_one_way_to_say_it() -> None:
    with pytest.raises(ValueError, match="`et_label` or `label_map` is needed, and not both, got 3 and 'brats2023'"):
        tumour_regions([0], et_label=3, label_map="brats2023")
    with pytest.raises(ValueError, match="`label_map` needs one of None, 'brats2015', 'brats2021'"):
        tumour_label(np.zeros((3, 1)), label_map="2021")
