# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_boundary.data import write_em_phantom, write_lesion_phantom
from monai_boundary.workflows import em_split
from monai_boundary.workflows.evaluation.scored_set import challenge_scored, em_scored

ARGUMENTS: dict[str, Any] = {"layout": "wmh", "modalities": ["flair"], "output_dir": "unused"}


def section(folder: Path, name: str = "00.png") -> Path:
    """A test set of one section: two cells and the membrane between them."""
    label = np.full((32, 32), 255, np.uint8)
    label[:, 15:17] = 0
    for part, values in (("image", label // 2), ("label", label)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / part / name)
    return folder


def test_without_a_test_set_the_split_is_scored() -> None:
    data = {"training": [{"image": "a"}], "validation": [{"image": "b"}], "label_kind": "membrane"}
    assert em_scored(data, None, 2, "out") == {
        "part": "validation",
        "items": [{"image": "b"}],
        "label_kind": "membrane",
    }
    assert challenge_scored(data, None, part="training", **ARGUMENTS) == {"part": "training", "items": [{"image": "a"}]}
    for nothing in (lambda: em_scored(None, None, 2, "out"), lambda: challenge_scored(None, None, **ARGUMENTS)):
        with pytest.raises(ValueError, match="`test_dir` needs a test set where there is no `dataset_dir`"):
            nothing()


def test_a_test_set_of_one_section_and_of_two_folders(tmp_path: Path) -> None:
    one, two = section(tmp_path / "one"), section(tmp_path / "two", "07.png")
    found = em_scored(None, str(one), 2, tmp_path)
    assert (found["part"], found["label_kind"], len(found["items"])) == ("test", "membrane", 1)
    both = em_scored(None, [str(one), two], 2, tmp_path)
    assert [Path(item["image"]).name for item in both["items"]] == ["00.png", "07.png"]


def test_folders_have_to_differ(tmp_path: Path) -> None:
    one = section(tmp_path / "one")
    with pytest.raises(ValueError, match="`test_dir` needs different folders"):
        em_scored(None, [one, tmp_path / "one" / ".." / "one"], 2, tmp_path)
    with pytest.raises(ValueError, match=r"`test_dir` needs a folder or a list of folders, got an empty list"):
        em_scored(None, [], 2, tmp_path)


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    write_em_phantom(ids, shape=(2, 64, 64), layout="hdf5")
    with pytest.raises(ValueError, match="`test_dir` needs labels of one kind, membranes or ids"):
        em_scored(None, [section(tmp_path / "one"), ids], 2, tmp_path)


def test_what_was_trained_on_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Under another name too: a link to the data set."""
    write_em_phantom(tmp_path / "data", shape=(6, 64, 64))
    (tmp_path / "link").symlink_to(tmp_path / "data", target_is_directory=True)
    data = em_split(tmp_path / "data", 2, 0, 3, tmp_path)
    em_scored(data, tmp_path / "link", 2, tmp_path)
    assert "4 of the 6 items of the test set were trained on" in caplog.text
    caplog.clear()
    em_scored(em_split(tmp_path / "data", 3, 1, 3, tmp_path), tmp_path / "link", 3, tmp_path)
    assert "1 of the 1 items of the test set were trained on" in caplog.text, "of a stack the training has two parts"


def test_patients_of_the_same_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_lesion_phantom(tmp_path / name, patients=1, shape=(16, 16, 4))
    (alone,) = challenge_scored(None, tmp_path / "a", **ARGUMENTS)["items"]
    both = challenge_scored(None, [tmp_path / "a", tmp_path / "b"], **ARGUMENTS)["items"]
    assert [item["case"] for item in both] == [f"a/{alone['case']}", f"b/{alone['case']}"]
    assert both[0]["image"] == alone["image"]


def test_an_error_names_the_option_that_was_given(tmp_path: Path) -> None:
    folder = section(tmp_path / "one")
    (folder / "label" / "00.png").unlink()
    with pytest.raises(ValueError, match="`test_dir` needs"):
        em_scored(None, folder, 2, tmp_path)
    with pytest.raises(ValueError, match="`test_dir` needs"):
        challenge_scored(None, [folder], **ARGUMENTS)
