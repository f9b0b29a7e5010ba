# SPDX-License-Identifier: Apache-2.0
"""Run by torchrun: several trainings in one job, so that the libraries are imported once for all of them."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from monai.bundle import ConfigWorkflow

BUNDLES = Path(__file__).parents[2] / "bundles"


_END = dist.destroy_process_group


def _stay(group: Any = None) -> None:
    """Keep the group of all processes for the next training: a store serves one; Ignite ends others of its own."""
    if group is not None:
        _END(group)


def main() -> None:
    """Train each of the bundles that the file of the first argument names, with its options."""
    torch.set_num_threads(1)
    dist.destroy_process_group = _stay
    logging.basicConfig(level=logging.WARNING)
    for bundle, options in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        configs = BUNDLES / bundle / "configs"
        files = [str(configs / name) for name in ("train.yaml", "multi_gpu_train.yaml")]
        workflow = ConfigWorkflow(files, workflow_type="train", logging_file=False, **options)
        workflow.initialize()
        workflow.run()
        workflow.finalize()


if __name__ == "__main__":
    main()
