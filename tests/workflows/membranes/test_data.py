# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_boundary.data import write_em_phantom, write_em_segmentation
from monai_boundary.workflows.membranes.data import check_em_outputs, check_patch_size, em_inputs, em_items, em_split

SHAPE = (6, 32, 32)


def test_no_data_set_is_a_phantom_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    split = em_split(None, 2, 0, 3, tmp_path, SHAPE)
    assert "No data set was given" in caplog.text
    assert "phantom" in caplog.text
    assert (len(split["training"]), len(split["validation"])) == (4, 2)
    assert split["label_kind"] == "instances"
    assert [item["section"] for item in split["validation"]] == [0, 1]
    assert not list(tmp_path.glob("*.part")), "nothing half-written is left"
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.png")}
    em_split(None, 2, 0, 3, tmp_path, SHAPE)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.png")} == before, "it is drawn once"


def test_two_processes_may_write_the_phantom_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slower(folder: Path, shape: tuple[int, ...]) -> None:
        write_em_phantom(folder, shape=shape)
        write_em_phantom(tmp_path / "phantom_6x32x32", shape=shape)  # the other process is done first

    monkeypatch.setattr("monai_boundary.workflows.membranes.data.draw_em_files", slower)
    assert len(em_items(None, 2, tmp_path, SHAPE)) == 6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["phantom_6x32x32"]


def test_stacks_in_three_dimensions(tmp_path: Path) -> None:
    split = em_split(None, 3, 1, 3, tmp_path, SHAPE)
    assert [item["sections"] for item in split["training"]] == [[0, 2], [4, 6]]
    assert [item["sections"] for item in split["validation"]] == [[2, 4]]


