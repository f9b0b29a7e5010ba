# SPDX-License-Identifier: Apache-2.0
"""What bfloat16, channels-last memory and ``torch.compile`` make of a bundle's training step: a table.

    python tests/benchmarks/step_options.py
    python tests/benchmarks/step_options.py brats_mri_boundary --rounds 5 --variants "as it is" "channels last"

A step is the bundle's network on a batch of its phantom's patches, Dice, backward pass and Adam. The variants take
turns in one process, with one thread on a CPU; the least CPU time of each counts, and what the first compiled step
costs is a column of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.losses import DiceLoss

BUNDLES = Path(__file__).parents[2] / "bundles"
SHAPES = {  # batches on the phantoms
    "wmh_mri_boundary": (8, 2, 64, 64),
    "em_neuron_boundary": (4, 1, 128, 128),
    "brats_mri_boundary": (2, 4, 32, 32, 32),
}
VARIANTS = ("as it is", "bfloat16", "channels last", "compiled")


def make_step(network: torch.nn.Module, image: torch.Tensor, variant: str) -> Callable[[], float]:
    """Return a function that trains a copy of the network by one step, and returns the loss."""
    network = copy.deepcopy(network)
    if variant == "channels last":
        layout = torch.channels_last if image.ndim == 4 else torch.channels_last_3d
        network, image = network.to(memory_format=layout), image.contiguous(memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters())
    called = torch.compile(network, dynamic=False) if variant == "compiled" else network
    loss = DiceLoss(sigmoid=True)
    with torch.no_grad():
        target = (torch.rand_like(segmentation(network(image))) > 0.9).float()

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if variant == "bfloat16" else contextlib.nullcontext():
            value = loss(segmentation(called(image)).float(), target)
        value.backward()
        optimizer.step()
        return float(value)

    return step


def segmentation(output: Any) -> torch.Tensor:
    """Return the first of a network's heads."""
    return output[0] if isinstance(output, tuple) else output


def main() -> None:
    """Print a row for each bundle."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("bundles", nargs="*", default=list(SHAPES), help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sys.stdout.write(
        f"| ms per step | {' | '.join(given.variants)} | compiling (s) |\n|---|{'---|' * (len(given.variants) + 1)}\n"
    )
    for bundle in given.bundles:
        torch.manual_seed(0)
        config = ConfigParser()
        config.read_config(str(BUNDLES / bundle / "configs" / "train.yaml"))
        network = config.get_parsed_content("network_def")
        image = torch.rand(SHAPES[bundle])
        steps = {variant: make_step(network, image, variant) for variant in given.variants}
        first = {}
        for variant, step in steps.items():
            start = time.perf_counter()
            step()
            first[variant] = time.perf_counter() - start
        best = dict.fromkeys(given.variants, float("inf"))
        for _ in range(given.rounds):
            for variant, step in steps.items():
                start = time.process_time()
                step()
                best[variant] = min(best[variant], time.process_time() - start)
        cells = " | ".join(f"{1e3 * best[variant]:.1f}" for variant in given.variants)
        sys.stdout.write(f"| {bundle} | {cells} | {first.get('compiled', float('nan')):.0f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
