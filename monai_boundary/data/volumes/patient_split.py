# SPDX-License-Identifier: Apache-2.0
"""Training and validation parts by patient, as like as the strata allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary._validation import check_choice
from monai_boundary.data.em.source import natural_key

__all__ = ["split_patients"]


def split_patients(
    datalist: Sequence[Mapping[str, Any]],
    *,
    num_folds: int | None = None,
    fold: int = 0,
    n_val: int | None = None,
    seed: int = 0,
    by: str = "patient",
    stratify: str | None = None,
    several_strata: str = "refuse",
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return ``(training, validation)`` items; all items of one patient are on the same side.

    Args:
        datalist: items with the key ``by``.
        num_folds: k-fold: the shuffled patients are dealt to ``num_folds`` folds, whose sizes differ by one at most;
            each patient is in one fold.
        fold: 0..num_folds - 1, the fold for validation.
        n_val: instead, the number of patients for validation.
        seed: of the shuffle. The split depends on it and on the names of the patients, not on the order of the items.
        by: key that says whose an item is.
        stratify: key whose values are spread over the folds, such as ``"site"``.
        several_strata: what becomes of a patient whose items differ in that key, such as time points in two folders:
            ``"refuse"``, an error; ``"join"``, the patient stays together and counts as of a stratum of both values.

    Raises:
        ValueError: if neither or both of ``num_folds`` and ``n_val`` are given, items lack a key, a patient has two
            strata, or there are too few patients.

    Example:
        >>> items = [{"flair": f"{p}.nii.gz", "patient": str(p), "site": "AB"[p % 2]} for p in range(6)]
        >>> train, val = split_patients(items, num_folds=3, fold=0, stratify="site")
        >>> len(train), sorted(item["site"] for item in val)
        (4, ['A', 'B'])
    """
    check_choice("several_strata", several_strata, ("refuse", "join"))
    if (num_folds is None) == (n_val is None):
        raise ValueError(f"`num_folds` or `n_val` is needed, and not both, got {num_folds} and {n_val}.")
    strata = _strata(datalist, by, stratify, several_strata == "join")
    rng = np.random.default_rng(seed)
    order: list[str] = []
    for stratum in sorted(set(strata.values())):
        members = sorted((name for name, of in strata.items() if of == stratum), key=natural_key)
        order += [members[k] for k in rng.permutation(len(members))]
    if num_folds is not None:
        if not 2 <= num_folds <= len(order):
            raise ValueError(f"`num_folds` needs 2..{len(order)}, the number of patients, got {num_folds!r}.")
        if not 0 <= fold < num_folds:
            raise ValueError(f"`fold` needs 0..{num_folds - 1}, got {fold!r}.")
        held = set(order[fold::num_folds])
    else:
        if not 1 <= int(n_val or 0) < len(order):
            raise ValueError(f"`n_val` needs 1..{len(order) - 1} of {len(order)} patients, got {n_val!r}.")
        held = {order[(2 * k + 1) * len(order) // (2 * int(n_val or 1))] for k in range(int(n_val or 0))}
    train = [dict(item) for item in datalist if str(item[by]) not in held]
    return train, [dict(item) for item in datalist if str(item[by]) in held]


def _strata(datalist: Sequence[Mapping[str, Any]], by: str, stratify: str | None, join: bool) -> dict[str, str]:
    """Return the stratum of each patient."""
    strata: dict[str, dict[str, None]] = {}
    for item in datalist:
        lacking = [key for key in (by, stratify) if key is not None and key not in item]
        if lacking:
            raise ValueError(f"`datalist` needs the key {lacking[0]!r} in every item, got one with {sorted(item)}.")
        strata.setdefault(str(item[by]), {})["" if stratify is None else str(item[stratify])] = None
    for patient, found in strata.items():
        if len(found) > 1 and not join:
            raise ValueError(
                f"`stratify` needs one {stratify!r} per patient, got {' and '.join(map(repr, list(found)[:2]))} for "
                f"{patient!r}: see `several_strata`."
            )
    return {patient: " and ".join(sorted(found)) for patient, found in strata.items()}
