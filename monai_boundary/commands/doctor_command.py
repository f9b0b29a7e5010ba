# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary doctor``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from monai_boundary.commands.doctor import examination_text, examine


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``doctor``.

    Returns:
        0, or 1 if a part of the self-test failed or a package that is required is missing or of another version.

    Raises:
        SystemExit: with 2 and the usage, if an option is unknown.
    """
    parser = argparse.ArgumentParser(
        "monai-boundary doctor",
        description="Say what works on this machine: versions, extras (with the pip line for those that are missing), "
        "backends, the GPU, and a self-test of a few seconds. Exit code 1: a part of the self-test failed, or what is "
        "required is not there.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for a report of a fault")
    given = parser.parse_args(list(arguments))
    found = examine()
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if given.json else examination_text(found))
    return 0 if found["passed"] else 1
