# SPDX-License-Identifier: Apache-2.0
"""A network written to an ONNX file, and run from it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor


def through_onnx(program: torch.export.ExportedProgram, path: Path) -> Callable[[Tensor], Any]:
    """Write an exported network to a file, and return what runs that by onnxruntime."""
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")
    pytest.importorskip("onnxscript", reason="needs the extra `export`")
    _share_the_operators()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own code, and different in each version of it
        torch.onnx.export(program, (), path, dynamo=True, verbose=False, input_names=["image"], output_names=["pred"])
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> np.ndarray[Any, Any]:
        (found,) = session.run(["pred"], {"image": image.numpy()})
        return np.asarray(found)

    return run


@functools.cache
def _share_the_operators() -> None:
    """Let PyTorch parse the sources of its five hundred operators once, and not for each file."""
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    registry.from_torchlib = staticmethod(functools.cache(registry.from_torchlib))  # type: ignore[method-assign]
