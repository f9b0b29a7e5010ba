# SPDX-License-Identifier: Apache-2.0
"""What an import costs beside the one of MONAI that it takes along: medians of new processes, in turns.

    python tests/benchmarks/import_time.py
    python tests/benchmarks/import_time.py monai_boundary.ops --than torch --times 11

Seconds of the processor in user and system mode, so that a busy machine changes them little; the first process of each,
which may find nothing compiled, is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys


def seconds(module: str) -> float:
    """Return what one new process takes on the CPU to import the module, without starting Python."""
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    words = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print both medians and the median of the ratios of neighbours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("module", nargs="?", default="monai_boundary.losses")
    parser.add_argument("--than", default="monai.losses", help="what it is compared with")
    parser.add_argument("--times", type=int, default=11)
    given = parser.parse_args()
    pairs = [(seconds(given.module), seconds(given.than)) for _ in range(given.times + 1)][1:]
    own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    sys.stdout.write(
        f"{given.module} {own:.2f} s, {given.than} {other:.2f} s, ratio {ratio:.3f} "
        f"({min(a / b for a, b in pairs):.3f} to {max(a / b for a, b in pairs):.3f})\n"
    )


if __name__ == "__main__":
    main()
