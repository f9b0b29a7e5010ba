# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from monai_boundary.report import evaluate_folders
from monai_boundary.report.case_drawing import CASE_BYTES, cases_to_draw
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.page_shell import require_page_libraries
from monai_boundary.report.report_page import script_json, write_report_page
from monai_boundary.report.report_tables import report_tables
from tests.report.browser import find_browser, open_page, wait_for
from tests.report.case_folders import ball, write_cases
from tests.report.test_report_tables import record

EVIL = "<script>window.evil=1<_script><img src=x onerror=window.evil=2>"


def write(path: Path, drawings: Any = ()) -> str:
    tables = report_tables([record(EVIL), record("b", ball() * 0)], ["m"], "dice")
    matches = {"m": CaseMatches([], [Path(EVIL)], [])}
    failed = [{"method": "m", "case": EVIL, "error": EVIL}]
    write_report_page(path, tables, {"truth": EVIL}, matches, failed, drawings)
    return path.read_text(encoding="utf-8")


def test_names_are_escaped_and_nothing_is_fetched(tmp_path: Path) -> None:
    drawing = json.dumps({"case": EVIL + "</script>", "method": "m", "reason": "", "views": [], "meshes": {}})
    text = write(tmp_path / "report.html", [drawing])
    assert "<script>window.evil" not in text
    assert "<img" not in text
    assert text.count("</script>") == 4  # figures, one drawing, Plotly, and what the page does
    assert "&lt;script&gt;window.evil=1" in text
    own = re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "", text, flags=re.DOTALL)
    assert len(own) < 200_000
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", own)
    assert "default-src 'none'" in own


def test_settings_and_files_without_a_partner_are_told_in_plain_words(tmp_path: Path) -> None:
    """160 truths that nobody predicted are one line, which opens; a table of classes is no code."""
    tables = report_tables(
        [record("a"), record("b"), *(record(c, ball() * 0, method="n") for c in "ab")], ["m", "n"], "dice"
    )
    alone = [Path(f"c{k}.nii") for k in range(160)]
    matches = {"m": CaseMatches([], [], alone), "n": CaseMatches([], alone[:1], [])}
    settings = {"predictions": {"m": "dir<a>", "n": "dir b"}, "classes": {"x": (1, 2)}, "ignore_labels": (4, 5)}
    write_report_page(tmp_path / "report.html", tables, settings, matches, [], [])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<details><summary>m: 160 truths without a partner</summary>" in text
    assert "and 140 more, in summary.json" in text
    assert "<summary>n: 1 prediction without a partner</summary>" in text
    for shown in ("m: dir&lt;a&gt;, n: dir b", "x: 1 + 2", "<dd>4, 5</dd>"):
        assert shown in text


def test_a_method_that_is_clearly_worse_is_not_shown_as_better(tmp_path: Path) -> None:
    names = [f"c{k}" for k in range(12)]
    tables = report_tables(
        [*map(record, names), *(record(n, ball() * 0, method="n") for n in names)], ["m", "n"], "dice"
    )
    write_report_page(tmp_path / "report.html", tables, {}, {}, [], [])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'class="clear worse"' in text
    assert 'class="clear"' not in text


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield "{}"
        raise RuntimeError("the disk")

    with pytest.raises(RuntimeError, match=r"^the disk$"):
        write(tmp_path / "report.html", broken())
    assert not (tmp_path / "report.html").exists()


def test_scripts_get_json_that_cannot_end_them() -> None:
    content = {"a": [np.nan, "</script><!--", "&"]}
    text = script_json(content)
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": [None, "</script><!--", "&"]}


def test_what_is_missing_is_said_before_anything_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r"pip install .monai-boundary\[report\].;"):
        require_page_libraries()
    folder = write_cases(tmp_path / "t", {"a": ball()})
    with pytest.raises(ImportError, match="--no-page"):
        evaluate_folders(folder, folder, tmp_path / "out")
    assert not evaluate_folders(folder, folder, tmp_path / "out", page=False).failed


def page_of_two_methods(tmp_path: Path) -> Path:
    true = {f"case{k}": ball() + ball(centre=(9, 9, 6), radius=1.0) for k in range(5)} | {EVIL: ball(), "one": ball()}
    ours = {name: ball(radius=3.0 + 0.3 * (k % 2)) for k, name in enumerate(true)} | {"one": ball() * 0}
    theirs = {name: ball(radius=2.0 + 0.2 * (k % 3)) for k, name in enumerate(true)}
    folders = [write_cases(tmp_path / name, cases) for name, cases in (("t", true), ("p", ours), ("q", theirs))]
    chances = write_cases(tmp_path / "chances", {name: np.float32(0.6) * mask for name, mask in ours.items()})
    methods = {"ours": folders[1], "<b>theirs</b>": folders[2]}
    evaluate_folders(methods, folders[0], tmp_path / "out", challenge="met", probabilities={"ours": chances})
    return tmp_path / "out" / "report.html"


