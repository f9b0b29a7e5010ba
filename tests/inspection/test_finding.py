# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_boundary.inspection.finding import ERROR, WARNING, Finding, by_kind


def test_groups_keep_the_order_of_their_findings() -> None:
    findings = [
        Finding(WARNING, "b", "2"),
        Finding(ERROR, "a", "1"),
        Finding(WARNING, "b", "1"),
        Finding(ERROR, "b", "3"),
    ]
    groups = by_kind(findings)
    assert [(g["level"], g["kind"], [f.where for f in g["found"]]) for g in groups] == [
        (ERROR, "a", ["1"]),
        (ERROR, "b", ["3"]),
        (WARNING, "b", ["2", "1"]),
    ]