def test_the_data_set_that_was_given(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_em_phantom(tmp_path / "data", shape=SHAPE)
    split = em_split(tmp_path / "data", 2, 2, 3, tmp_path / "output")
    assert [item["section"] for item in split["validation"]] == [4, 5]
    assert not (tmp_path / "output").exists()
    assert "phantom" not in caplog.text


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    ids = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    wall = np.zeros_like(ids)
    wall[..., 3] = 255
    for name, labels in {"a": ids, "b": wall}.items():
        for part, stack in {"image": ids, "label": labels}.items():
            (tmp_path / name / part).mkdir(parents=True)
            for k, section in enumerate(stack):
                Image.fromarray(section).save(tmp_path / name / part / f"{k}.png")
    with pytest.raises(ValueError, match="`dataset_dir` needs labels of one kind, membranes or ids, got both"):
        em_split(tmp_path, 2, 0, 3, tmp_path)


def test_inputs_are_stacks_or_single_sections(tmp_path: Path) -> None:
    path = write_em_segmentation(tmp_path / "stack.tif", np.zeros(SHAPE, np.uint8), spacing=(50, 4, 4), dtype=np.uint8)
    items = em_inputs(path, tmp_path)
    assert [item["section"] for item in items] == [-1]
    path = write_em_segmentation(tmp_path / "one.tif", np.zeros(SHAPE[1:], np.uint8), spacing=None, dtype=np.uint8)
    items = em_inputs(path, tmp_path)
    assert [item["section"] for item in items] == [0]


def test_every_input_has_an_output_name_of_its_own(tmp_path: Path) -> None:
    section = np.zeros(SHAPE[1:], np.uint8)
    for name in ("A/image/x.png", "A/image/y.png", "B/image/x.png", "B/image/y.png"):
        (tmp_path / "folders" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(section).save(tmp_path / "folders" / name)
    (tmp_path / "stacks").mkdir()
    for name in ("a.1.tif", "a.2.tif"):
        write_em_segmentation(tmp_path / "stacks" / name, np.zeros(SHAPE, np.uint8), spacing=None, dtype=np.uint8)
    assert [item["output_name"] for item in em_inputs(tmp_path / "folders", tmp_path)] == ["A", "B"]
    assert [item["output_name"] for item in em_inputs(tmp_path / "stacks", tmp_path)] == ["a.1", "a.2"]


def test_pictures_of_several_sizes_are_segmented_one_by_one(tmp_path: Path) -> None:
    for k, side in enumerate((16, 32)):
        (tmp_path / "image").mkdir(exist_ok=True)
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "image" / f"{k}.png")
    assert [item["section"] for item in em_inputs(tmp_path, tmp_path)] == [0, 1]
    assert [item["output_name"] for item in em_inputs(tmp_path, tmp_path)] == ["0", "1"]


def test_labels_beside_the_images_are_not_segmented(tmp_path: Path) -> None:
    for k in range(2):
        for part in ("image", "label"):
            Image.fromarray(np.zeros(SHAPE[1:], np.uint8)).save(tmp_path / f"{part}_{k}.png")
    items = em_inputs(tmp_path, tmp_path)
    assert [Path(item["image"]).name for item in items] == ["image_0.png", "image_1.png"]
    assert not any("label" in item for item in items)


def test_inputs_do_not_ask_what_labels_mean(tmp_path: Path) -> None:
    for part in ("raw", "labels", "membranes"):
        (tmp_path / part).mkdir()
        Image.fromarray(np.zeros(SHAPE[1:], np.uint8)).save(tmp_path / part / "0.png")
    with pytest.raises(ValueError, match="`label_dataset` needs a folder's name"):
        em_items(tmp_path, 2, tmp_path)
    (item,) = em_inputs(tmp_path, tmp_path)
    assert "label" not in item


def test_outputs_are_checked_before_the_work(tmp_path: Path) -> None:
    items = [{"output_name": "a"}, {"output_name": "b"}]
    check_em_outputs(items, tmp_path / "out", ["instances", "membrane"], ".tif")
    (tmp_path / "out" / "b_membrane.tif").touch()
    words = r"`overwrite` needs to be true to replace the 1 of 4 outputs .*b_membrane\.tif"
    with pytest.raises(ValueError, match=words):
        check_em_outputs(items, tmp_path / "out", ["instances", "membrane"], ".tif")
    check_em_outputs(items, tmp_path / "out", ["instances", "membrane"], ".tif", overwrite=True)
    with pytest.raises(ValueError, match="needs a folder that can be written"):
        check_em_outputs(items, tmp_path / "out" / "b_membrane.tif", ["x"], ".tif")


def test_a_data_set_of_one_section(tmp_path: Path) -> None:
    wall = np.zeros((16, 16), np.uint8)
    wall[:, 8] = 255
    for part in ("image", "label"):
        (tmp_path / part).mkdir()
        Image.fromarray(wall).save(tmp_path / part / "a.png")
    (item,) = em_items(tmp_path, 2, tmp_path)
    assert (item["label_kind"], item["label_polarity"]) == ("membrane", "membrane")
    with pytest.raises(ValueError, match="`num_folds` needs at most 1, the sections of volume"):
        em_split(tmp_path, 2, 0, 2, tmp_path)


def test_pictures_of_several_animals_are_dealt_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wall = np.zeros((16, 16), np.uint8)
    wall[:, 8] = 255
    for name in ("sub-a/micr/sub-a_1", "sub-b/micr/sub-b_1", "sub-b/micr/sub-b_2", "sub-c/micr/sub-c_1"):
        for file in (tmp_path / f"{name}_SEM.png", tmp_path / "derivatives" / f"{name}_SEM_seg-axon-manual.png"):
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(wall).save(file)
    with caplog.at_level("INFO"):
        parts = em_split(tmp_path, 2, 1, 3, tmp_path)
    assert [item["subject"] for item in parts["training"]] == ["sub-a", "sub-c"]
    assert [item["subject"] for item in parts["validation"]] == ["sub-b", "sub-b"]
    assert "Whole volumes are dealt to the folds; for validation: sub-b_1_SEM, sub-b_2_SEM." in caplog.text


def test_how_the_data_set_is_read_can_be_said(tmp_path: Path) -> None:
    wall = np.zeros((3, 16, 16), np.uint8)
    wall[..., 8] = 255
    for part in ("raw", "labels", "membranes"):
        for k in range(3):
            (tmp_path / part).mkdir(exist_ok=True)
            Image.fromarray(wall[k]).save(tmp_path / part / f"{k}.png")
    reading = {"label_dataset": "labels", "label_kind": "membrane", "polarity": "cell", "spacing": [50, 4, 5]}
    split = em_split(tmp_path, 2, 0, 3, tmp_path, **reading)
    (item,) = split["validation"]
    assert item["label"].endswith("labels/0.png")
    assert (item["label_polarity"], item["spacing"]) == ("cell", [4.0, 5.0])


def test_dimensions_are_two_or_three(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`spatial_dims` needs 2 or 3 spatial dimensions, got 4"):
        em_items(None, 4, tmp_path)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ((100, 96), r"multiples of 16 \(the network's strides\), got \[100, 96\]"),
        ((0, 96), r"multiples of 16"),
    ],
)
def test_a_patch_that_the_strides_cannot_halve_is_refused_before_training(
    tmp_path: Path, patch: tuple[int, ...], message: str
) -> None:
    write_em_phantom(tmp_path, shape=(4, 64, 40), seed=0)
    items = em_items(tmp_path, 2, tmp_path)
    check_patch_size(items, (64, 32))
    with pytest.raises(ValueError, match=message):
        check_patch_size(items, patch)


