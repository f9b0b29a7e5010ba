# SPDX-License-Identifier: Apache-2.0
"""A Sphinx extension: the reference says what the docstrings and signatures of this package say.

Napoleon takes "Shape of the scores: thresholds, scores." for a value of the type "Shape of the scores", where here is
never a type. Of MONAI's dictionary transforms autodoc takes the signature of ``__new__``, which is ``*args, **kwargs``.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.inspect import signature, stringify_signature


def attribute_without_type(self: GoogleDocstring) -> tuple[str, list[str]]:
    """Return no type, and the whole docstring of an attribute or property."""
    return "", type(self)(self._dedent(self._consume_to_end()), self._config).lines()


def returns_without_type(self: GoogleDocstring, preprocess_types: bool = False) -> list[tuple[str, str, list[str]]]:
    """Return neither name nor type, and the whole section ``Returns`` or ``Yields``."""
    lines = self._dedent(self._consume_to_next_section())
    return [("", "", type(self)(lines, self._config).lines())] if lines else []


def own_signature(
    app: Sphinx, what: str, name: str, value: object, options: object, given: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Return the signature of ``__init__`` of a class whose ``__new__`` takes everything."""
    if what != "class" or given != "(*args, **kwargs)":
        return None
    return stringify_signature(signature(value.__init__, bound_method=True), show_annotation=False), returns  # type: ignore[misc]


def leave_aliases_out(app: Sphinx, what: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Leave out the second and third name of a dictionary transform, of which the page says that they are there."""
    called = getattr(value, "__name__", name)
    return (
        True if called != name and called.endswith("d") and name in (f"{called[:-1]}D", f"{called[:-1]}Dict") else None
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Put both in the place of Napoleon's, and connect what looks at signatures and names."""
    GoogleDocstring._consume_inline_attribute = attribute_without_type  # type: ignore[method-assign]
    GoogleDocstring._consume_returns_section = returns_without_type  # type: ignore[method-assign]
    app.connect("autodoc-process-signature", own_signature)
    app.connect("autodoc-skip-member", leave_aliases_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
