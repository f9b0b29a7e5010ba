# SPDX-License-Identifier: Apache-2.0
"""What the extensions of docs/ make of a page and of a docstring; the whole site is looked at in test_site.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

pytest.importorskip("sphinx")
DOCS = Path(__file__).parents[1] / "docs"


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


READABLE = extension("readable")


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("0.536 ± 0.048", ""),
        ("-0.066 [-0.178, +0.046]", ""),
        ("yes", ""),
        ("a <code>front</code> propagation", ' class="words"'),
        ("every case, the worst ones drawn, and the error on their surfaces, in mm", ' class="words long"'),
    ],
)
def test_cells_by_what_is_in_them(cell: str, kind: str) -> None:
    found = READABLE.readable(f"<table><td><p>{cell}</p></td></table>")
    assert found.startswith(f"<table><td{kind}><p>")


def test_figures_stay_together() -> None:
    found = READABLE.readable("<td><p>-0.1 [-0.2, +0.1]</p></td><td><p><strong>0.5 ± 0.1</strong></p></td>")
    assert '-0.1 <span class="figures">[-0.2, +0.1]</span>' in found
    assert '<strong><span class="figures">0.5 ± 0.1</span></strong>' in found
    assert '<span class="whole">4e-11</span>' in READABLE.readable("<td><p>4e-11</p></td>")


def test_pictures_of_many_panels(tmp_path: Path) -> None:
    for name, size in (("wide.png", (400, 100)), ("square.png", (100, 100))):
        Image.new("L", size).save(tmp_path / name)
    (tmp_path / "a.svg").write_text("<svg/>")
    wide = READABLE.wide_pictures({name: f"_{name}" for name in ("wide.png", "square.png", "a.svg")}, tmp_path)
    assert wide == {"_wide.png"}
    page = '<img alt="" src="../_images/_wide.png" /><img alt="" src="../_images/_square.png" />'
    found = READABLE.readable(page, wide)
    assert found.count('class="picture panorama"') == 1
    assert found.count('class="picture" href="../_images/_square.png"') == 1


def test_the_reference_says_what_docstrings_and_signatures_say() -> None:
    from sphinx.ext.napoleon import Config
    from sphinx.ext.napoleon.docstring import GoogleDocstring

    docstrings = extension("plain_docstrings")
    of = GoogleDocstring("", Config())
    of._lines = type(of._lines)(["Shape of the scores: thresholds, scores."])
    assert docstrings.attribute_without_type(of) == ("", ["Shape of the scores: thresholds, scores."])

    class Everything:
        def __new__(cls, *args: object, **kwargs: object) -> Everything:
            return super().__new__(cls)

        def __init__(self, keys: str, spacing: float = 1.0) -> None:
            """Take two."""

    asked = (None, "class", "x", Everything, None)
    assert docstrings.own_signature(*asked, "(*args, **kwargs)", None) == ("(keys, spacing=1.0)", None)
    assert docstrings.own_signature(*asked, "(a)", None) is None
    alias = type("Mapd", (), {})
    skipped = [
        docstrings.leave_aliases_out(None, "module", name, alias, False, None) for name in ("MapD", "MapDict", "Mapd")
    ]
    assert skipped == [True, True, None]
