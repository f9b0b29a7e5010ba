# SPDX-License-Identifier: Apache-2.0
"""Which runs of a study choose (a weight, a combination), and which confirm what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai_boundary._validation import check_choice

CHOOSING, CONFIRMING = "choosing", "confirming"


@dataclass(frozen=True)
class StudyProtocol:
    """The seeds, or the folds, that may be looked at while something is chosen; all others confirm.

    What is best of several on the runs that chose it looks better there than it is. Folds keep the *cases* apart, seeds
    the trainings alone.

    Args:
        by: ``"seeds"`` or ``"folds"``.
        values: those that choose.

    Raises:
        ValueError: if ``by`` is another, or there is none that chooses.

    Example:
        >>> protocol = StudyProtocol("folds", (0, 1))
        >>> protocol.part_of(seed=0, fold=1), protocol.part_of(seed=0, fold=2)
        ('choosing', 'confirming')
    """

    by: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the values."""
        check_choice("protocol::choosing", self.by, ("seeds", "folds"))
        if not self.values:
            raise ValueError(f"`protocol::choosing` needs {self.by}, at least one, got none.")

    def part_of(self, seed: int, fold: int | None) -> str:
        """Return ``"choosing"`` or ``"confirming"``.

        Args:
            seed: of a run.
            fold: of the run.
        """
        return CHOOSING if (seed if self.by == "seeds" else fold) in self.values else CONFIRMING

    def kept(self, part: str, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return those of the seeds (or folds) that belong to a part.

        Args:
            part: ``"choosing"`` or ``"confirming"``.
            values: seeds or folds of a study, as ``by`` says.
        """
        return tuple(value for value in values if (value in self.values) == (part == CHOOSING))

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of a study's file."""
        return {CHOOSING: {self.by: list(self.values)}}


def read_protocol(entry: Any) -> StudyProtocol | None:
    """Return the protocol of a study's file, None where it has none.

    Args:
        entry: ``{choosing: {folds: [0, 1]}}`` or ``{choosing: {seeds: [0]}}``.

    Raises:
        ValueError: if it has another form.

    Example:
        >>> read_protocol({"choosing": {"folds": [0]}})
        StudyProtocol(by='folds', values=(0,))
    """
    if entry is None:
        return None
    chosen = entry.get(CHOOSING) if isinstance(entry, Mapping) and set(entry) == {CHOOSING} else None
    if not isinstance(chosen, Mapping) or len(chosen) != 1:
        raise ValueError(
            f"`protocol` needs {{choosing: {{folds: [...]}}}} or {{choosing: {{seeds: ...}}}}, got {entry}."
        )
    ((by, values),) = chosen.items()
    return StudyProtocol(str(by), tuple(values) if isinstance(values, (list, tuple)) else (values,))
