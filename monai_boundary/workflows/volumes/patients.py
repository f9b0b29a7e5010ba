# SPDX-License-Identifier: Apache-2.0
"""Whose a case is, by its name: time points of one patient are on one side of a split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def with_patients(items: Sequence[Mapping[str, Any]], patient_pattern: str) -> list[dict[str, Any]]:
    """Return the items with the patients that a regular expression finds in the names of their cases.

    Args:
        items: with ``case``.
        patient_pattern: regular expression; the patient is its first group, if it has one, else all that it finds.

    Raises:
        ValueError: if it is no regular expression, or is not found in a name.

    Example:
        >>> items = [{"case": "sub-1_ses-2"}, {"case": "sub-1_ses-3"}]
        >>> [item["patient"] for item in with_patients(items, "sub-[0-9]+")]
        ['sub-1', 'sub-1']
    """
    try:
        find = re.compile(patient_pattern)
    except re.error as error:
        raise ValueError(f"`patient_pattern` needs a regular expression, got {patient_pattern!r}: {error}.") from error
    named = []
    for item in items:
        found = find.search(str(item["case"]))
        if found is None:
            raise ValueError(
                f"`patient_pattern` needs to be found in all cases, got {patient_pattern!r} and {item['case']!r}."
            )
        named.append({**item, "patient": found[1] if find.groups else found[0]})
    return named
