# SPDX-License-Identifier: Apache-2.0
"""What each loss makes of the same predictions: ``python docs/gallery.py`` writes what gallery.md shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional as F

from monai_boundary.losses import (
    BalancedBCELoss,
    BALoss,
    DistanceWeightedCELoss,
    EdgeAwareLoss,
    EquipotentialLoss,
    LovaszSoftmaxLoss,
    PersistentHomologyLoss,
    SEMEDALoss,
    SignedDistanceLoss,
    SobelEdgeLoss,
)
from monai_boundary.networks import fit_semantic_edge_net
from monai_boundary.ops import edge_masks

PAGE = Path(__file__).parent / "gallery.md"
CLASSES = ("background", "wall", "organ", "tumour")
VALUES = r"(<!-- values -->\n\n)(.*?)(\n\n<!-- end of the values -->)"  # of the page
SCORE = 6.0  # logit of the class that is predicted: a probability of 0.993


def draw_truth() -> Tensor:
    """Return the label, (64, 64): walls of three compartments, an organ, a tumour beside it and one apart."""
    label = torch.zeros(64, 64, dtype=torch.long)
    label[:, 26:28] = label[20:22, :26] = label[42:44, :26] = 1
    label[8:24, 36:48] = 2
    label[14:18, 48:52] = 3  # touches the organ
    label[44:48, 36:40] = 3
    return label


def flaws() -> dict[str, Callable[[Tensor], None]]:
    """Return what is wrong in each prediction: 16 voxels, in every one."""

    def set_to(value: int, *where: slice) -> Callable[[Tensor], None]:
        def change(label: Tensor) -> None:
            label[where] = value

        return change

    def ragged(label: Tensor) -> None:
        label[8:24:2, 35] = 2
        label[9:24:2, 36] = 0

    return {
        "hole in a wall": set_to(0, slice(20, 22), slice(9, 17)),
        "missed lesion": set_to(0, slice(44, 48), slice(36, 40)),
        "shifted border": set_to(2, slice(24, 26), slice(38, 46)),
        "ragged border": ragged,
        "merged classes": set_to(2, slice(14, 18), slice(48, 52)),
        "false alarm": set_to(3, slice(52, 56), slice(52, 56)),
    }


def predictions() -> dict[str, Tensor]:
    """Return the predicted labels, the perfect one first."""
    found = {"perfect": draw_truth()}
    for name, change in flaws().items():
        found[name] = draw_truth()
        change(found[name])
    return found


def all_flaws() -> Tensor:
    """Return the prediction that has every flaw."""
    label = draw_truth()
    for change in flaws().values():
        change(label)
    return label


def one_hot(label: Tensor) -> Tensor:
    """Return (1, classes, 64, 64), 0 or 1."""
    return F.one_hot(label, len(CLASSES)).movedim(-1, 0)[None].float()


def probabilities(label: Tensor) -> Tensor:
    """Return a prediction of the label, (1, classes, 64, 64), equally sure everywhere."""
    return (SCORE * one_hot(label)).softmax(1)


def _with_edges(loss: EdgeAwareLoss) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of two heads: the second one says the edges of what the first one predicts, as sure as that."""

    def heads(found: Tensor, truth: Tensor) -> Tensor:
        edges = edge_masks(one_hot(found.detach()[0].argmax(0))[:, 1:].bool(), side="both").any(1, keepdim=True)
        return loss((found, SCORE * (2 * edges.float() - 1)), truth)

    return heads


def losses() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return the losses, called with probabilities and one-hot truth; two well-known ones first."""
    net = fit_semantic_edge_net([draw_truth()], num_classes=len(CLASSES), max_steps=60, progress=False)
    walls, weighted = BALoss(), DistanceWeightedCELoss()
    return {
        "cross-entropy": lambda found, truth: F.nll_loss(found.log(), truth.argmax(1)),
        "Dice (MONAI)": DiceLoss(include_background=False),
        "BalancedBCELoss": BalancedBCELoss(include_background=False),
        "DistanceWeightedCELoss": lambda found, truth: weighted(found.log(), truth),
        "LovaszSoftmaxLoss": LovaszSoftmaxLoss(include_background=False),
        "SignedDistanceLoss": SignedDistanceLoss(),
        "BALoss": lambda found, truth: walls(found[:, 1:2], truth[:, 1:2]),
        "EquipotentialLoss": EquipotentialLoss(include_background=False),
        "SEMEDALoss": SEMEDALoss(net),
        "SobelEdgeLoss": SobelEdgeLoss(include_background=False),
        "EdgeAwareLoss": _with_edges(EdgeAwareLoss(include_background=False)),
        "PersistentHomologyLoss": PersistentHomologyLoss(include_background=False),
    }


class Look(NamedTuple):
    """A loss at one prediction: its value, and what a step of each voxel towards the truth gains, (64, 64)."""

    value: float
    gain: Tensor


def look(loss: Callable[[Tensor, Tensor], Tensor], label: Tensor) -> Look:
    """Return the value, and minus the gradient by the voxel's probabilities along the way from them to the truth."""
    truth, found = one_hot(draw_truth()), probabilities(label).requires_grad_()
    value = loss(found, truth)
    (change,) = torch.autograd.grad(value, found)
    return Look(float(value.detach()), -(change * (truth - found.detach())).sum(1)[0])


def measure() -> dict[str, dict[str, Look]]:
    """Return each loss at each prediction."""
    found = predictions()
    return {name: {title: look(loss, label) for title, label in found.items()} for name, loss in losses().items()}


def table(measured: dict[str, dict[str, Look]]) -> str:
    """Return the values as a table, the flaw that costs most in each row in bold."""
    titles = list(predictions())
    lines = ["| loss | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name, row in measured.items():
        most = max(looked.value for looked in row.values())
        shown = [f"{looked.value:.4f}" for looked in row.values()]
        cells = [f"**{text}**" if text == f"{most:.4f}" else text for text in shown]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page, and the pictures beside it."""
    sys.path.insert(0, str(PAGE.parent))
    from gallery_pictures import draw_all  # matplotlib is needed for these alone

    measured = measure()
    text = re.sub(VALUES, lambda m: f"{m[1]}{table(measured)}{m[3]}", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")
    draw_all(measured)


if __name__ == "__main__":
    main()
