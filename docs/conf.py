# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration: MyST pages, the reference from the docstrings."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from monai_boundary import __version__

sys.path.insert(0, str(Path(__file__).parent))  # for the extensions that lie here

project = "monai_boundary"
author = "The monai_boundary authors"
copyright = "The monai_boundary authors, Apache-2.0"
release = version = __version__

extensions = [
    "bundle_pages",
    "mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "plain_docstrings",
    "sphinx.ext.viewcode",
    "readable",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
default_role = "py:obj"  # `name` in a docstring links to the name where there is one
nitpicky = True
# Builds run without a network, hence without other projects' inventories: only references into this package count,
# and not those to its private bases.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!monai_boundary(\.|$)).*"),
    (r"py:.*", r"monai_boundary\._typing\..*"),
    (r"py:class", r"monai_boundary\..*\._\w+(\.\w+)?"),
]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings state shapes, dtypes and units, which say more
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_favicon = "favicon.svg"
html_static_path, html_css_files = ["static"], ["narrow.css"]
html_math_renderer = "mathml"
html_title = f"monai_boundary {release}"


def resolve_by_room(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: Element) -> Element | None:
    """Find ``monai_boundary.ops.regions.region_seeds`` where the reference describes it: in its room."""
    parts = node.get("reftarget", "").split(".")
    if node.get("refdomain") != "py" or parts[0] != "monai_boundary" or len(parts) < 4:
        return None
    name = ".".join([*parts[:2], parts[-1]])
    return env.get_domain("py").resolve_xref(env, node["refdoc"], app.builder, node["reftype"], name, node, contnode)


def leave_out(app: Sphinx, what: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Leave out fields of a named tuple of which nothing is said but their number: the signature has their names."""
    return True if str(getattr(value, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: Sphinx) -> None:
    """Connect what this file adds."""
    app.connect("autodoc-skip-member", leave_out)
    app.connect("missing-reference", resolve_by_room)
