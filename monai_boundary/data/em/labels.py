# SPDX-License-Identifier: Apache-2.0
"""What the labels of a data set mean, by evidence: membranes or instances, and which value is the membrane."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.data.em.layouts import EMVolume
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.source import EMSource
from monai_boundary.ops.label_values import LABEL_TOLERANCE
from monai_boundary.ops.membrane import membrane_polarity

__all__ = ["detect_label_kind", "label_meanings"]

SECTIONS_LOOKED_AT = 32
"""Of a whole data set; at least one and at most nine of each stack."""
_FLAT, _PIECES, _FEW = 0.1, 3, 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Evidence:
    """What the values of one section look like, and the words for it."""

    look: str  # mask, grey, instances, classes, levels, blurred or constant
    words: str


def detect_label_kind(label: AnyArray) -> str:
    """Tell ``"membrane"`` (a mask, maybe with grey seams) from ``"instances"`` (ids), by the values and where they lie.

    - One or two different values are a mask.
    - *Grey seams*: at least half of the voxels have one of two values near the ends of the range, and the others lie
      between those as single voxels, not as areas of one value.
    - *Ids*: integers (also stored as floats) of which each value is mostly one piece.
    - Anything else is refused: classes (each value in many pieces), a few grey levels up to 255, a blurred map.

    Args:
        label: one section, or a stack.

    Returns:
        ``"membrane"`` or ``"instances"``.

    Raises:
        ValueError: if neither is clear, or values are not finite or negative.

    Example:
        >>> detect_label_kind(np.array([[0, 255], [0, 0]])), detect_label_kind(np.array([[0, 1], [2, 3]]))
        ('membrane', 'instances')
    """
    return _decide_kind([(_look(np.asarray(label)), "this label")])


def _look(label: AnyArray) -> _Evidence:
    values = _as_integers(label)
    found, counts = np.unique(values, return_counts=True)
    if found[0] < 0:
        raise ValueError(f"`label` needs values >= 0, got {found[0]:g}.")
    if len(found) == 1:
        return _Evidence("constant", f"{found[0]:g} everywhere")
    if len(found) == 2:
        return _Evidence("mask", f"two values, {found[0]:g} and {found[1]:g}")
    shown = ", ".join(f"{v:g}" for v in found[:6]) + (f", ... {found[-1]:g}" if len(found) > 6 else "")
    listed = f"{len(found)} values ({shown})"
    integral = values.dtype.kind in "ui"
    wide = not integral or (found[-1] >= _FEW and (found[-1] <= 255 or found[-1] == 65535))
    if wide and _has_grey_seams(values, found, counts):
        return _Evidence("grey", f"two grey levels and seams between them, {listed}")
    if not integral:
        return _Evidence("blurred", f"a map of grey values, {listed}")
    pieces = _pieces(values, found)
    if pieces >= _PIECES:
        return _Evidence("classes", f"{listed}, of which half are in {pieces:g} pieces or more, as classes are")
    if found[-1] in (255, 65535) and len(found) <= _FEW:
        return _Evidence("levels", f"few grey levels, {listed}")
    return _Evidence("instances", f"{listed}, each in {pieces:g} pieces in the median")


def _as_integers(label: AnyArray) -> AnyArray:
    """Integers where the values are, within the tolerance; refuse what is no number."""
    if label.size == 0:
        raise ValueError(f"`label` needs voxels, got shape {label.shape}.")
    if label.dtype.kind == "b":
        return label.astype(np.uint8)
    if label.dtype.kind != "f":
        return label
    bad = int(np.count_nonzero(~np.isfinite(label)))
    if bad:
        raise ValueError(f"`label` needs finite values, got NaN or infinity in {bad} voxels.")
    nearest = np.rint(label)
    return nearest.astype(np.int64) if (np.abs(label - nearest) <= 1.01 * LABEL_TOLERANCE).all() else label


def _has_grey_seams(values: AnyArray, found: AnyArray, counts: AnyArray) -> bool:
    """Tell whether all but two levels near the ends of the range is seams: thin, and not flat."""
    margin = 0.1 * (float(found[-1]) - float(found[0]))
    modes = [found[near][counts[near].argmax()] for near in (found <= found[0] + margin, found >= found[-1] - margin)]
    low, high = (float((values == mode).mean()) for mode in modes)
    others: BoolArray = ~np.isin(values, modes)
    share = float(((values > found[0] + margin) & (values < found[-1] - margin)).mean())
    if share > 0.5 or min(low, high) < _FLAT * share:
        return False
    flat = np.ones(values.shape, dtype=np.bool_)
    for axis in (-2, -1):
        same = np.diff(values, axis=axis) == 0 if values.dtype.kind != "u" else _same(values, axis)
        edge = [(0, 0)] * values.ndim
        for side in ((1, 0), (0, 1)):
            edge[axis] = side
            flat &= np.pad(same, edge, constant_values=True)
    return not others.any() or float(flat[others].mean()) < _FLAT


def _same(values: AnyArray, axis: int) -> BoolArray:
    first = np.take(values, range(values.shape[axis] - 1), axis)
    return np.asarray(first == np.take(values, range(1, values.shape[axis]), axis))


def _pieces(values: AnyArray, found: AnyArray) -> float:
    """Median number of connected pieces of a value other than 0, over up to 64 values."""
    index = np.searchsorted(found, values) + (0 if found[0] == 0 else 1)
    boxes = ndimage.find_objects(index.astype(np.int32))
    chosen = np.unique(np.linspace(0, len(boxes) - 1, 64).astype(int))
    counts = [ndimage.label(index[boxes[k]] == k + 1)[1] for k in chosen if boxes[k] is not None]
    return float(np.median(counts))


def _decide_kind(looks: Sequence[tuple[_Evidence, str]]) -> str:
    """Return the kind that all sections agree with.

    Raises:
        ValueError: if there is none; the section and its evidence are named.
    """
    seen = {evidence.look for evidence, _ in looks}
    unclear = seen & {"classes", "blurred"} or (seen & {"levels"} if "instances" not in seen else set())
    if unclear:
        evidence, where = next((e, w) for e, w in looks if e.look in unclear)
        raise ValueError(_in_doubt(f"{where} holds {evidence.words}"))
    if {"instances", "grey"} <= seen:
        parts = [next((e.words, w) for e, w in looks if e.look == look) for look in ("instances", "grey")]
        raise ValueError(_in_doubt(" and ".join(f"{where} holds {text}" for text, where in parts)))
    return "instances" if "instances" in seen else "membrane"


def _in_doubt(what: str) -> str:
    return (
        f"`label_kind` needs to be said, 'membrane' or 'instances' (--label_kind), or another label chosen "
        f"(--label_dataset): {what}."
    )


def label_meanings(volumes: Sequence[EMVolume], kind: str, polarity: str | None) -> list[dict[str, str]]:
    """Decide ``label_kind`` and, of membranes, ``label_polarity`` of every volume; one line of the log says on what.

    Args:
        volumes: with or without labels.
        kind: ``"membrane"``, ``"instances"`` or ``"auto"``.
        polarity: which value of a membrane label is the greater one: ``"membrane"``, ``"cell"``, ``"auto"``,
            or ``None`` to leave it open.

    Returns:
        For each volume what its items are to hold; nothing for those without a label.

    Raises:
        ValueError: if the evidence is not clear, or the sections of a volume disagree; the file is named.
    """
    labelled = [volume for volume in volumes if volume.label is not None]
    number = min(9, max(1, SECTIONS_LOOKED_AT // max(len(labelled), 1)))
    found: list[dict[str, str]] = []
    looked: Counter[str] = Counter()
    greater: Counter[str] = Counter()
    shares: list[tuple[float, float, float]] = []
    for volume in volumes:
        if volume.label is None:
            found.append({})
            continue
        named = kind == "auto" and (volume.label.dataset or "").lower().endswith(("ids", "instances"))
        decided = "instances" if named else kind
        sections = [] if decided == "instances" or "auto" not in (kind, polarity) else _sample(volume, number)
        if decided == "auto":
            looks = [(_named_look(section, source), str(source)) for section, source in sections]
            looked.update(evidence.look for evidence, _ in looks)
            decided = _decide_kind(looks)
        found.append({"label_kind": decided})
        if decided == "membrane" and polarity is not None:
            chosen = polarity if polarity != "auto" else _decide_polarity(sections, greater, shares)
            found[-1]["label_polarity"] = chosen
    _report(found, looked, greater, shares)
    return found


def _sample(volume: EMVolume, number: int) -> list[tuple[AnyArray, EMSource]]:
    """Sections of the label, evenly spaced, the middle one among them."""
    label = volume.label
    if label is None:
        return []
    if volume.label_files:
        sources = [EMSource(file) for file in volume.label_files]
    else:
        with open_em_stack(label) as stack:
            sources = [label] if len(stack.shape) == 2 else [replace(label, start=k) for k in range(stack.shape[0])]
    steps = sorted({int((2 * k + 1) * len(sources) / (2 * number)) for k in range(number)})
    read = []
    for source in (sources[k] for k in steps):
        with open_em_stack(source) as stack:
            read.append((stack.read(), source))
    return read


def _named_look(section: AnyArray, source: EMSource) -> _Evidence:
    try:
        return _look(section)
    except ValueError as error:
        raise ValueError(f"{error} It is {source}.") from error


def _decide_polarity(
    sections: Sequence[tuple[AnyArray, EMSource]], greater: Counter[str], shares: list[tuple[float, float, float]]
) -> str:
    """Return the polarity that the sections of two phases agree on, and add to the sums.

    Raises:
        ValueError: if they disagree, more than half cannot be told, or none has two phases.
    """
    votes: dict[str, Path] = {}
    unclear: list[str] = []
    told = 0
    for section, source in sections:
        try:
            evidence = membrane_polarity(section)
        except ValueError as error:
            raise ValueError(f"{error} It is {source}.") from error
        if evidence is None:
            continue
        if evidence.phase is None:
            unclear.append(f"{source} ({evidence.words})")
            continue
        told += 1
        votes.setdefault(evidence.phase, source.path if source.start is None else Path(str(source)))
        greater[evidence.phase] += 1
        shares.append((evidence.share, evidence.depth, evidence.other_depth))
    if len(votes) > 1:
        says = " and ".join(f"{phase} in {path}" for phase, path in votes.items())
        raise ValueError(f"`polarity` needs to be said (--polarity): the greater value seems to be the {says}.")
    if not votes or len(unclear) > told:
        why = f"got {unclear[0]}" if unclear else f"got one phase alone in {sections[0][1]}"
        raise ValueError(
            "`polarity` needs to be said, whether the greater value is 'membrane' or 'cell' (--polarity), since the "
            f"membrane is not clearly the phase that is smaller, thinner and in one piece: {why}."
        )
    return next(iter(votes))


def _report(
    found: Sequence[dict[str, str]],
    looked: Counter[str],
    greater: Counter[str],
    shares: Sequence[tuple[float, float, float]],
) -> None:
    kinds = sorted({meaning["label_kind"] for meaning in found if meaning})
    if not kinds:
        return
    line = f"Labels are {' and '.join(kinds)}"
    names: dict[str, Any] = {"mask": "two values", "grey": "grey seams", "constant": "one value"}
    if looked:
        line += ", by the values of " + ", ".join(f"{n} with {names.get(k, k)}" for k, n in sorted(looked.items()))
        line += f" of {sum(looked.values())} sections looked at"
    if shares:
        share, depth, other = np.mean(shares, axis=0)
        line += (
            f"; the greater value is the {' and the '.join(f'{phase} in {n}' for phase, n in greater.items())} of them "
            f"({share:.0%} of the voxels, mean depth {depth:.3g} against {other:.3g})"
        )
    logger.info(line + ".")
