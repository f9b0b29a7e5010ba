# SPDX-License-Identifier: Apache-2.0
"""The scores of each case of a validation, with the cases' names, from all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import string_list_all_gather

from monai_boundary._tables import Row
from monai_boundary.handlers.pictures.cases import case_name
from monai_boundary.handlers.scores.item_scores import repeated_cases


class ValidatedCases:
    """Keeps the names of an evaluator's cases in the order of ``state.metric_details``, whatever process has them.

    Names are those of the pictures: an item's own (``case``), else its image's file, with the slice or section where
    it is one; of names that occur again the later ones are numbered. A case that a process has because there are fewer
    cases than processes is the other's.
    """

    def __init__(self) -> None:
        self._own: list[str] = []
        self._all: list[str] = []

    def attach(self, evaluator: Workflow) -> None:
        """Attach to an evaluator (with decollating), after its metrics."""
        evaluator.add_event_handler(Events.EPOCH_STARTED, self.start)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, self.keep)
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, self.gather)

    def start(self, evaluator: Workflow) -> None:
        """Forget the cases of the last validation."""
        self._own, self._all = [], []

    def keep(self, evaluator: Workflow) -> None:
        """Keep the names of an iteration's items; a batch that is not decollated has none."""
        if isinstance(evaluator.state.batch, Sequence):
            self._own += [case_name(item, len(self._own)) for item in evaluator.state.batch]

    def gather(self, evaluator: Workflow) -> None:
        """Bring the names of all processes together; each of them has to come here."""
        gathered = string_list_all_gather(list(self._own))
        named = [name for name in gathered if name]  # a process without cases adds an empty one
        self._all = _numbered(named[: len(named) - repeated_cases(evaluator)])

    def rows(self, evaluator: Workflow) -> list[Row]:
        """Return a row for each case: its name, and its score by each metric that scores every case.

        Args:
            evaluator: that this is attached to, after a validation.
        """
        details = getattr(evaluator.state, "metric_details", {})
        scores = {
            name: values.flatten().tolist() for name, values in details.items() if len(self._all) == values.numel()
        }
        if not self._all or not scores:
            return []
        return [
            {"case": case, **{name: values[k] for name, values in scores.items()}} for k, case in enumerate(self._all)
        ]


def _numbered(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
