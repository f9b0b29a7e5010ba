# SPDX-License-Identifier: Apache-2.0
"""A Sphinx extension: equations become MathML, which browsers draw by themselves, with no script and no network."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


def to_mathml(equation: str, display: str) -> str:
    """Return an equation of LaTeX as MathML.

    Raises:
        ValueError: if a command is not known: it would stand on the page as it is.
    """
    mathml = convert(equation, display=display)
    # The accent, not the caret: a browser draws that beside its letter, and away from it.
    mathml = mathml.replace("<mo>&#x0005E;</mo></mover>", '<mo stretchy="false">&#x002C6;</mo></mover>')
    left = re.search(r"\\[A-Za-z]+", mathml)
    if left is not None:
        raise ValueError(f"an equation has {left[0]!r}, which MathML is not made of: {equation!r}.")
    return mathml


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write an equation within a line."""
    self.body.append(to_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation on a line of its own; what is too wide is scrolled within it."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append(to_mathml(node.astext(), "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
