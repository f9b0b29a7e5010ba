# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of the tutorials with the code of their pages: ``python docs/tutorial_pictures.py [NAME ...]``."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
from PIL import Image

FOLDER = Path(__file__).parent / "tutorials"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def draw(page: Path) -> None:
    """Run the blocks of a page in an empty folder, and keep the picture of the page's name, in 128 colours."""
    name = page.with_suffix(".png").name
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        names: dict[str, object] = {"__name__": "example"}
        for number, block in enumerate(blocks, 1):
            exec(compile(block, f"{page.name}, block {number}", "exec"), names)
        with Image.open(name) as picture:
            picture.convert("RGB").quantize(128).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    mpl.use("Agg")
    for page in sorted(FOLDER.glob("*.md")):
        if f"]({page.stem}.png)" in page.read_text(encoding="utf-8") and page.stem in (sys.argv[1:] or [page.stem]):
            draw(page)
