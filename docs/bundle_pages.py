# SPDX-License-Identifier: Apache-2.0
"""A Sphinx extension: the bundles' own pages are part of the site, at ``bundles/NAME``."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

BUNDLES = Path(__file__).parents[1] / "bundles"


def as_page(name: str, text: str) -> str:
    """Return the page of a bundle: its own title, sections one level higher, links to files as their names."""
    body = text.removeprefix("# Model Title")
    body = re.sub(r"^##(#+ )", r"#\1", body, flags=re.MULTILINE)
    body = re.sub(r"^(#+) \*\*(.*?)\*\*", r"\1 \2", body, flags=re.MULTILINE)
    body = re.sub(r"\[([^\]]*)\]\((?!https?:)([^)]*)\)", rf"\1 (`{name}/docs/\2`)", body)
    return f"# {name}\n{body}".replace("/docs/../", "/")


def read_bundle(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a bundle's page in the place of its stub."""
    folder, _, name = docname.rpartition("/")
    if folder == "bundles":
        page = BUNDLES / name / "docs" / "README.md"
        app.env.note_dependency(str(page))
        source[0] = as_page(name, page.read_text(encoding="utf-8"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what reads the pages."""
    app.connect("source-read", read_bundle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
