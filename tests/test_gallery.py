# SPDX-License-Identifier: Apache-2.0
"""The gallery's page says what its script computes, and its pictures are small and all shown."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gudhi")  # one loss of the page needs it


@pytest.fixture(scope="module")
def gallery(repo: Path) -> dict[str, Any]:
    return runpy.run_path(str(repo / "docs" / "gallery.py"))


def _rows(table: str) -> dict[str, list[float]]:
    lines = [line.strip("|").split("|") for line in table.replace("*", "").splitlines()]
    return {cells[0].strip(): [float(cell) for cell in cells[1:]] for cells in lines[2:]}


def test_every_flaw_is_sixteen_voxels(gallery: dict[str, Any]) -> None:
    truth = gallery["draw_truth"]()
    wrong = {name: int((label != truth).sum()) for name, label in gallery["predictions"]().items()}
    assert wrong.pop("perfect") == 0
    assert set(wrong.values()) == {16}
    assert int((gallery["all_flaws"]() != truth).sum()) == 16 * len(wrong)


def test_the_values_are_those_of_the_page(gallery: dict[str, Any], repo: Path) -> None:
    page = (repo / "docs" / "gallery.md").read_text(encoding="utf-8")
    found = re.search(gallery["VALUES"], page, re.DOTALL)
    assert found is not None
    shown, measured = _rows(found[2]), gallery["measure"]()
    assert shown.keys() == measured.keys()
    for name, looks in measured.items():
        values = [looked.value for looked in looks.values()]
        assert shown[name] == pytest.approx(values, rel=0.05 if name == "SEMEDALoss" else 1e-3, abs=1e-4), name
        assert min(values) == values[0], f"{name} prefers a flaw to the perfect prediction"
    same = shown["cross-entropy"]
    assert len(set(same[1:])) == 1
    assert max(shown["BALoss"]) == shown["BALoss"][1] > 50 * shown["BALoss"][2]  # the hole, and nothing else


def test_pictures_are_small_and_shown(repo: Path) -> None:
    shown = set(re.findall(r"\]\(gallery/([\w-]+\.png)\)", (repo / "docs" / "gallery.md").read_text(encoding="utf-8")))
    files = {file.name: file.stat().st_size for file in (repo / "docs" / "gallery").iterdir()}
    assert files.keys() == shown
    assert max(files.values()) < 100_000
