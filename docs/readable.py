# SPDX-License-Identifier: Apache-2.0
"""A Sphinx extension: what a page of any width needs to be read. What is copied from it stays as it is.

Browsers break after a hyphen, and ``--regions`` would stand as ``--`` and ``regions``: short words of code are kept
whole. Commands go on in the next line, indented. A picture leads to itself in full size.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LONGEST = 22  # characters that a telephone's cell has room for
PICTURES = re.compile(r'<img alt="[^"]*" src="([^"]*_images/[^"]+\.png)" />')
COMMANDS = re.compile(r'(<div class="highlight-shell[^>]*><div class="highlight"><pre>)(.*?)(</pre>)', re.DOTALL)


def readable(body: str) -> str:
    """Mark a page's short words of code, commands and pictures for the style sheet."""
    body = PICTURES.sub(r'<a class="picture" href="\1">\g<0></a>', body)
    body = re.sub(rf'<span class="pre">([^<]{{1,{LONGEST}}})</span>', r'<span class="pre whole">\1</span>', body)
    return COMMANDS.sub(lambda found: found[1] + _lines(found[2]) + found[3], body)


def _lines(commands: str) -> str:
    options = re.sub(r"(?<![\w\"-])--?[A-Za-z][\w:]*(?![^<]*>)", r'<span class="whole">\g<0></span>', commands)
    return "".join(f'<span class="command">{line}\n</span>' for line in options.rstrip("\n").split("\n"))


def change_page(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Change the text of a page before it is written."""
    if "body" in context:
        context["body"] = readable(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what marks the words."""
    app.connect("html-page-context", change_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
