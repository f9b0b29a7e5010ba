# SPDX-License-Identifier: Apache-2.0
"""Records what panoptica gives for instances of a seed: ``python tests/oracles/panoptica_values.py``.

panoptica 2.1.7 needs an older NumPy than the tested one, so an environment of its own, with panoptica==2.1.7.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

CASES = 200
RECORDED = Path(__file__).resolve().parents[1] / "data" / "golden" / "panoptica_instances.npz"
SCORES = ("tp", "fp", "fn", "pq", "sq", "rq", "sq_dsc")


def instances(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a truth: blocks of voxels with ids; the prediction moves, joins, drops and adds some."""
    draw = np.random.default_rng(seed)
    shape, block = ((5, 6), (3, 4)) if seed % 2 else ((3, 4, 4), (2, 3, 3))
    true = np.kron(draw.integers(0, 7, shape), np.ones(block, dtype=np.int64))
    pred = np.roll(true, draw.integers(0, 2, true.ndim), axis=tuple(range(true.ndim)))
    pred = draw.permutation(12)[pred] * (pred > 0)  # an id may become 0: a missed one; else they are renumbered
    noise = np.kron(draw.integers(0, 12, shape), np.ones(block, dtype=np.int64))
    return np.where(draw.random(true.shape) < draw.uniform(0, 0.5), noise, pred), true


def record() -> None:
    """Write the scores of all seeds."""
    from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator
    from panoptica.metrics import Metric

    evaluator = Panoptica_Evaluator(
        expected_input=InputType.UNMATCHED_INSTANCE,
        # a pair at exactly one half is a match to panoptica, and none to the definition
        instance_matcher=NaiveThresholdMatching(matching_threshold=float(np.nextafter(0.5, 1))),
        instance_metrics=[Metric.IOU, Metric.DSC],
        global_metrics=[],
    )
    rows = []
    for seed in range(CASES):
        pred, true = instances(seed)
        found = evaluator.evaluate(pred.astype(np.uint8), true.astype(np.uint8))["ungrouped"]
        rows.append([float(getattr(found, name)) for name in SCORES])
    np.savez_compressed(RECORDED, scores=np.array(rows))


if __name__ == "__main__":
    record()
