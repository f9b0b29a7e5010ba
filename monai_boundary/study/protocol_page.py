# SPDX-License-Identifier: Apache-2.0
"""What a study says: of all its runs, or of those that choose and of those that confirm apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from monai_boundary._tables import Row
from monai_boundary.study.cases import case_differences
from monai_boundary.study.plan import StudyPlan
from monai_boundary.study.protocol import CHOOSING, CONFIRMING
from monai_boundary.study.scores import ArmScore, arm_scores
from monai_boundary.study.tables import study_markdown, study_sentence

_PURPOSE = {
    CONFIRMING: "the result: no share, schedule or combination was chosen by it",
    CHOOSING: "what was chosen by: the best of it looks better here than it is",
}


class PartResult(NamedTuple):
    """What the runs of a part say; ``name`` is None where a study has no protocol."""

    name: str | None
    plan: StudyPlan
    rows: list[Row]
    scores: list[ArmScore]
    sentence: str
    differences: list[Row]


def study_parts(plan: StudyPlan, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the parts of a study that have finished runs, that which confirms first; None for a study without parts.

    Args:
        plan: the study.
        rows: of its finished runs.
    """
    if plan.protocol is None:
        return [None]
    found = {plan.protocol.part_of(row["seed"], row["fold"]) for row in rows}
    return [part for part in _PURPOSE if part in found]


def part_result(
    plan: StudyPlan, part: str | None, rows: Sequence[Row], cases: Sequence[Mapping[str, Any]]
) -> PartResult:
    """Return scores and differences of a part of a study.

    Args:
        plan: the study.
        part: of `study_parts`.
        rows: of all finished runs.
        cases: of `study_case_rows`.
    """
    own = plan if part is None else plan.part(part)
    pairs = {run.pair for run in own.runs()}
    kept = [row for row in rows if (row["seed"], row["fold"]) in pairs]
    scores = arm_scores(own, kept)
    differences = case_differences(own, [row for row in cases if (row["seed"], row["fold"]) in pairs])
    sentence = study_sentence(own, scores)
    if part == CHOOSING:
        sentence = f"Not confirmed, of the runs that choose: {sentence}"
    if part is not None:
        differences = [{"part": part, **row} for row in differences]
    return PartResult(part, own, kept, scores, sentence, differences)


def study_page(plan: StudyPlan, parts: Sequence[PartResult]) -> str:
    """Return the page of a study: with a protocol, a table that says which runs do what, and the page of each part.

    Args:
        plan: the study.
        parts: those with finished runs.
    """
    pages = [
        study_markdown(part.plan, part.scores, len(part.plan.runs()) - len(part.rows), part.differences)
        for part in parts
    ]
    if plan.protocol is None:
        return pages[0]
    by = plan.protocol.by
    lines = [f"| part | {by} | what it is for |", "|---|---|---|"]
    for name, purpose in _PURPOSE.items():
        own = plan.part(name)
        values = ", ".join(map(str, own.seeds if by == "seeds" else own.folds)) or "none"
        missing = "" if any(part.name == name for part in parts) else ". **No run is finished.**"
        lines.append(f"| {name} | {values} | {purpose}{missing} |")
    titled = [f"## {str(part.name).capitalize()}\n\n{page.strip()}" for part, page in zip(parts, pages, strict=True)]
    return "\n\n".join(["\n".join(lines), *titled]) + "\n"
