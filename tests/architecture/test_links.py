# SPDX-License-Identifier: Apache-2.0
"""What the pages point to exists. Addresses on the web are not followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source_tree import relative, tracked_files

LINK = re.compile(r"(?<!\\)\[[^\]\[]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
PAGES = [p for p in tracked_files() if p.suffix == ".md"]


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL))


def test_the_pattern_finds_links() -> None:
    text = '[a](x.md) ![b](p/q.png "title") `[c](no.md)` [d](https://example.org)\n```\n[e](no.md)\n```\n'
    assert LINK.findall(_without_code(text)) == ["x.md", "p/q.png", "https://example.org"]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_to_files(page: Path) -> None:
    targets = [
        t for t in LINK.findall(_without_code(page.read_text(encoding="utf-8"))) if not re.match(r"[a-z]+:|#", t)
    ]
    lost = [t for t in targets if not (page.parent / t.split("#")[0]).exists()]
    assert not lost, f"{relative(page)} points to what is not there: {lost}"
