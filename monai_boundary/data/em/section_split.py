# SPDX-License-Identifier: Apache-2.0
"""Training and validation parts of EM stacks: blocks of neighbouring sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary._validation import check_choice
from monai_boundary.data.em.source import EMSource

__all__ = ["split_sections"]

Item = Mapping[str, Any]


def split_sections(
    datalist: Sequence[Item],
    *,
    num_folds: int | None = None,
    fold: int = 0,
    seed: int | None = None,
    n_train: int | None = None,
    n_val: int | None = None,
    gap: int = 0,
    by: str = "block",
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return ``(training, validation)`` items.

    Neighbouring sections look alike, so a random split leaks: validation is always one block of consecutive sections of
    each volume. Sections (2-D items) are chosen; a stack (an item of ``em_datalist(mode="volume")``) is cut along z
    into sub-volumes, one for validation and one or two, before and after it, for training.

    Args:
        datalist: items of :func:`~monai_boundary.data.em_datalist`.
        num_folds: k-fold: each volume's sections form ``num_folds`` blocks, whose lengths differ by one at most.
        fold: 0..num_folds - 1, the block for validation.
        seed: with folds, shuffles which block is which fold (in each volume on its own); with ``n_val``, places the
            validation block at random. ``None``: fold k is block k, and the validation block is the end of the stack.
        n_train: number of training sections of each volume, nearest to the start. Needs ``n_val``.
        n_val: number of validation sections of each volume; without ``n_train`` the others are for training.
        gap: sections next to the validation block that are left out of training.
        by: ``"block"``, or ``"volume"`` to deal whole volumes to the folds; those whose items have the same ``subject``
            stay together. ``"auto"`` deals whole volumes where one has fewer sections than there are folds.

    Raises:
        ValueError: if neither or both of ``num_folds`` and ``n_val`` are given, or there are too few sections.

    Example:
        >>> items = [{"image": f"{k}.png", "volume": "isbi", "section": k} for k in range(24)]
        >>> train, val = split_sections(items, n_train=16, n_val=8)
        >>> len(train), len(val), val[0]["section"]
        (16, 8, 16)
        >>> train, val = split_sections(items, num_folds=3, fold=1)
        >>> [item["section"] for item in val]
        [8, 9, 10, 11, 12, 13, 14, 15]
        >>> stack = [{"image": "a.h5::volumes/raw", "volume": "a", "section": -1, "sections": [0, 110]}]
        >>> train, val = split_sections(stack, num_folds=5, fold=2)
        >>> [item["image"] for item in train], val[0]["image"]
        (['a.h5::volumes/raw@0:44', 'a.h5::volumes/raw@66:110'], 'a.h5::volumes/raw@44:66')
    """
    check_choice("by", by, ("auto", "block", "volume"))
    if (num_folds is None) == (n_val is None):
        raise ValueError(f"`num_folds` or `n_val` is needed, and not both, got {num_folds} and {n_val}.")
    if n_train is not None and n_val is None:
        raise ValueError(f"`n_val` is needed with `n_train`, got n_train={n_train} alone.")
    for name, value, least in (
        ("num_folds", num_folds, 2),
        ("n_train", n_train, 1),
        ("n_val", n_val, 1),
        ("gap", gap, 0),
    ):
        if value is not None and (int(value) != value or value < least):
            raise ValueError(f"`{name}` needs an integer >= {least}, got {value!r}.")
    if num_folds is not None and not 0 <= fold < num_folds:
        raise ValueError(f"`fold` needs 0..{num_folds - 1}, got {fold!r}.")
    rng = None if seed is None else np.random.default_rng(seed)
    volumes = _by_volume(datalist)
    if by == "auto":
        least = min(map(_depth, volumes.values()))
        by = "volume" if num_folds is not None and least < num_folds and least < len(_subjects(volumes)) else "block"
    if by == "volume":
        if num_folds is None:
            raise ValueError("`num_folds` is needed with by='volume', got None.")
        return _deal_volumes(volumes, num_folds, fold, rng)
    train: list[dict[str, Any]] = []
    val: list[dict[str, Any]] = []
    for name, items in volumes.items():
        depth = _depth(items)
        if num_folds is not None:
            start, stop = _fold_block(depth, num_folds, fold, rng, name)
        else:
            start, stop = _fixed_block(depth, n_train, int(n_val or 0), rng, name)
        chosen = [k for k in range(depth) if k < start - gap or k >= stop + gap]
        if n_train is not None:
            if len(chosen) < n_train:
                raise ValueError(f"`n_train` needs at most {len(chosen)} (volume {name!r}, gap {gap}), got {n_train}.")
            chosen = chosen[:n_train]
        if not chosen:
            raise ValueError(f"`gap` needs to leave training sections in volume {name!r}, got {gap}.")
        train += _take(items, chosen)
        val += _take(items, list(range(start, stop)))
    return train, val


