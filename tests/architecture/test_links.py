# SPDX-License-Identifier: Apache-2.0
"""What the pages point to exists. Addresses on the web are not followed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.source_tree import relative, tracked_files

LINK = re.compile(r"(?<!\\)\[[^\]\[]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
PAGES = [p for p in tracked_files() if p.suffix == ".md"]


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL))


def test_the_pattern_finds_links() -> None:
    text = '[a](x.md) ![b](p/q.png "title") `[c](no.md)` [d](https://example.org)\n```\n[e](no.md)\n```\n'
    assert LINK.findall(_without_code(text)) == ["x.md", "p/q.png", "https://example.org"]


def _lost(page: Path) -> list[str]:
    """Return what a page points to and is not there."""
    links = LINK.findall(_without_code(page.read_text(encoding="utf-8")))
    targets = [t for t in links if not re.match(r"[a-z]+:|#", t)]
    return [t for t in targets if not (page.parent / t.split("#")[0]).exists()]


def test_a_lost_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[a](b.md) [a](a.md#there) [b](#here) [c](https://example.org) [d](c/d.png)")
    assert _lost(tmp_path / "a.md") == ["b.md", "c/d.png"]


def test_links_lead_to_files() -> None:
    lost = {relative(page): targets for page in PAGES if (targets := _lost(page))}
    assert not lost, f"these pages point to what is not there: {lost}"
    assert len(PAGES) > 20
