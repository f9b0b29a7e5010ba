# SPDX-License-Identifier: Apache-2.0
"""The base of the class losses: a new one writes its values, and no loss reaches into another."""

from __future__ import annotations

import ast
import re

import pytest
import torch
from torch import Tensor

from monai_boundary.losses._base import REDUCTIONS, ClassLoss
from tests.architecture.source_tree import PACKAGE, parse, relative


class Brier(ClassLoss):
    """As short as a loss can be."""

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        apart = (probability - masks.to(probability.dtype)).square()
        seen = torch.ones_like(apart) if counted is None else counted.expand_as(apart).to(apart.dtype)
        return (apart * seen).flatten(2).sum(-1) / seen.flatten(2).sum(-1).clamp(min=1)


def test_a_loss_of_values_alone() -> None:
    probability = torch.tensor([[[[1.0, 0.5]], [[0.0, 0.5]]]])
    label, first = torch.tensor([[[[0, 1]]]]), torch.tensor([[[[1, 0]]]])
    assert Brier(to_onehot_y=True, reduction="none")(probability, label).tolist() == [[0.125, 0.125]]
    assert float(Brier(to_onehot_y=True)(probability, label)) == 0.125
    assert float(Brier(to_onehot_y=True, include_background=False)(probability, label)) == 0.125
    ignored = torch.tensor([[[[0, 255]]]])
    assert float(Brier(to_onehot_y=True)(probability, ignored, mask=first)) == 0
    text = "include_background=True, to_onehot_y=False, sigmoid=True, softmax=False, other_act=None, reduction='mean'"
    assert repr(Brier(sigmoid=True)) == f"Brier({text})"
    with pytest.raises(ValueError, match="`reduction` needs one of 'mean', 'sum', 'none', got 'median'"):
        Brier(reduction="median")


def test_no_loss_imports_a_private_name_of_another() -> None:
    found = [
        f"{relative(path)}: {alias.name} of {node.module}"
        for path in sorted((PACKAGE / "losses").glob("*.py"))
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("monai_boundary.losses.")
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert not found, "\n".join(found)


def test_what_the_base_owns_stands_there_alone() -> None:
    """Reductions, activations and background are spelt out in one file."""
    own = [
        relative(path)
        for path in sorted((PACKAGE / "losses").glob("*.py"))
        if path.name != "_base.py"
        and re.search(r"\bREDUCTIONS|check_activation|self\.sigmoid = |\.mean\(\) if ", path.read_text())
    ]
    assert not own
    assert REDUCTIONS == ("mean", "sum", "none")
