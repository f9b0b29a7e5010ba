# SPDX-License-Identifier: Apache-2.0
"""What every public loss makes of its arguments: background, mask, how it is printed, and what its errors name."""

from __future__ import annotations

import inspect
import itertools
import re
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor, nn

from monai_boundary import losses
from tests.contracts.loss_cases import SHAPES, edge_net, logits_of, mask_of

CLASSES = 3
NEEDED: dict[type[nn.Module], dict[str, Any]] = {
    losses.MaskedOverlapLoss: {"loss": DiceLoss()},
    losses.SEMEDALoss: {"net": edge_net(2, CLASSES)},
    losses.CompoundLoss: {"losses": {"edge": losses.SobelEdgeLoss()}},
    losses.DeepSupervisedLoss: {"loss": losses.SobelEdgeLoss()},
    losses.EdgeAwareLoss: {"lambda_edge_dice": 0.0, "lambda_edge_bce": 0.0},
}
SMALL = {"w": 3}
EVERY = sorted(
    (v for v in vars(losses).values() if inspect.isclass(v) and issubclass(v, nn.Module)), key=lambda v: v.__name__
)
OF_CLASSES = [loss for loss in EVERY if "to_onehot_y" in inspect.signature(loss).parameters]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=lambda loss: loss.__name__)
every_class_loss = pytest.mark.parametrize("loss", OF_CLASSES, ids=lambda loss: loss.__name__)


def made(loss: type[nn.Module], **options: Any) -> nn.Module:
    """The loss with those of the options that it takes."""
    known = inspect.signature(loss).parameters
    given = {**SMALL, **options}
    return loss(**{**NEEDED.get(loss, {}), **{name: value for name, value in given.items() if name in known}})


def takes(loss: type[nn.Module], name: str) -> bool:
    return name in inspect.signature(loss.forward).parameters


def index_label() -> Tensor:
    """Three classes that touch, (2, 1, 12, 14)."""
    label = torch.zeros(2, 1, 12, 14)
    label[0, :, 2:6, 3:9] = 1
    label[0, :, 6:9, 3:9] = 2
    label[1, :, 4:8, 2:5] = 1
    label[1, :, 4:8, 5:11] = 2
    return label


def one_hot(label: Tensor) -> Tensor:
    return torch.cat([label == k for k in range(CLASSES)], dim=1).float()


def test_most_losses_are_of_classes() -> None:
    assert set(EVERY) - set(OF_CLASSES) == {losses.CompoundLoss, losses.DeepSupervisedLoss}


@every_class_loss
@pytest.mark.parametrize("dims", SHAPES)
def test_one_channel_is_no_background(loss: type[nn.Module], dims: str) -> None:
    """One rule for all: a lone channel is compared, whatever ``include_background`` says, and without a warning."""
    if "include_background" not in inspect.signature(loss).parameters:
        return
    target = mask_of("walls", SHAPES[dims])[:, None].float()
    values = [
        made(loss, sigmoid=True, include_background=included)(logits_of(target), target) for included in (True, False)
    ]
    assert torch.equal(*values)
    assert float(values[0]) != 0


@every_class_loss
def test_several_channels_have_a_background(loss: type[nn.Module]) -> None:
    if "include_background" not in inspect.signature(loss).parameters:
        return
    target = one_hot(index_label())
    logits = logits_of(target)
    whole, fewer = (made(loss, sigmoid=True, include_background=included)(logits, target) for included in (True, False))
    assert float(whole) != float(fewer)
    alone = made(loss, sigmoid=True, include_background=True)(logits[:, 1:], target[:, 1:])
    torch.testing.assert_close(fewer, alone)


@every_class_loss
def test_an_index_label_is_its_one_hot(loss: type[nn.Module]) -> None:
    label = index_label()
    logits = logits_of(one_hot(label))
    indexed = made(loss, softmax=True, to_onehot_y=True)(logits, label)
    torch.testing.assert_close(indexed, made(loss, softmax=True)(logits, one_hot(label)))


