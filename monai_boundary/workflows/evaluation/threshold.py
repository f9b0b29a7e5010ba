# SPDX-License-Identifier: Apache-2.0
"""How a membrane map becomes instances: found by the evaluation, kept beside the network, taken by inference."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from monai.engines.workflow import Workflow

from monai_boundary._tables import write_json
from monai_boundary.handlers import ThresholdCurveHandler

__all__ = ["InstanceRule", "as_evaluated", "choose_threshold", "evaluated_file", "keep_evaluated"]

logger = logging.getLogger(__name__)

UNTOLD = 0.5
METHOD, MIN_SIZE = "watershed", 0  # less CREMI than components on three data sets, one of them unseen


class InstanceRule(NamedTuple):
    """How instances are made of a membrane's probability, and where that comes from.

    Attributes:
        threshold: probabilities at or above it are membrane.
        source: where the threshold comes from, for people.
        method: ``"components"``, ``"watershed"`` or ``"barrier_cut"``.
        min_size: instances of fewer voxels are removed.
    """

    threshold: float
    source: str
    method: str = METHOD
    min_size: int = MIN_SIZE


def evaluated_file(ckpt_path: str | os.PathLike[str], output_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the file that says how a network's evaluation made instances.

    Args:
        ckpt_path: the network.
        output_dir: of the evaluation; the network's own folder if not given.

    Example:
        >>> evaluated_file("output/model.pt").as_posix()
        'output/model_evaluated.json'
    """
    path = Path(ckpt_path)
    return (path.parent if output_dir is None else Path(output_dir)) / f"{path.stem}_evaluated.json"


def choose_threshold(
    threshold: float | None,
    ckpt_path: str | os.PathLike[str],
    training: Workflow | None = None,
    curve: ThresholdCurveHandler | None = None,
    *,
    method: str | None = None,
    min_size: int | None = None,
    output_dir: str | os.PathLike[str] | None = None,
) -> InstanceRule:
    """Return how an evaluation makes instances: at the given threshold, else at the best of the training part.

    The engine of the training part is run here, so that the threshold is there before anything that needs it is made.
    Without a training part it is the threshold of an earlier evaluation of the same network, else 0.5; a line in the
    log says which.

    Args:
        threshold: a given one, or ``None``.
        ckpt_path: the network.
        training: engine over the training part, or ``None``. It runs in any case, for its curve.
        curve: the handler of the curve of that engine.
        method: ``"components"``, ``"watershed"`` or ``"barrier_cut"``; ``None`` is ``"watershed"``, but goes with the
            threshold where that is of an earlier evaluation.
        min_size: instances of fewer voxels are removed; ``None`` removes none, but goes with the threshold likewise.
        output_dir: of the evaluation, where an earlier one may have left its threshold; else it is beside the network.
    """
    if training is not None:
        training.run()
    own, size = METHOD if method is None else method, MIN_SIZE if min_size is None else min_size
    if threshold is not None:
        return InstanceRule(float(threshold), "given", own, size)
    best = curve.curve.best_threshold("cremi_score") if training is not None and curve and curve.curve else math.nan
    if not math.isnan(best):
        return InstanceRule(best, "the best of the training part", own, size)
    found, path = _kept(ckpt_path, output_dir)
    if "threshold" in found:
        kept = found.get("method", METHOD) if method is None else method
        size = int(found.get("min_size", MIN_SIZE)) if min_size is None else min_size
        return InstanceRule(found["threshold"], f"as evaluated before, in {path}", kept, size)
    logger.warning(f"No training part to choose the threshold on: it is {UNTOLD}.")
    return InstanceRule(UNTOLD, "not chosen on any data", own, size)


def keep_evaluated(
    ckpt_path: str | os.PathLike[str], rule: InstanceRule, output_dir: str | os.PathLike[str] | None = None
) -> None:
    """Write how instances were made, for :func:`as_evaluated`; a log line where that cannot be.

    A network that comes with a bundle is others' too, so the file is in the folder of the evaluation.

    Args:
        ckpt_path: the network that was evaluated.
        rule: how its instances were made.
        output_dir: of the evaluation; beside the network if not given.
    """
    path = evaluated_file(ckpt_path, output_dir)
    try:
        write_json({**rule._asdict(), "network": _digest(ckpt_path)}, path)
    except OSError as error:
        logger.warning(f"{path} cannot be written ({error}): give inference --threshold {rule.threshold:g}.")


def as_evaluated(
    ckpt_path: str | os.PathLike[str],
    threshold: float | None = None,
    method: str | None = None,
    min_size: int | None = None,
    output_dir: str | os.PathLike[str] | None = None,
) -> InstanceRule:
    """Return how inference makes instances: as the network was evaluated, but for what is given; one log line says it.

    A network that was trained further since, or was never evaluated, has no threshold of its own: it is 0.5, with a
    warning.

    Args:
        ckpt_path: the network.
        threshold: a given one, or ``None`` for that of the evaluation.
        method: a given one, or ``None`` for that of the evaluation.
        min_size: a given one, or ``None`` for that of the evaluation.
        output_dir: of the evaluation; what is found there counts before what is beside the network.
    """
    found, path = _kept(ckpt_path, output_dir)
    source = "given"
    if threshold is None and "threshold" in found:
        source = f"{found['source']}, in {path}"
    elif threshold is None:
        source = "this network was not evaluated (configs/evaluate.yaml chooses the threshold on the training part)"
    rule = InstanceRule(
        float(found.get("threshold", UNTOLD) if threshold is None else threshold),
        source,
        found.get("method", METHOD) if method is None else method,
        int(found.get("min_size", MIN_SIZE) if min_size is None else min_size),
    )
    level = logging.INFO if threshold is not None or found else logging.WARNING
    more = f", instances under {rule.min_size} voxels removed" if rule.min_size else ""
    logger.log(level, f"Instances by {rule.method} at threshold {rule.threshold:g}{more}: {rule.source}.")
    return rule


def _kept(ckpt_path: str | os.PathLike[str], output_dir: str | os.PathLike[str] | None) -> tuple[dict[str, Any], Path]:
    """What was kept of this very network, and where; empty if nothing was, or if it was another network."""
    beside = evaluated_file(ckpt_path)
    for path in dict.fromkeys((evaluated_file(ckpt_path, output_dir), beside)):
        if not path.is_file() or not Path(ckpt_path).is_file():
            continue
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found.get("network") == _digest(ckpt_path):
            return found, path
        logger.warning(f"{path} is of another state of the network, and is not used: evaluate it again.")
    return {}, beside


def _digest(path: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
