# SPDX-License-Identifier: Apache-2.0
"""What will hurt a training: each with the file that it is in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

ERROR, WARNING = "error", "warning"


class Finding(NamedTuple):
    """Something in a data set that will stop a training, or make it worse than it could be.

    Attributes:
        level: ``"error"`` stops a training or teaches it what is wrong; ``"warning"`` is to be looked at.
        kind: a few words that several findings share.
        where: the file or case.
        message: what was needed and what came.
    """

    level: str
    kind: str
    where: str
    message: str = ""


def by_kind(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings in groups of one kind, errors first: ``level``, ``kind`` and ``found``, the findings.

    Args:
        findings: of a data set.

    Example:
        >>> groups = by_kind([Finding("warning", "empty labels", "b"), Finding("error", "missing files", "a")])
        >>> [(group["kind"], len(group["found"])) for group in groups]
        [('missing files', 1), ('empty labels', 1)]
    """
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.level, finding.kind), []).append(finding)
    order = sorted(groups, key=lambda key: key[0] != ERROR)
    return [{"level": level, "kind": kind, "found": groups[level, kind]} for level, kind in order]
