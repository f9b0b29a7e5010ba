# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from monai.networks.nets import BasicUNet, UNet
from torch import nn

from monai_boundary.losses import (
    BALoss,
    CompoundLoss,
    ConstantSchedule,
    DeepSupervisedLoss,
    DelayedSchedule,
    EdgeAwareLoss,
    EquipotentialLoss,
    IncreaseSchedule,
    MaskedOverlapLoss,
    SignedDistanceLoss,
)
from monai_boundary.workflows.losses.identity import loss_title, network_title
from tests.warm_python import WarmRun

SCHEDULES = (IncreaseSchedule(step=0.01), IncreaseSchedule(step=0.02))


class Scaled:
    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).mean() * self._scale

    def other(self) -> None: ...


class Slotted:
    __slots__ = ("power",)

    def __init__(self, power: int) -> None:
        self.power = power

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).pow(self.power).mean()


def powered(power: int) -> Callable[..., Any]:
    return lambda a, b: ((a - b) ** power).mean()


def default(a: Any, b: Any, power: int = 2) -> Any:
    return ((a - b) ** power).mean()


def from_configuration(alpha: float) -> Any:
    return eval("lambda a, b: __local_refs['alpha'] * (a - b)", {"__local_refs": {"alpha": alpha}})


DIFFERENT: dict[str, Callable[[int], Any]] = {
    "clip": lambda k: SignedDistanceLoss(clip=[3.0, 5.0][k]),
    "w": lambda k: EquipotentialLoss(w=[7, 11][k]),
    "weights": lambda k: CompoundLoss({"a": DiceLoss(), "b": nn.MSELoss()}, weights={"b": [1.0, 2.0][k]}),
    "terms": lambda k: CompoundLoss({"a": [DiceLoss(), DiceLoss(sigmoid=True)][k]}),
    "names": lambda k: CompoundLoss({["a", "b"][k]: DiceLoss()}),
    "public": lambda k: BALoss(contour=["leak", "partition"][k]),
    "class": lambda k: [nn.MSELoss(), nn.L1Loss()][k],
    "lambda": lambda k: [lambda a, b: (a - b).mean(), lambda a, b: (a + b).mean()][k],
    "constant": lambda k: [lambda a, b: (a - b) * 2, lambda a, b: (a - b) * 3][k],
    "closure": lambda k: powered([2, 4][k]),
    "reference": lambda k: from_configuration([0.1, 0.2][k]),
    "partial": lambda k: functools.partial(default, power=[2, 3][k]),
    "tensor": lambda k: nn.CrossEntropyLoss(weight=torch.tensor([1.0, [2.0, 3.0][k]])),
    "private": lambda k: Scaled([1.0, 2.0][k]),
    "slots": lambda k: Slotted([1, 2][k]),
    "method": lambda k: [Scaled(1.0).__call__, Scaled(1.0).other][k],
    "mapping": lambda k: EdgeAwareLoss(sigmoid=True, edge_thickness=[1, 2][k]),
    "schedule": lambda k: CompoundLoss({"region": DiceLoss(), "boundary": nn.MSELoss()}, schedule=SCHEDULES[k]),
    "delay": lambda k: DelayedSchedule(ConstantSchedule(0.1), epochs=[1, 2][k]),
    "plain term": lambda k: CompoundLoss({"a": powered([2, 4][k])}),
    "masked": lambda k: MaskedOverlapLoss([DiceLoss(), DiceLoss(squared_pred=True)][k], sigmoid=True),
    "heads": lambda k: DeepSupervisedLoss(nn.MSELoss(), resampling={"a": ["nearest", "linear"][k]}),
    "other_act": lambda k: DiceLoss(other_act=[torch.tanh, torch.sigmoid][k]),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_two_losses_have_two_titles(name: str) -> None:
    made = DIFFERENT[name]
    assert loss_title(made(0)) != loss_title(made(1))
    assert loss_title(made(0)) == loss_title(made(0)), "and the same loss has one"


def test_a_call_changes_no_title() -> None:
    loss = BALoss(sigmoid=True, alpha=0)
    title = loss_title(loss)
    loss(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    assert loss.terms
    assert loss_title(loss) == title


def test_a_title_can_be_read_and_survives_the_process(tmp_path: Path) -> None:
    title = loss_title(SignedDistanceLoss(clip=3.0))
    assert "clip" in title[0]
    assert "3.0" in title[0]
    assert loss_title("dice") == "dice"
    code = (
        "import torch; from monai_boundary.workflows.losses.identity import loss_title, network_title; "
        "from monai_boundary.losses import SignedDistanceLoss; "
        "print(loss_title(SignedDistanceLoss(clip=3.0)), network_title(torch.nn.Conv2d(1, 2, 3)))"
    )
    (tmp_path / "titles.py").write_text(code)
    done = WarmRun([str(tmp_path / "titles.py")], tmp_path)  # the hashes of its texts are others
    assert done.wait() == 0, done.stderr
    assert done.stdout.strip() == f"{title} {network_title(nn.Conv2d(1, 2, 3))}"


def test_networks() -> None:
    def unet(**other: Any) -> nn.Module:
        chosen: dict[str, Any] = {"channels": (4, 8), "strides": (2,), **other}
        return UNet(spatial_dims=2, in_channels=1, out_channels=1, **chosen)

    nets = [unet(), unet(channels=(4, 12)), unet(act="relu"), unet(dropout=0.1), unet(dropout=0.2), unet(norm="batch")]
    nets += [unet(kernel_size=5), unet(num_res_units=1), BasicUNet(spatial_dims=2, features=(4, 4, 4, 4, 4, 4))]
    titles = [network_title(net) for net in nets]
    assert len(set(titles)) == len(titles)
    assert network_title(unet()) == titles[0], "its weights do not matter"
    assert titles[0].startswith(f"UNet, {sum(p.numel() for p in nets[0].parameters())} weights, #")
