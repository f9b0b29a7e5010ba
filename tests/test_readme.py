# SPDX-License-Identifier: Apache-2.0
"""The README and the documentation do what they say: their commands are where `.ci/run` looks, their Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.page_blocks import WALKED

REPO = Path(__file__).resolve().parents[1]
PAGES = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    page
    for page in PAGES
    if "_build" not in page.parts
    and BLOCK.search(page.read_text(encoding="utf-8"))
    and page.relative_to(REPO).as_posix() not in WALKED  # test_tutorials.py runs these, with their commands
]


def _commands(readme: str) -> list[str]:
    return [line for line in readme.splitlines() if line.startswith("pip install -c ")]


def test_two_commands_one_line_each(repo: Path) -> None:
    train, test = _commands((repo / "README.md").read_text(encoding="utf-8"))
    assert train.startswith(
        'pip install -c tests/constraints.txt -e ".[all]" && python -m monai.bundle run --config_file '
    )
    assert (repo / train.split()[-1]).is_file()
    assert test == 'pip install -c tests/constraints.txt -e ".[dev]" && python -m pytest -n auto'
    assert (repo / "tests" / "constraints.txt").is_file()


def test_readme_example_is_short(repo: Path) -> None:
    block = BLOCK.search((repo / "README.md").read_text(encoding="utf-8"))
    assert block is not None
    assert len([line for line in block.group(1).splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a page run one after the other, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