def _by_volume(datalist: Sequence[Item]) -> dict[str, list[dict[str, Any]]]:
    volumes: dict[str, list[dict[str, Any]]] = {}
    for item in datalist:
        volumes.setdefault(str(item.get("volume", "")), []).append(dict(item))
    if not volumes:
        raise ValueError("`datalist` needs at least one item, got none.")
    for items in volumes.values():
        items.sort(key=lambda item: int(item.get("section", 0)))
    return volumes


def _depth(items: Sequence[Item]) -> int:
    """Sections of a volume, which is either one stack or a number of 2-D items."""
    stacks = [item for item in items if "sections" in item]
    if stacks and len(items) > 1:
        raise ValueError(
            f"`datalist` needs one stack per volume, got {len(items)} items of {items[0].get('volume')!r}."
        )
    return int(stacks[0]["sections"][1] - stacks[0]["sections"][0]) if stacks else len(items)


def _fold_block(depth: int, folds: int, fold: int, rng: np.random.Generator | None, name: str) -> tuple[int, int]:
    if depth < folds:
        raise ValueError(f"`num_folds` needs at most {depth}, the sections of volume {name!r}, got {folds}.")
    block = fold if rng is None else int(rng.permutation(folds)[fold])
    return block * depth // folds, (block + 1) * depth // folds


def _fixed_block(
    depth: int, n_train: int | None, n_val: int, rng: np.random.Generator | None, name: str
) -> tuple[int, int]:
    if (n_train or 1) + n_val > depth:
        raise ValueError(
            f"`n_val` needs n_train + n_val <= {depth}, the sections of {name!r}, got {n_train} + {n_val}."
        )
    start = depth - n_val if rng is None else int(rng.integers(0, depth - n_val + 1))
    return start, start + n_val


def _take(items: Sequence[dict[str, Any]], chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Return the chosen 2-D items; or, of a stack, one sub-volume per run of consecutive sections."""
    if "sections" not in items[0]:
        return [items[k] for k in chosen]
    stack = items[0]
    breaks = [k for k in range(1, len(chosen)) if chosen[k] != chosen[k - 1] + 1]
    runs = [chosen[a:b] for a, b in zip([0, *breaks], [*breaks, len(chosen)], strict=True)]
    return [_sub_volume(stack, run[0], run[-1] + 1) for run in runs]


def _sub_volume(stack: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
    cut = dict(stack)
    for key in ("image", "label", "label_instances"):
        if key in cut:
            cut[key] = str(EMSource.parse(cut[key]).block(start, stop))
    first = int(stack["sections"][0])
    cut["sections"] = [first + start, first + stop]
    return cut


def _deal_volumes(
    volumes: dict[str, list[dict[str, Any]]], folds: int, fold: int, rng: np.random.Generator | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    subjects = _subjects(volumes)
    if len(subjects) < folds:
        what = "volumes" if len(subjects) == len(volumes) else "subjects"
        raise ValueError(f"`num_folds` needs at most {len(subjects)}, the number of {what}, got {folds}.")
    order = list(subjects) if rng is None else [list(subjects)[k] for k in rng.permutation(len(subjects))]
    held = {name for subject in order[fold::folds] for name in subjects[subject]}
    train = [item for name, items in volumes.items() if name not in held for item in items]
    return train, [item for name, items in volumes.items() if name in held for item in items]


def _subjects(volumes: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """The volumes of each subject; one that states none is its own."""
    found: dict[str, list[str]] = {}
    for name, items in volumes.items():
        found.setdefault(str(items[0].get("subject", name)), []).append(name)
    return found
