# SPDX-License-Identifier: Apache-2.0
"""A table of some cases of the Decathlon's hippocampus: what a student has, who has labelled 20.

``python -m tests.benchmarks.few_cases TASK_FOLDER TABLE.csv [TRAINING [VALIDATION]]`` draws them with seed 0, for
``study_hippocampus_few.yaml``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from monai_boundary._tables import write_table


def main(task: Path, table: Path, training: int = 20, validation: int = 40) -> None:
    """Write the table."""
    cases = json.loads((task / "dataset.json").read_text(encoding="utf-8"))["training"]
    order = np.random.default_rng(0).permutation(len(cases))[: training + validation]
    rows = [
        {
            "image": str((task / cases[k]["image"]).resolve()),
            "label": str((task / cases[k]["label"]).resolve()),
            "split": "training" if place < training else "validation",
        }
        for place, k in enumerate(order.tolist())
    ]
    write_table(rows, table)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
