# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support

from monai_boundary.report.label_volume import LabelVolume
from monai_boundary.report.probability_scores import (
    THRESHOLDS,
    channel_of_class,
    membrane_scores,
    read_probability,
    threshold_rows,
    threshold_scores,
)
from tests.report.case_folders import write_nifti

TRUTH = LabelVolume(np.zeros((4, 3, 2), np.uint8), np.diag([1.0, 1.0, 2.0, 1.0]), "mm")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_curves_equal_scikit_learn(rng: np.random.Generator, dtype: Any) -> None:
    probability = rng.choice(np.arange(21) / 20, 300).astype(dtype)  # many lie at a threshold
    true, ignored = rng.random(300) < 0.3, rng.random(300) < 0.1
    found = threshold_scores(probability, true, ignored)
    for k, threshold in enumerate(THRESHOLDS):
        precision, recall, f1, _ = precision_recall_fscore_support(
            true[~ignored], probability[~ignored] >= dtype(threshold), average="binary"
        )
        assert (found["precision"][k], found["recall"][k], found["dice"][k]) == pytest.approx((precision, recall, f1))


def test_curves_of_nothing() -> None:
    nothing, some = np.zeros(4, bool), np.array([0.0, 0.2, 0.6, 0.9])
    alarm = threshold_scores(some, nothing)
    assert alarm["dice"][:10] == [0.0] * 10
    assert np.isnan(alarm["recall"]).all()
    missed = threshold_scores(np.zeros(4), ~nothing)
    assert missed["dice"] == [0.0] * 19
    assert np.isnan(missed["precision"]).all()
    assert np.isnan(threshold_scores(np.zeros(4), nothing)["dice"]).all()


def write(path: Path, values: Any) -> Path:
    if path.suffix == ".npz":
        np.savez(path, probabilities=values)
    elif path.suffix == ".mha":
        image = SimpleITK.GetImageFromArray(values.T, isVector=True)
        image.SetSpacing((1.0, 1.0, 2.0))
        SimpleITK.WriteImage(image, path)
    else:
        write_nifti(path, values)
    return path


def test_channels_of_every_kind_of_file(tmp_path: Path, rng: np.random.Generator) -> None:
    channels = rng.random((3, 4, 3, 2)).astype(np.float32)
    channels_last = np.moveaxis(channels, 0, -1)
    for path in (
        write(tmp_path / "a.nii.gz", channels_last),
        write(tmp_path / "a.npz", channels.transpose(0, 3, 2, 1)),
    ):
        np.testing.assert_allclose(read_probability(path, TRUTH), channels)
    image = SimpleITK.GetImageFromArray(channels_last.transpose(2, 1, 0, 3), isVector=True)
    image.SetSpacing((1.0, 1.0, 2.0))
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    SimpleITK.WriteImage(image, tmp_path / "a.mha")
    np.testing.assert_allclose(read_probability(tmp_path / "a.mha", TRUTH), channels)
    single = read_probability(write(tmp_path / "b.nii", channels[0]), TRUTH)
    np.testing.assert_allclose(single, channels[:1])


def test_nnunets_axes_are_those_of_the_truths_file(tmp_path: Path, rng: np.random.Generator) -> None:
    """Of a TIF or PNG nnU-Net turns nothing round, and of a picture it makes a volume of one section."""
    cube, picture = rng.random((2, 4, 4, 4)), rng.random((2, 1, 4, 3))
    write(tmp_path / "cube.npz", cube), write(tmp_path / "picture.npz", picture)
    stack, flat, turned = (LabelVolume(np.zeros(n, np.uint8), None, "voxel") for n in ((4, 4, 4), (4, 3), (3, 4)))
    np.testing.assert_array_equal(read_probability(tmp_path / "cube.npz", stack, axes_xyz=False), cube)
    np.testing.assert_array_equal(read_probability(tmp_path / "picture.npz", flat, axes_xyz=False), picture[:, 0])
    found = read_probability(tmp_path / "picture.npz", turned)  # a slice in MHA
    np.testing.assert_array_equal(found, picture[:, 0].transpose(0, 2, 1))