def test_an_image_smaller_than_the_patch_gives_as_much_as_the_strides_can_halve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_em_phantom(tmp_path, shape=(4, 64, 40), seed=0)
    with caplog.at_level("INFO"):
        check_patch_size(em_items(tmp_path, 2, tmp_path), (64, 64), batch_size=4)
    (line,) = [line for line in caplog.messages if line.startswith("Crops")]
    assert line.startswith("Crops of [64, 32], in multiples of 16, from images of [64, 40] (")


def test_a_stack_too_thin_for_the_patch_is_refused(tmp_path: Path) -> None:
    write_em_phantom(tmp_path, layout="hdf5", mode="volume", shape=(8, 64, 64), seed=0)
    items = em_items(tmp_path, 3, tmp_path)
    with pytest.raises(
        ValueError, match=r"multiples of 16 voxels, and images of at least that, got \[8, 64, 64\] from"
    ):
        check_patch_size(items, (16, 64, 64))


def test_both_sides_of_the_validation_have_to_hold_the_patch(tmp_path: Path) -> None:
    """Fold 1 trains on the sections before it and on those after it, which are stacks of their own."""
    write_em_phantom(tmp_path, layout="hdf5", mode="volume", shape=(24, 32, 32), seed=0)

    def training(num_folds: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = em_split(tmp_path, 3, 1, num_folds, tmp_path)["training"]
        assert len(found) == 2
        return found

    check_patch_size(training(3), (8, 32, 32), 8, batch_size=2)
    with pytest.raises(ValueError, match=r"multiples of 8 voxels, .* got \[4, 32, 32\] from '.*@0:4'"):
        check_patch_size(training(6), (8, 32, 32), 8)
    with pytest.raises(ValueError, match=r"crops of one size for batches of 2, got \[4, .*0:4' and \[8, .*8:24'"):
        check_patch_size(training(6), (8, 32, 32), 4, batch_size=2)
    check_patch_size(training(6), (8, 32, 32), 4)


def test_images_of_several_sizes_make_no_batch(tmp_path: Path) -> None:
    for name, shape in (("a", (2, 32, 64)), ("b", (2, 64, 32))):
        write_em_phantom(tmp_path / name, shape=shape, seed=0)
    items = [item for name in "ab" for item in em_items(tmp_path / name, 2, tmp_path)]
    check_patch_size(items, (64, 64))
    check_patch_size(items, (32, 32), batch_size=4)
    with pytest.raises(
        ValueError, match=r"got \[32, 64\] from .* and \[64, 32\] from .*: give --patch_size \[32, 32\]"
    ):
        check_patch_size(items, (64, 64), batch_size=4)
