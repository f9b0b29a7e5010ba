# SPDX-License-Identifier: Apache-2.0
"""A Sphinx extension: what a page of any width needs to be read. What is copied from it stays as it is.

Browsers break after a hyphen, and ``--regions`` would stand as ``--`` and ``regions``: short words of code are kept
whole, and so are a mean with its deviation and an interval. Commands go on in the next line, indented. A picture leads
to itself in full size. For pictures of many panels, and for cells with much text, a telephone makes room.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

LONGEST = 22  # characters that a telephone's cell has room for
PICTURES = re.compile(r'<img alt="[^"]*" src="([^"]*_images/[^"]+\.png)" />')
CELLS = re.compile(r"<td>(?=(<p>.*?</p>)\s*</td>)", re.DOTALL)
WORDS, LONG = 10, 60  # letters of a cell that has some words, and characters of one that has much text
PANORAMA = 3  # times as wide as high
FIGURE = re.compile(r"\b\d[\d.]*e-\d+|[+-] \d[\d,]*")  # kept whole; a mean or an interval where there is room for it
FIGURES = re.compile(r"[+-]?\d[\d.]* ± \d[\d.]*|[(\[][+-]?\d[\d.]*(?:, [+-]?\d[\d.]*)+[)\]]")
COMMANDS = re.compile(r'(<div class="highlight-shell[^>]*><div class="highlight"><pre>)(.*?)(</pre>)', re.DOTALL)


def readable(body: str, panoramas: frozenset[str] = frozenset()) -> str:
    """Mark a page's short words of code, commands, long cells and pictures for the style sheet.

    Args:
        body: of the page.
        panoramas: names of the pictures that are much wider than high.
    """
    body = PICTURES.sub(lambda found: _picture(found, panoramas), body)
    body = CELLS.sub(lambda found: _cell(re.sub(r"<[^>]+>|\s+(?=\s)", "", found[1])), body)
    body = re.sub(r"(?<=<p>)[^<]*(?=</p></td>)|(?<=<strong>)[^<]*(?=</strong>)", _figures, body)
    body = re.sub(rf'<span class="pre">([^<]{{1,{LONGEST}}})</span>', r'<span class="pre whole">\1</span>', body)
    return COMMANDS.sub(lambda found: found[1] + _lines(found[2]) + found[3], body)


def _picture(found: re.Match[str], panoramas: frozenset[str]) -> str:
    kind = "picture panorama" if Path(found[1]).name in panoramas else "picture"
    return f'<a class="{kind}" href="{found[1]}">{found[0]}</a>'


def _figures(text: re.Match[str]) -> str:
    marked = FIGURE.sub(r'<span class="whole">\g<0></span>', text[0])
    return FIGURES.sub(r'<span class="figures">\g<0></span>', marked)


def _cell(text: str) -> str:
    kinds = ["words"] * (sum(map(str.isalpha, text)) > WORDS) + ["long"] * (len(text) > LONG)
    return f'<td class="{" ".join(kinds)}">' if kinds else "<td>"


def wide_pictures(images: Mapping[str, str], root: Path) -> frozenset[str]:
    """Return the names of the PNG files that are much wider than high.

    Args:
        images: path within the root -> name on the site.
        root: of the pages.
    """
    found = set()
    for path, name in images.items():
        with (root / path).open("rb") as file:
            head = file.read(24)
        if head.startswith(b"\x89PNG"):
            width, height = struct.unpack(">II", head[16:24])
            found |= {name} if width > PANORAMA * height else set()
    return frozenset(found)


def _lines(commands: str) -> str:
    options = re.sub(r"(?<![\w\"-])--?[A-Za-z][\w:]*(?![^<]*>)", r'<span class="whole">\g<0></span>', commands)
    return "".join(f'<span class="command">{line}\n</span>' for line in options.rstrip("\n").split("\n"))


def change_page(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Change the text of a page before it is written."""
    if "body" in context:
        context["body"] = readable(context["body"], wide_pictures(app.builder.images, Path(app.srcdir)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what marks the words."""
    app.connect("html-page-context", change_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
