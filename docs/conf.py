# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration: MyST pages, the reference from the docstrings."""

from __future__ import annotations

from monai_boundary import __version__

project = "monai_boundary"
author = "The monai_boundary authors"
copyright = "The monai_boundary authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
# Builds run without a network, so other projects' inventories cannot be read: only references into this package are checked.
nitpick_ignore_regex = [(r"py:.*", r"(?!monai_boundary(\.|$)).*"), (r"py:.*", r"monai_boundary\._typing\..*")]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings state shapes, dtypes and units, which say more
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"monai_boundary {release}"
