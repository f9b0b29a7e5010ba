# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monai_boundary.inspection.dataset_findings import dataset_findings
from monai_boundary.inspection.dataset_fingerprint import dataset_fingerprint
from monai_boundary.inspection.finding import WARNING, Finding
from monai_boundary.inspection.inspection_page import below, case_rows, write_inspection_page
from monai_boundary.inspection.training_advice import training_advice
from tests.inspection.records import dataset, record, structure

EVIL = "</script><img src=x onerror=alert(1)>"


def test_names_from_files_are_escaped_everywhere(tmp_path: Path) -> None:
    of = dataset(channels=(EVIL,), labels={EVIL: 1})
    findings = [Finding(WARNING, "empty labels", EVIL, EVIL)]
    records = [record(EVIL, classes={EVIL: structure(60)}, findings=findings)]
    fingerprint = dataset_fingerprint(of, records)
    drawings = [{"case": EVIL, "reason": EVIL, "error": EVIL, "views": []}]
    view = {"name": "axial", "width": 4, "height": 4, "k": 1, "image": "", "paths": {EVIL: "M0 0L1 1Z"}}
    drawings.append({"case": "b", "reason": "", "error": "", "views": [view]})
    path = write_inspection_page(
        tmp_path / "index.html",
        tmp_path / "organs",
        of,
        fingerprint,
        records,
        findings,
        training_advice(of, fingerprint),
        drawings,
    )
    text = path.read_text(encoding="utf-8")
    assert EVIL not in text
    assert "<img" not in text.replace("&lt;img", "")[: text.index('id="figures"')]
    assert text.count("&lt;/script&gt;&lt;img") > 8
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])
    assert set(figures) == {"volumes", "components", "intensities", "shapes"}
    assert "default-src 'none'" in text  # nothing is fetched
    assert not re.search(r'(?:src|href)="https?:', text[: text.index('id="figures"')])


def test_a_page_without_any_case(tmp_path: Path) -> None:
    of = dataset(items=())
    fingerprint = dataset_fingerprint(of, [])
    findings = dataset_findings(of, [])
    path = write_inspection_page(tmp_path / "index.html", tmp_path / "organs", of, fingerprint, [], findings, {}, [])
    text = path.read_text(encoding="utf-8")
    assert "no case could be read" in text
    assert "<title>organs" in text


def test_rows() -> None:
    broken = {
        "case": "b",
        "patient": "b",
        "files": [],
        "findings": [Finding(WARNING, "odd", "b"), Finding(WARNING, "odd", "c")],
    }
    first, second = case_rows(dataset(), [record("a"), broken])
    assert (first["shape"], first["spacing_mm"], first["mri_mean"], first["a_voxels"]) == (
        "10 x 20 x 30",
        "1 x 1 x 1",
        5.0,
        60,
    )
    assert (second["case"], second["shape"], second["findings"]) == ("b", "", "odd")


@pytest.mark.parametrize(
    ("where", "given", "shown"),
    [
        ("/d/labels/a.nii", "/d", "labels/a.nii"),
        ("/d/labels/a.nii", "/d/dataset.json", "labels/a.nii"),
        ("/d/a.nii", "/d/cases.CSV", "a.nii"),
        ("/elsewhere/a.nii", "/d", "/elsewhere/a.nii"),
        ("/da/a.nii", "/d", "/da/a.nii"),
        ("/d", "/d", "/d"),
        ("case 1", "/d", "case 1"),
    ],
)
def test_files_are_named_within_the_data_set(where: str, given: str, shown: str) -> None:
    assert below(where, Path(given)) == shown
