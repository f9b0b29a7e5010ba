# SPDX-License-Identifier: Apache-2.0
"""The page of an inspection: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.finding import ERROR, Finding, by_kind
from monai_boundary.inspection.inspection_figures import class_colours, inspection_figures
from monai_boundary.inspection.training_advice import Advice
from monai_boundary.report.page_shell import require_page_libraries, write_page
from monai_boundary.report.report_page import script_json, shown_number

_LISTED = 20  # findings of a kind; the file has all
_TABLES = (".json", ".csv")
_ROWS = 500  # cases; the file has all


def write_inspection_page(
    path: Path,
    given: Path,
    dataset: VolumeDataset,
    fingerprint: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    findings: Sequence[Finding],
    advice: Mapping[str, Advice],
    drawings: Sequence[Mapping[str, Any]],
) -> Path:
    """Write the page, whole or not at all. Every name that comes from files is escaped.

    Args:
        path: of the page.
        given: folder of the data set, or its table; files are named within it.
        dataset: the listing.
        fingerprint: of `dataset_fingerprint`.
        records: of `measure_case`.
        findings: of `dataset_findings`.
        advice: of `training_advice`.
        drawings: of `draw_labelled_case`.

    Returns:
        The path.

    Raises:
        ImportError: if Jinja2 or Plotly are missing.
    """
    require_page_libraries()
    from markupsafe import Markup

    given = given.expanduser().absolute()
    given = given.parent if given.name == "dataset.json" else given
    classes = list(fingerprint["classes"])
    rows = case_rows(dataset, records)
    context = {
        "dataset": dataset,
        "fingerprint": fingerprint,
        "title": given.stem if given.suffix.lower() in _TABLES else given.name,
        "groups": by_kind([finding._replace(where=below(finding.where, given)) for finding in findings]),
        "errors": sum(finding.level == ERROR for finding in findings),
        "listed": _LISTED,
        "advice": advice,
        "colours": class_colours(classes),
        "rows": rows[:_ROWS],
        "columns": list(dict.fromkeys(name for row in rows for name in row)),
        "more_rows": len(records) - _ROWS,
        "drawings": drawings,
        "number": shown_number,
        "by": _by,
        "figures": Markup(script_json(inspection_figures(dataset, records, classes))),
    }
    return write_page(path, "monai_boundary.inspection", "inspection", context)


def below(where: str, given: Path) -> str:
    """Return the name of a file within the data set's folder; that of another place, or of a case, is as it was.

    Args:
        where: path or case.
        given: folder of the data set, or a table in it.

    Example:
        >>> below("/data/organs/labelsTr/a.nii.gz", Path("/data/organs")), below("a", Path("/data/organs"))
        ('labelsTr/a.nii.gz', 'a')
    """
    path, root = Path(where), given.parent if given.suffix.lower() in _TABLES else given
    return path.relative_to(root).as_posix() if path.is_relative_to(root) and path != root else where


def case_rows(dataset: VolumeDataset, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row of plain values for each case, as ``cases.csv`` holds them.

    Args:
        dataset: the listing.
        records: of `measure_case`.
    """
    rows = []
    for record in records:
        row: dict[str, Any] = {
            "case": record["case"],
            "patient": record["patient"],
            "shape": _by(record.get("canonical_shape", ())),
            "spacing_mm": _by(record.get("canonical_spacing", ())),
            "orientation": record.get("orientation", ""),
        }
        for name, channel in zip(dataset.channels, record.get("channels", ()), strict=False):
            for statistic in ("mean", "sd", "p0.5", "p99.5"):
                row[f"{name}_{statistic}"] = channel["foreground"].get(statistic, float("nan"))
        for name, of in record.get("classes", {}).items():
            for measure in ("voxels", "ml", "components", "inscribed_radius_mm", "thin_components"):
                row[f"{name}_{measure}"] = of[measure]
        row["findings"] = "; ".join(dict.fromkeys(finding[1] for finding in record["findings"]))
        rows.append(row)
    return rows


def _by(values: Sequence[float]) -> str:
    return " x ".join(f"{v:.4g}" for v in values)
