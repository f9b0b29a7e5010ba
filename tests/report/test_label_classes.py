# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary.report import read_class_table
from monai_boundary.report.folder_evaluation import case_options
from monai_boundary.report.label_classes import pairs_of_masks


def test_tables() -> None:
    expected = {"core": (1, 4), "edema": (2,)}
    assert read_class_table("core=1+4, edema = 2") == expected
    assert read_class_table({"core": [1, 4], "edema": 2}) == expected
    assert read_class_table({"labels": {"background": 0, "core": [1, 4], "edema": 2}}) == expected


def test_files_as_nnunet_and_the_decathlon_write_them(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"name": "x", "labels": {"0": "background", "1": "A", "2": "P"}}))
    assert read_class_table(str(tmp_path / "dataset.json")) == {"A": (1,), "P": (2,)}
    (tmp_path / "table.yaml").write_text("A: 1\nwhole: [1, 2]\n")
    assert read_class_table(str(tmp_path / "table.yaml")) == {"A": (1,), "whole": (1, 2)}


def test_what_nnunet_ignores_is_no_class() -> None:
    """It was scored as one that every prediction misses, and its voxels counted."""
    options = case_options({"labels": {"background": 0, "core": 1, "ignore": 2}}, None, None, ignore_labels=(7,))
    assert (options.classes, options.ignore_labels) == ({"core": (1,)}, (7, 2))
    with pytest.raises(ValueError, match="`classes` needs a class beside Ignore, got none"):
        case_options("Ignore=2", None, None)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("core=one", "integers > 0 for 'core', got"),
        ("core=-1", "integers > 0 for 'core'"),
        ("core=1,core=2", "different names, got 'core' twice"),
        ("core=1,x", "entries such as 'core=1[+]4', got 'x'"),
        ("nofile.json", "or an existing JSON or YAML file, got 'nofile.json'"),
        ({"background": 0}, "a class other than the background"),
        ({}, "needs names with label values"),
        ({"a": True}, "integers > 0 for 'a', got True"),
        ({"a": 1.5}, "integers > 0 for 'a', got 1.5"),
    ],
)
def test_tables_that_are_none(table: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_class_table(table)


def test_damaged_files(tmp_path: Path) -> None:
    for name, text in (("a.json", "{"), ("a.yaml", "a: [")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match="could not read .*" + name):
            read_class_table(str(tmp_path / name))


def masks(*arguments: Any, **options: Any) -> dict[str, list[list[int]]]:
    return {k: [a.astype(int).tolist() for a in v] for k, v in pairs_of_masks(*arguments, **options).items()}


def test_every_label_of_either() -> None:
    found = masks(np.array([0, 3, 1]), np.array([0, 0.9999, 1]))
    assert found == {"1": [[0, 0, 1], [0, 1, 1]], "3": [[0, 1, 0], [0, 0, 0]]}


def test_regions_overlap_and_are_there_when_empty() -> None:
    found = masks(np.array([1, 2, 0]), np.array([4, 2, 0]), read_class_table("whole=1+2+4,enhancing=4,cyst=5"))
    assert found["whole"] == [[1, 1, 0], [1, 1, 0]]
    assert found["enhancing"] == [[0, 0, 0], [1, 0, 0]]
    assert found["cyst"] == [[0, 0, 0], [0, 0, 0]]


def test_brats_of_two_years() -> None:
    found = masks(np.array([3, 2, 1, 0]), np.array([4, 2, 1, 0]), "brats")
    assert found == {"wt": [[1, 1, 1, 0]] * 2, "tc": [[1, 0, 1, 0]] * 2, "et": [[1, 0, 0, 0]] * 2}


def test_ignored_labels_count_in_neither() -> None:
    found = masks(np.array([1, 1, 0]), np.array([1, 2, 0]), ignore_labels=(2,))
    assert found == {"1": [[1, 0, 0], [1, 0, 0]]}


@pytest.mark.parametrize(
    ("prediction", "truth", "words"),
    [
        ([0, 0.5], [0, 1], "`prediction` needs whole numbers, got 0.5"),
        ([0, 1], [0, np.nan], "`truth` needs finite values"),
        ([0, -1], [0, 1], "`prediction` needs ids >= 0, got -1"),
        ([0, 7], [0, 1], "`prediction` needs the labels of the table, 1, 2, got 7"),
    ],
)
def test_labels_that_are_none(prediction: list[float], truth: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pairs_of_masks(np.array(prediction), np.array(truth), {"a": (1, 2)})


def test_instances_taken_for_classes() -> None:
    ids = np.arange(500)
    with pytest.raises(ValueError, match="at most 120 classes, got 499: if they are instances, say `instances`"):
        pairs_of_masks(ids, ids)
    with pytest.raises(ValueError, match="at most 120 classes"):
        pairs_of_masks(ids * 1000, ids * 1000)