@every_class_loss
@pytest.mark.parametrize("indexed", [True, False], ids=["indices", "one-hot"])
def test_what_a_mask_leaves_out(loss: type[nn.Module], indexed: bool) -> None:
    """Voxels that do not count may hold anything and get no gradient; with a mask of ones nothing changes."""
    if not takes(loss, "mask"):
        assert loss is losses.BALoss
        return
    label = index_label() if indexed else one_hot(index_label())
    every = torch.ones(2, 1, 12, 14)
    some = every.clone()
    some[:, :, :, 8:] = 0
    logits = logits_of(one_hot(index_label())).requires_grad_()
    module = made(loss, softmax=True, to_onehot_y=indexed)
    torch.testing.assert_close(module(logits, label, mask=every), module(logits, label))
    values = []
    for other in (0, 255, -1):
        value = module(logits, torch.where(some > 0, label, other), mask=some)
        (gradient,) = torch.autograd.grad(value, logits)
        assert float(gradient[..., 8:].abs().max()) == 0
        assert float(gradient.abs().max()) > 0
        values.append(float(value.detach()))
    assert len(set(values)) == 1
    assert float(module(logits, label, mask=0 * every).detach()) == pytest.approx(0, abs=1e-6)


@every_loss
def test_a_printed_loss_shows_its_arguments(loss: type[nn.Module]) -> None:
    module = made(loss, sigmoid=True, reduction="sum")
    text = repr(module)
    assert text.startswith(loss.__name__)
    for name in inspect.signature(loss).parameters:
        if name != "losses":  # their names and what they are stand below
            assert re.search(rf"\b{name}\b", text), name
    if "sigmoid" in inspect.signature(loss).parameters:
        assert "sigmoid=True" in text


def test_a_printed_loss_can_be_made_again() -> None:
    options = {"clip": 3.0, "softmax": True, "spacing": (1.0, 2.0), "section_axis": 0}
    text = repr(losses.SignedDistanceLoss(**options))
    assert repr(eval(text, vars(losses))) == text
    assert "clip=3.0" in text
    assert "other_act=tanh" in repr(losses.SobelEdgeLoss(other_act=torch.tanh))


def wrong_calls(loss: type[nn.Module]) -> dict[str, Any]:
    """Calls of a loss of softmax and indices that it has to refuse."""
    label, logits = index_label(), logits_of(one_hot(index_label()))
    nan = logits.clone()
    nan[0, 0, 0, 0] = float("nan")
    ignored, half = label.clone(), label.clone()
    ignored[..., 0], half[..., 0] = 255, 0.5
    module, hot = made(loss, softmax=True, to_onehot_y=True), made(loss, softmax=True)
    masked = takes(loss, "mask")
    return {
        "an ignored value": lambda: module(logits, ignored),
        "a half": lambda: module(logits, half),
        "an ignored value, one-hot": lambda: hot(logits, 255 * one_hot(label)),
        "another size": lambda: module(logits, label[..., 1:]),
        "another batch": lambda: hot(logits, one_hot(label)[:1]),
        "channels in place of indices": lambda: module(logits, one_hot(label)),
        "indices in place of channels": lambda: hot(logits, label),
        "one dimension": lambda: hot(logits[:, :, 0], one_hot(label)[:, :, 0]),
        "softmax of one channel": lambda: hot(logits[:, :1], label),
        "indices of one channel": lambda: module(logits[:, :1], label),
        "a mask of another size": (lambda: module(logits, label, mask=label[..., 1:])) if masked else None,
        "several activations": lambda: made(loss, softmax=True, sigmoid=True),
    }


# what an error may name first; the rest of its text is advice
CALLS = [(loss, call) for loss, call in itertools.product(OF_CLASSES, wrong_calls(losses.SobelEdgeLoss))]


@pytest.mark.parametrize(("loss", "call"), CALLS, ids=lambda value: getattr(value, "__name__", value))
def test_errors_name_what_the_caller_passed(loss: type[nn.Module], call: str) -> None:
    """Every name in backticks is an argument of this loss, of its constructor or its call."""
    wrong = wrong_calls(loss)[call]
    if wrong is None or (call == "several activations" and "softmax" not in inspect.signature(loss).parameters):
        return
    if call == "softmax of one channel" and "softmax" not in inspect.signature(loss).parameters:
        return
    with pytest.raises((ValueError, TypeError)) as error:
        wrong()
    mine = {*inspect.signature(loss).parameters, *inspect.signature(loss.forward).parameters}
    named = re.findall(r"`(\w+)", str(error.value))
    assert named, str(error.value)
    assert set(named) <= mine, str(error.value)
