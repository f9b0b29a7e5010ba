# SPDX-License-Identifier: Apache-2.0
"""The page of a report: one HTML file that needs nothing else, written piece by piece."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import Record
from monai_boundary.report.detail_rows import DETAILS
from monai_boundary.report.page_figures import (
    best_thresholds,
    comparison_figure,
    curve_figure,
    distribution_figures,
    size_figure,
    threshold_figures,
    threshold_titles,
)
from monai_boundary.report.page_shell import require_page_libraries, write_page
from monai_boundary.report.report_tables import ReportTables
from monai_boundary.report.score_names import COUNTED, INSTANCE_SCORES, SCORES, titled_score

_LISTED = 20
_COMPARED_ROWS = 400


def write_report_page(
    path: Path,
    tables: ReportTables,
    settings: Mapping[str, Any],
    matches: Mapping[str, CaseMatches],
    failed: Sequence[Record],
    drawings: Iterable[str],
) -> Path:
    """Write the page, whole or not at all.

    Every name that comes from files is escaped: Jinja2 does it in the text, JSON within the scripts has no ``<``, and
    Plotly gets entities. Drawings are read one by one, so that the memory does not grow with the cases.

    Args:
        path: of the page.
        tables: of the report.
        settings: of the evaluation.
        matches: by method, for the files without a partner.
        failed: records of the cases that failed.
        drawings: JSON of each drawn case.

    Returns:
        The path.

    Raises:
        ImportError: if Jinja2 or Plotly are missing.
    """
    require_page_libraries()
    from markupsafe import Markup

    context = {
        **_context(tables, settings, matches, failed),
        "figures": map(Markup, _figures(tables)),
        "drawings": (Markup(script_safe(text)) for text in drawings),
    }
    return write_page(path, "monai_boundary.report", "page", context)


def script_json(content: Any) -> str:
    r"""Return JSON that can stand within a ``<script>``: NaN is null, and nothing in it can end the script.

    Args:
        content: lists, dictionaries, texts, numbers.

    Example:
        >>> print(script_json(["</script>", float("nan")]))
        ["\u003c/script\u003e",null]
    """
    return script_safe(json.dumps(_defined(content), separators=(",", ":"), allow_nan=False))


def script_safe(text: str) -> str:
    """Return JSON text without the signs that HTML knows.

    Args:
        text: JSON.
    """
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shown_number(value: Any) -> str:
    """Return a number as tables of the page show it.

    Args:
        value: a number, or NaN.

    Example:
        >>> [shown_number(v) for v in (0.98765, 12.345, 1234.5, float("nan"), 3, float("inf"))]
        ['0.988', '12.35', '1234', '–', '3', '∞']
    """
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, float) or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


def _figures(tables: ReportTables) -> Iterator[str]:
    """JSON of the figures by name, one figure in memory at a time: those of scores hold every case."""
    yield '{"distributions":{'
    for k, (name, figure) in enumerate(distribution_figures(tables)):
        yield f"{',' if k else ''}{script_json(name)}:{script_json(figure)}"
    yield "}"
    makers = {
        "curve": curve_figure,
        "thresholds": threshold_figures,
        "sizes": size_figure,
        "comparison": comparison_figure,
    }
    for name, maker in makers.items():
        content = maker(tables)
        if content:
            yield f",{script_json(name)}:{script_json(content)}"
    yield "}"


def _context(
    tables: ReportTables, settings: Mapping[str, Any], matches: Mapping[str, CaseMatches], failed: Sequence[Record]
) -> dict[str, Any]:
    main = [name for name in tables.scores if SCORES[name].better and name != "iou"]
    alone = [
        (method, word, paths[:_LISTED], len(paths))
        for method, found in matches.items()
        for word, paths in (("predictions", found.predictions_alone), ("truths", found.truths_alone))
        if paths
    ]
    listed_scores = [name for name in tables.scores if name != "iou"]
    cases = len({row["case"] for row in tables.rows})
    return {
        "tables": tables,
        "title": " against ".join(tables.methods) if len(tables.methods) > 1 else tables.methods[0],
        "cases": cases,
        "classes": list(dict.fromkeys(row["class"] for row in tables.rows)),
        "main": main,
        "titles": {name: titled_score(name, tables.unit, tables.volume_unit) for name in tables.scores},
        "about": {name: SCORES[name].about for name in tables.scores},
        "rank_title": SCORES[tables.rank_by].title,
        "arrows": {name: {"higher": "↑", "lower": "↓"}.get(SCORES[name].better, "") for name in tables.scores},
        "case_scores": listed_scores,
        "case_heads": [titled_score(name, tables.unit, tables.volume_unit) for name in listed_scores],
        "case_rows": _worst_first(tables),
        "settings": {k: v for k, v in settings.items() if v not in (None, (), False)},
        "alone": alone,
        "failed": failed,
        "compared": sorted(tables.comparison, key=lambda row: (math.isnan(row["p_holm"]), row["p_holm"]))[
            :_COMPARED_ROWS
        ],
        "best_thresholds": best_thresholds(tables),
        "threshold_titles": threshold_titles(tables),
        "instances_by": settings.get("instances_by", "components"),
        "details": _details(tables),
        "empty_policy": settings.get("empty_policy", "diagonal"),
        "is_instances": tables.rank_by in INSTANCE_SCORES,
        "has_components": "missed_components" in tables.scores,
        "has_lesions": any(row["lesions_truth"] > 1 for row in tables.rows if "lesions_truth" in row),
        "number": shown_number,
        "sort_key": _sort_key,
    }


def _details(tables: ReportTables) -> list[dict[str, Any]]:
    """The tables of single lesions and instances: title, columns, heads, rows, and how many there are in all."""
    length, volume = f"({tables.unit})", f"({tables.volume_unit})"
    heads = {
        "volume": f"volume {volume}",
        "hd95": f"HD95 {length}",
        "nsd": "surface Dice",
        "dice": "Dice",
        "iou": "IoU",
    }
    heads |= {"covered": "share covered", "volume_mm3": "volume (mm³)", "hd95_mm": "HD95 (mm)"}
    keys = ("method", "case", "class") if len(tables.methods) > 1 else ("case", "class")
    about = {
        "lesions": ("Components", "Scores are of the part of the image that is nearest to the component."),
        "lesion_wise": ("Lesions by the rules of BraTS 2023", "What does not count is too small for the challenge."),
        "instances": ("Instances", "A pair matches at an IoU above 0.5; of what has no partner the largest IoU."),
    }
    return [
        {
            "title": about[name][0],
            "about": about[name][1],
            "file": f"{name}.csv",
            "columns": [*keys, *DETAILS[name]],
            "heads": [heads.get(column, column.replace("_", " ")) for column in (*keys, *DETAILS[name])],
            "rows": [{column: _shown_value(row.get(column, "")) for column in (*keys, *DETAILS[name])} for row in rows],
            "count": tables.detail_counts[name],
        }
        for name, rows in tables.details.items()
    ]


def _shown_value(value: Any) -> Any:
    return math.inf if value == "inf" else math.nan if value is None else value


def _worst_first(tables: ReportTables) -> Iterator[dict[str, Any]]:
    place = {(row["method"], row["case"]): k for k, row in enumerate(tables.ranked)}
    for row in sorted(tables.rows, key=lambda row: place[row["method"], row["case"]]):
        yield {**row, **{count: int(row[count]) for count in COUNTED}}


def _sort_key(value: Any) -> str:
    if not isinstance(value, (int, float)) or math.isnan(value):
        return ""
    return repr(float(value)).replace("inf", "Infinity")  # as JavaScript reads it


def _defined(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _defined(value) for key, value in content.items()}
    if isinstance(content, (list, tuple, Iterator)):
        return [_defined(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
