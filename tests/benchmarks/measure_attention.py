# SPDX-License-Identifier: Apache-2.0
"""How long a person reads and types on the way through a page, by a rule.

``python -m tests.benchmarks.measure_attention PAGE [--commands N] [--log FILE ...] [--html FILE ...]`` prints
minutes for each, and their sum.

The rule: text is read at 200 words a minute, and commands are typed at 40 words of five characters a minute, as if
nothing were copied. Of a page all text is read but its blocks of Python, tables included. Of what a command printed
(``--log``) all lines are read, but of lines that begin with the same two words only the first and the last: an epoch is
like the one before. Of a page that a command wrote (``--html``) what stands outside of tables is read, and each picture
or drawing is looked at for five seconds, twenty of them at most. Waiting is no attention.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from tests.page_blocks import FENCE, blocks, lines_of

READ, TYPED, LOOK, PICTURES = 200, 40 * 5, 5 / 60, 20  # words and characters a minute; minutes a picture, and how many
STAMP = re.compile(r"^[\d:., -]*(?:INFO|WARNING|ERROR)?[ -]*")


class Shown(HTMLParser):
    """The words and pictures of a page, but for tables, scripts and styles."""

    UNREAD = ("script", "style", "table", "svg", "template", "select", "nav")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.pictures = self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag in ("img", "svg", "canvas")
        self._depth += tag in self.UNREAD

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in self.UNREAD

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.text.append(data)


def words(text: str) -> int:
    """Count what has a letter."""
    return sum(bool(re.search(r"[^\W\d_]", word)) for word in text.split())


def page_minutes(page: str, commands: int | None = None) -> tuple[float, float]:
    """Return the minutes of reading a page, and of typing its commands.

    Args:
        page: Markdown.
        commands: how many of them are typed; all if not given.
    """
    lines = [line for block in blocks(page) if block.name == "shell" for line in lines_of(block)]
    typed = sum(len(line) for line in lines[:commands])
    prose = re.sub(r"<!--.*?-->|\]\([^)]*\)", " ", FENCE.sub(" ", page), flags=re.S)
    return words(prose) / READ, typed / TYPED


def log_minutes(log: str) -> float:
    """Return the minutes of reading what was printed.

    Args:
        log: of it; what stands before the last carriage return of a line was drawn over.
    """
    lines = [STAMP.sub("", line.rpartition("\r")[2]) for line in log.splitlines()]
    alike: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        alike.setdefault(tuple(re.sub(r"\d+", "0", line).split()[:2]), []).append(line)
    return (
        sum(words(line) for found in alike.values() for line in {0: found[0], len(found) - 1: found[-1]}.values())
        / READ
    )


def html_minutes(page: str) -> float:
    """Return the minutes of reading a page that a command wrote.

    Args:
        page: HTML.
    """
    shown = Shown(page)
    return words(" ".join(shown.text)) / READ + LOOK * min(shown.pictures, PICTURES)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--commands", type=int)
    parser.add_argument("--log", type=Path, nargs="*", default=[])
    parser.add_argument("--html", type=Path, nargs="*", default=[])
    given = parser.parse_args(arguments)
    read, typed = page_minutes(given.page.read_text(encoding="utf-8"), given.commands)
    rows = [(f"{given.page.name}, read", read), ("its commands, typed", typed)]
    rows += [(f"{path.name}, printed", log_minutes(path.read_text("utf-8", "replace"))) for path in given.log]
    rows += [(f"{path.name}, looked at", html_minutes(path.read_text("utf-8"))) for path in given.html]
    rows += [("together", sum(minutes for _, minutes in rows))]
    sys.stdout.writelines(f"{name}: {minutes:.1f} min\n" for name, minutes in rows)


if __name__ == "__main__":
    main(sys.argv[1:])
