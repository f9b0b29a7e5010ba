# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a data set of volumes, all of it in one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["DatasetProblem", "check_problems"]

_NAMED = 100  # of one kind of problem in an error


class DatasetProblem(NamedTuple):
    """Something that is wrong with a data set, and with which file or case.

    Attributes:
        kind: a few words that several may share, such as ``"missing files"``.
        where: the file, case or entry.
        message: what was needed and what came; may be empty where kind and file say it.
    """

    kind: str
    where: str
    message: str = ""


def check_problems(problems: Sequence[DatasetProblem], source: str) -> None:
    """Check that there are none.

    Args:
        problems: of a `VolumeDataset`.
        source: what they were found in.

    Returns:
        None.

    Raises:
        ValueError: that names all of them, in groups of one kind.
    """
    if not problems:
        return
    groups: dict[str, list[str]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(
            f"{problem.where} ({problem.message})" if problem.message else problem.where
        )
    lines = []
    for kind, found in groups.items():
        more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        lines.append(f"{kind} ({len(found)}): {', '.join(found[:_NAMED])}{more}")
    raise ValueError(f"`dataset_dir` needs a data set without gaps, got {source} with {'; '.join(lines)}.")
