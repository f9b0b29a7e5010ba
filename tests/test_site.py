# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ as a reader sees them: in a browser, at a desk and on a telephone, with no network."""

from __future__ import annotations

import functools
import http.server
import os
import re
import runpy
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from tests.report.browser import Browser, find_browser, open_page, wait_for
from tests.warm_python import WarmRun

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md") if "_build" not in page.parts
)
pytestmark = pytest.mark.slow
in_browser = pytest.mark.skipif(bool(find_browser()), reason=find_browser())
WIDER = """
const width = document.documentElement.clientWidth;
const scrolls = e => !e.matches('.content') && (
  /auto|scroll|hidden/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
return [...document.querySelectorAll('.content *')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && box.right > width + 1 && !scrolls(e.parentElement) && !scrolls(e);
}).map(e => e.tagName + ' ' + e.textContent.slice(0, 40)).slice(0, 3).concat(
  document.documentElement.scrollWidth > width ? ['the page'] : []);
"""
EMPTY = """
return [...document.images].filter(e => e.getAttribute('src') && e.loading !== 'lazy' && !e.naturalWidth)
  .map(e => e.src)
  .concat([...document.querySelectorAll('math')].filter(e => e.getBoundingClientRect().width < 2)
    .map(e => e.outerHTML));
"""
BROKEN = """
return [...document.querySelectorAll('.content .whole')].filter(e => e.getClientRects().length > 1)
  .map(e => e.textContent);
"""
FOREIGN = """
return performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin));
"""


class Page(HTMLParser):
    """Where the page's links lead, what can be led to in it, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loads.append(given["href"])
        elif "src" in given:
            self.loads.append(given["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pages: what $MONAI_BOUNDARY_SITE names, or made here."""
    built = os.environ.get("MONAI_BOUNDARY_SITE")
    if built:
        return Path(built)
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site")
    extensions = runpy.run_path(str(DOCS / "conf.py"))["extensions"]
    # The pages of the modules' sources, most of all pages, which Sphinx makes and links itself, are left to CI.
    shown = ",".join(name for name in extensions if name != "sphinx.ext.viewcode")
    words = ["sphinx", "-n", "-q", "-D", f"extensions={shown}", "-d", str(folder / "trees"), str(DOCS)]
    run = WarmRun([*words, str(folder / "html")], folder)
    assert run.wait(580) == 0, run.output
    return folder / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tab(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_page(f"{address}/index.html", tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@functools.cache
def read(page: Path) -> Page:
    return Page(page.read_text(encoding="utf-8"))


def lost_links(site: Path, page: Path) -> list[str]:
    lost = []
    for link in read(page).links:
        address, place = urldefrag(unquote(link))
        if re.match(r"[a-z]+:", address):
            continue
        target = (page.parent / address).resolve() if address else page
        if not target.is_file() or (place and target.suffix == ".html" and place not in read(target).places):
            lost.append(link)
    return lost


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#x"><a href="b.html#y"><a href="c.html"><a href="#here">')
    (tmp_path / "b.html").write_text('<p id="x"><a href="https://example.org"><img src="//example.org/p.png">')
    assert lost_links(tmp_path, tmp_path / "a.html") == ["b.html#y", "c.html", "#here"]
    assert lost_links(tmp_path, tmp_path / "b.html") == []
    assert read(tmp_path / "b.html").loads == ["//example.org/p.png"]


def test_no_link_is_dead_and_nothing_is_fetched(site: Path) -> None:
    pages = [site / f"{name}.html" for name in (*PAGES, "search", "genindex")]
    lost = {page.name: links for page in pages if (links := lost_links(site, page))}
    assert not lost
    assert not {page.name: found for page in pages if (found := [x for x in read(page).loads if "//" in x])}


def test_the_first_page_leads_to_all(site: Path) -> None:
    first = read(site / "index.html").links
    assert {f"{name}.html" for name in PAGES} - set(first) == {"index.html"}


@in_browser
@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_a_desk_and_a_telephone(tab: Browser, address: str, page: str) -> None:
    tab.resize(1200)
    tab.go(f"{address}/{page}.html")
    found = {1200: tab.run(WIDER)}
    tab.resize(390)
    found[390] = tab.run(WIDER)
    assert found == {1200: [], 390: []}
    assert tab.run(BROKEN) == []
    assert tab.run(EMPTY) == []
    assert tab.run(FOREIGN) == []
    assert tab.messages() == []


@in_browser
def test_what_is_too_wide_is_seen(tab: Browser, address: str) -> None:
    tab.go(f"{address}/index.html")
    tab.resize(390)
    tab.run("document.querySelector('.content h1').style.width = '500px'")
    assert any("H1" in found for found in tab.run(WIDER))


@in_browser
def test_commands_are_seen_whole_and_copied_as_they_are(tab: Browser, address: str) -> None:
    tab.go(f"{address}/how-to/run-the-bundle.html")
    tab.resize(390)
    command = "document.querySelector('.highlight-shell pre')"
    assert tab.run(f"return {command}.scrollWidth <= {command}.clientWidth")
    text = "python -m monai.bundle run --config_file bundles/em_neuron_boundary/configs/train.yaml\n"
    assert tab.run(f"return {command}.textContent") == text
    assert tab.run("return [...document.querySelectorAll('.whole')].some(e => e.textContent == '--config_file')")


@in_browser
def test_search_finds_a_page_by_its_words(tab: Browser, address: str) -> None:
    tab.resize(1200)
    tab.go(f"{address}/search.html?q=anisotropic+spacing")
    wait_for(tab, "return document.querySelectorAll('ul.search li a').length")
    found = tab.run("return [...document.querySelectorAll('ul.search li a')].map(e => e.getAttribute('href'))")
    assert any("questions" in link for link in found), found
    assert tab.messages() == []