def test_the_page_of_a_hundred_cases_is_small(tmp_path: Path) -> None:
    """Two methods, three classes: tables and figures, the library, and as many drawings as there can be."""
    found = record("a")["classes"]["1"]
    classes = dict.fromkeys(("a", "b", "c"), found)
    one = {**record("a"), "classes": classes}
    records = [{**one, "method": method, "case": f"case{k:03d}"} for method in ("m", "n") for k in range(100)]
    tables = report_tables(records, ["m", "n"], "dice", has_table=True)
    matches = {method: CaseMatches([], [], []) for method in ("m", "n")}
    write_report_page(tmp_path / "report.html", tables, {}, matches, [], ())
    size = (tmp_path / "report.html").stat().st_size
    assert size + (len(cases_to_draw(tables, "worst")) + 4) * CASE_BYTES < 15_000_000


def test_infinity_is_shown_and_sorts_last(tmp_path: Path) -> None:
    tables = report_tables([record("a"), record("b", ball() * 0, empty_policy="worst")], ["m"], "hd95")
    write_report_page(tmp_path / "report.html", tables, {}, {"m": CaseMatches([], [], [])}, [], ())
    assert 'data-key="Infinity">∞' in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(bool(find_browser()), reason=f"needs a browser: {find_browser()}")
def test_a_real_browser_opens_it(tmp_path: Path) -> None:
    """Wide and on a phone: nothing on the console, no overflow, figures, tables that sort, slices that move."""
    page = page_of_two_methods(tmp_path)
    for width in (1200, 390):
        with open_page(page, tmp_path / f"profile{width}", width) as tab:
            wait_for(tab, "return document.querySelectorAll('.js-plotly-plot').length >= 5")
            assert tab.messages() == []
            assert tab.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
            tall = (
                "return [...document.querySelectorAll('.js-plotly-plot')].map(e => e.querySelector('svg').clientHeight)"
            )
            heights = tab.run(tall)
            assert min(heights) >= 200
            tab.resize(800, 400)  # as a phone is turned
            tab.resize(width)
            wait_for(tab, f"return document.querySelector('.js-plotly-plot svg').clientWidth < {width}")
            assert tab.run(tall) == heights
            outside = "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.wide, .figure') && "
            outside += "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
            assert tab.run(outside) == []
            assert tab.run("return window.evil") is None
            assert EVIL in tab.run("return [...document.querySelectorAll('#cases td')].map(e => e.textContent)")
            first = "return document.querySelector('#cases tbody tr').cells[1].textContent"
            assert tab.run(first) == "one"  # missed by ours: the worst
            tab.run("document.querySelectorAll('#cases th button')[5].click()")
            tab.run("document.querySelectorAll('#cases th button')[5].click()")
            assert tab.run(first) != "one"
            words = "return document.querySelector('.plane .small').textContent"
            before = tab.run(words)
            tab.run(
                "const r = document.querySelector('.plane input'); r.value = r.value == 0 ? 1 : 0; "
                "r.dispatchEvent(new Event('input'))"
            )
            assert tab.run(words) != before
            assert tab.run("return document.querySelectorAll('.card').length") >= 8
            tab.run("document.querySelectorAll('.card')[2].click()")
            surface = "const place = document.getElementById('figure-surface'); return "
            wait_for(tab, surface + "place.querySelector('canvas') !== null || place.textContent.includes('WebGL')")
            tables = "return ['lesions', 'lesion_wise'].map(id => document.querySelectorAll(`#${id} tbody tr`).length)"
            assert tab.run(tables) == [24, 14]
            tab.run(
                "const s = document.getElementById('threshold-score'); s.value = 'recall'; "
                "s.dispatchEvent(new Event('change'))"
            )
            assert "recall" in tab.run("return document.getElementById('figure-thresholds').textContent")
            select = "const s = document.getElementById('distribution-score'); s.value = 'hd95'; "
            tab.run(select + "s.dispatchEvent(new Event('change'))")
            assert "HD95 (mm)" in tab.run("return document.getElementById('figure-distributions').textContent")
            assert tab.messages() == []


@pytest.mark.slow
@pytest.mark.skipif(bool(find_browser()), reason=f"needs a browser: {find_browser()}")
def test_a_stack_of_few_sections_is_shown_by_a_section(tmp_path: Path) -> None:
    """Of a stack the sections are seen first, and a case's card has one, not a plane across them, which is thin."""
    cells = np.repeat(np.arange(1, 7, dtype=np.uint16).reshape(2, 3), 12, axis=1).repeat(12, axis=0)
    for name, ids in (("t", cells), ("p", np.minimum(cells, 5))):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "stack.tif", np.stack([ids] * 3), photometric="minisblack")
    evaluate_folders(tmp_path / "p", tmp_path / "t", tmp_path / "out", instances=True, spacing_nm=(40, 4, 4))
    with open_page(tmp_path / "out" / "report.html", tmp_path / "profile", 390) as tab:
        wait_for(tab, "return document.querySelectorAll('.card svg').length === 1")
        assert tab.run("return document.querySelector('.card svg').getAttribute('viewBox')") == "0 0 36 24"
        assert "section" in tab.run("return document.querySelector('.plane .small').textContent")
        assert tab.run("return [innerWidth, document.documentElement.scrollWidth]") == [390, 390]
        assert tab.messages() == []