def test_pictures_hold_their_largest_value_for_1(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 51, 255]], np.uint8)).save(tmp_path / "a.png")
    flat = LabelVolume(np.zeros((1, 3), np.uint8), None, "voxel")
    np.testing.assert_allclose(read_probability(tmp_path / "a.png", flat), [[[0, 0.2, 1]]])


def test_what_is_no_probability(tmp_path: Path) -> None:
    good = np.full((4, 3, 2), 0.5, np.float32)
    bad = good.copy()
    bad[1, 1, 1] = np.nan
    for name, values, words in [
        ("nan.nii", bad, "probabilities need numbers, .*nan.nii has 1 that are NaN"),
        ("logits.nii", good * 9, r"need values from 0 to 1, .*logits.nii has 4.5 to 4.5 \(logits\?\)"),
        ("other.nii", good[:3], r"another grid than the truth: shape \(3, 3, 2\) against \(4, 3, 2\)"),
        ("other.npz", good[None], r"other.npz needs the truth's shape \(4, 3, 2\), got \(2, 3, 4\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            read_probability(write(tmp_path / name, values), TRUTH)
    np.savez(tmp_path / "x.npz", softmax=good)
    with pytest.raises(ValueError, match="needs an array `probabilities`, as nnU-Net writes it, got softmax"):
        read_probability(tmp_path / "x.npz", TRUTH)


@pytest.mark.parametrize(
    ("count", "names", "named", "expected"),
    [
        (2, ["a", "b"], True, [0, 1]),
        (3, ["a", "b"], True, [1, 2]),
        (1, ["1"], False, [0]),
        (4, ["1", "3"], False, [1, 3]),
    ],
)
def test_which_channel_is_which_class(count: int, names: list[str], named: bool, expected: list[int]) -> None:
    channels = np.arange(count)[:, None]
    assert [int(c[0]) for c in channel_of_class(channels, names, named).values()] == expected


@pytest.mark.parametrize(
    ("count", "names", "named", "words"),
    [
        (4, ["a", "b"], True, r"needs 2 channels \(a, b\), or one more for the background before them, got 4"),
        (1, ["1", "2"], False, "needs a channel for each label up to 2 after the background's, got 1"),
        (2, ["1", "2"], False, "needs a channel for each label up to 2 after the background's, got 2"),
    ],
)
def test_channels_that_are_too_many_or_too_few(count: int, names: list[str], named: bool, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        channel_of_class(np.zeros((count, 2)), names, named)


def test_cells_of_a_membrane() -> None:
    """Two cells; the wall between them holds up to 0.6."""
    true = np.array([[1, 1, 0, 2, 2]])
    found = membrane_scores(np.array([[[0, 0, 0.6, 0, 0]]]), true)
    assert found["voi_merge"][:12] == [0.0] * 12
    assert found["voi_merge"][12:] == [1.0] * 7
    with pytest.raises(ValueError, match="needs the membrane's, one channel"):
        membrane_scores(np.zeros((2, 1, 5)), true)


def test_cells_by_watershed_close_a_hole_that_joins_components() -> None:
    membrane = np.zeros((1, 11, 23))
    membrane[0, :, 11] = 1
    membrane[0, 5, 11] = 0  # the hole
    true = np.repeat([[1] * 11 + [0] + [2] * 11], 11, axis=0)
    by = {way: membrane_scores(membrane, true, way, spacing=(4.0, 4.0)) for way in ("components", "watershed")}
    assert by["components"]["voi_merge"] == pytest.approx([1.0] * 19, abs=0.01)
    assert by["watershed"]["voi_merge"] == pytest.approx([0.0] * 19, abs=0.05)


def test_means_over_the_cases() -> None:
    curves = {("m", case, "1"): {"dice": [value] * 19} for case, value in (("a", 0.2), ("b", 0.6), ("c", np.nan))}
    rows = threshold_rows(curves)
    assert (len(rows), rows[0]["threshold"], rows[0]["cases"]) == (19, 0.05, 3)
    assert rows[4]["dice"] == pytest.approx(0.4)
