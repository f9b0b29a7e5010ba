# SPDX-License-Identifier: Apache-2.0
"""The blocks of code on the pages, and the pages that a test goes through as their reader does."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

# Of these pages every block is run that does not say otherwise, Python and commands, one after the other in one folder.
WALKED = (
    "docs/tutorials/own-folder.md",
    "docs/tutorials/membranes.md",
    "docs/tutorials/large-volume.md",
    "docs/how-to/evaluate-predictions.md",
    "docs/how-to/other-programs.md",
)
FENCE = re.compile(
    r"(?:^ *<!-- (?P<mark>not run|run by): (?P<why>[^\n]+) -->\n\n)?"
    r"^(?P<indent> *)(?P<ticks>```+|~~~+)(?P<name>[^\n]*)\n(?P<text>.*?)^ *(?P=ticks)$",
    re.M | re.S,
)


class Block(NamedTuple):
    """A block between fences: its language, its text, and what the comment before it says."""

    name: str
    text: str
    mark: str
    why: str


def blocks(page: str) -> Iterator[Block]:
    """Give the blocks of a page, from its first to its last."""
    for found in FENCE.finditer(page):
        text = textwrap.dedent(found["text"]) if found["indent"] else found["text"]
        yield Block(found["name"].strip(), text, found["mark"] or "", found["why"] or "")


def lines_of(block: Block) -> list[str]:
    """Return the commands of a block, those of several lines on one."""
    return [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip(" #")]
