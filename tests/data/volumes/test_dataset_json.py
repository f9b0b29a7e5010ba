# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_boundary.data.volumes.dataset_json import declared_labels, read_dataset_json

FILE = Path("dataset.json")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"0": "background", "2": "b", "1": "a"}, ({"b": 2, "a": 1}, None)),
        ({"background": 0, "a": 1}, ({"a": 1}, None)),
        ({"background": 0, "a": "1"}, ({"a": 1}, None)),
        ({"background": 0, "all": [1, 2, 3], "core": [3], "ignore": 4}, ({"all": (1, 2, 3), "core": 3}, 4)),
    ],
)
def test_both_ways_round(labels: Any, expected: Any) -> None:
    assert declared_labels(labels, FILE) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": 1, "b": 1}, "needs different ids"),
        ({"1": "a", "2": "a"}, "needs different names, got 'a' twice"),
        ({"a": -1}, "integers >= 0 for 'a', got -1"),
        ({"a": 1.5}, "integers >= 0 for 'a', got 1.5"),
        ({"a": True}, "integers >= 0 for 'a', got True"),
        ({"a": []}, "integers >= 0 for 'a'"),
        ({"background": 0}, "a class beside the background"),
        (["a"], "names and ids"),
    ],
)
def test_what_is_refused(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"`labels` of dataset.json needs .*{message}|{message}"):
        declared_labels(labels, FILE)


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"needs a readable JSON file, got .*dataset.json"):
        read_dataset_json(tmp_path, ())
    (tmp_path / "dataset.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"with training, got .* with list"):
        read_dataset_json(tmp_path, ("training",))
