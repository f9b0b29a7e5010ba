# SPDX-License-Identifier: Apache-2.0
"""What works on this machine: versions, extras, backends, the GPU, and a self-test."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from typing import Any

import numpy as np
import torch
from packaging.requirements import Requirement

from monai_boundary import __version__
from monai_boundary._extras import pip_line
from monai_boundary.ops.distance_backends import available_backends

_EXTRAS = (
    "bundle",
    "em",
    "itk",
    "report",
    "mlflow",
    "volumes",
    "fast",
    "topology",
    "export",
)  # those of users; dev, docs, test are not


def examine() -> dict[str, Any]:
    """Return what works here, as plain values for a report or JSON.

    Keys: ``versions`` (package -> version), ``extras`` (name -> ``{"missing": [...], "install": pip line or None}``;
    the first, ``"required"``, is what the package needs anyhow; a version out of the range that is asked for is missing
    too), ``distance_backends``, ``device``, ``threads``, ``self_test`` (name -> ``{"passed", "seconds", "found"}``)
    and ``passed``, which is whether nothing required is missing and every part of the self-test passed.

    Example:
        >>> examine()["passed"]
        True
    """
    tests = {name: _timed(test) for name, test in _SELF_TEST.items()}
    extras = _extras()
    return {
        "versions": _versions(),
        "extras": extras,
        "distance_backends": list(available_backends()),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU (no CUDA device)",
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "self_test": tests,
        "passed": not extras["required"]["missing"] and all(test["passed"] for test in tests.values()),
    }


def examination_text(found: dict[str, Any]) -> str:
    """Return an examination as lines to read.

    Args:
        found: of :func:`examine`.
    """
    lines = ["versions", *(f"  {name:18} {version}" for name, version in found["versions"].items())]
    lines += ["extras"]
    for name, state in found["extras"].items():
        missing = "ok" if not state["missing"] else f"missing {', '.join(state['missing'])}: {state['install']}"
        lines.append(f"  {name:18} {missing}")
    lines += [f"distance backends    {', '.join(found['distance_backends'])}"]
    lines += [f"device               {found['device']}, {found['threads']} of {found['processors']} threads"]
    lines += ["self-test"]
    for name, test in found["self_test"].items():
        state = "ok" if test["passed"] else "FAILED"
        lines.append(f"  {name:34} {state:7} {test['seconds']:6.2f} s   {test['found']}")
    return "\n".join(lines) + "\n"


def _versions() -> dict[str, str]:
    names = dict.fromkeys(of.name for of in _requirements(""))
    versions = {"monai-boundary": __version__, "python": platform.python_version()}
    return versions | {name: _version(name) or "missing" for name in names}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements(extra: str) -> list[Requirement]:
    """What the package needs here (without an extra), or what an extra brings, by the package's own metadata."""
    try:
        lines = importlib.metadata.requires("monai-boundary") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError("`doctor` needs the package installed, from a clone by: pip install -e .") from error
    wanted = []
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if always if not extra else not always and marker is not None and marker.evaluate({"extra": extra}):
            wanted.append(requirement)
    return wanted


def _extras() -> dict[str, dict[str, Any]]:
    """For each extra, and what is required without one, the packages that are not there or of another version."""
    extras: dict[str, dict[str, Any]] = {}
    for extra in ("", *_EXTRAS):
        missing = []
        for needed in _requirements(extra):
            found = _version(needed.name)
            if found is None:
                missing.append(needed.name)
            elif not needed.specifier.contains(found, prereleases=True):
                missing.append(f"{needed.name}{needed.specifier} (here {found})")
        install = pip_line(*filter(None, [extra])) if missing else None
        extras[extra or "required"] = {"missing": missing, "install": install}
    return extras


def _timed(test: Any) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        passed, found = test()
    except Exception as error:  # whatever is broken here is what is asked for
        passed, found = False, f"{type(error).__name__}: {error}"
    return {"passed": bool(passed), "seconds": round(time.perf_counter() - start, 3), "found": found}


def _distance() -> tuple[bool, str]:
    """A box of one voxel: the next voxel's centre lies 0.5 x 3 mm beyond its face along the first axis."""
    from monai_boundary.ops.signed_distance import signed_distance_map

    mask = torch.zeros(5, 5, 5)
    mask[2, 2, 2] = 1
    phi = signed_distance_map(mask, spacing=(3.0, 1.0, 1.0))
    beside, inside = float(phi[3, 2, 2]), float(phi[2, 2, 2])
    return abs(beside - 1.5) < 1e-6 and inside < 0, f"{beside:.3f} mm (1.500)"


def _gradient() -> tuple[bool, str]:
    """A hole in a wall: the loss pulls the wall's logits up. The first run on a machine compiles the kernels."""
    from monai_boundary.losses import BALoss

    membrane = torch.zeros(1, 1, 24, 24)
    membrane[..., 12, :] = 1
    logits = (12 * membrane - 6).clone()
    logits[..., 12, 8:12] = -6
    logits.requires_grad_()
    BALoss(sigmoid=True)(logits, membrane).backward()
    assert logits.grad is not None
    pull = float(logits.grad[0, 0, 12, 8:12].mean())
    return pull < 0, f"gradient {pull:.1e} in the hole (below 0)"


def _metric() -> tuple[bool, str]:
    """Two planes that are 2 voxels of 1.5 mm apart."""
    from monai_boundary.metrics import compute_hausdorff_mm

    masks = np.zeros((2, 12, 12, 12), bool)
    masks[0, 4:6] = masks[1, 6:8] = True
    found = compute_hausdorff_mm(masks[0], masks[1], spacing=(1.5, 1.0, 1.0))
    return abs(found - 3) < 1e-6, f"{found:.3f} mm (3.000)"


_SELF_TEST = {
    "signed distance map": _distance,
    "gradient of BALoss": _gradient,
    "95th percentile Hausdorff distance": _metric,
}
