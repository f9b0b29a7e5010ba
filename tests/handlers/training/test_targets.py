# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import pickle

import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.handlers.training.targets import LossWithTargets
from tests.handlers.engines import WeightedLoss, items, make_trainer

TARGETS = {"weight": "label_weight"}


def batch() -> dict[str, torch.Tensor]:
    return {key: torch.stack([item[key] for item in items(3)]) for key in items(1)[0]}


def test_the_loss_gets_the_targets_of_its_batch() -> None:
    loss = WeightedLoss()
    with_targets = LossWithTargets(loss, TARGETS)
    image, label = with_targets.prepare_batch(batch())
    torch.testing.assert_close(label, batch()["label"])
    value = with_targets(image, label)
    torch.testing.assert_close(loss.seen[0]["weight"], batch()["label_weight"])
    # mean over items of (i + 1) (i - 2 i)^2 = (0 + 2 + 12) / 3, three times with alpha = 1
    assert value.item() == pytest.approx(14.0)


def test_targets_serve_one_call_only() -> None:
    loss = WeightedLoss()
    with_targets = LossWithTargets(loss, TARGETS)
    image, label = with_targets.prepare_batch(batch())
    with_targets(image, label)
    with_targets(image, label)
    assert loss.seen[1] == {}, "the second call must not see the first batch's targets"


def test_in_a_trainer_the_output_keeps_the_plain_label() -> None:
    loss, outputs = WeightedLoss(), []
    with_targets = LossWithTargets(loss, TARGETS)
    trainer = make_trainer(with_targets, [], epochs=1, prepare_batch=with_targets.prepare_batch)
    from ignite.engine import Events

    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: outputs.extend(engine.state.output))
    trainer.run()
    assert len(loss.seen) == 3
    for seen in loss.seen:
        assert seen["weight"].dtype == torch.int32
    assert [set(output) for output in outputs] == [{"image", "label", "pred", "loss"}] * 6
    labels = torch.stack([torch.as_tensor(output["label"]) for output in outputs])
    weights = torch.cat([torch.as_tensor(seen["weight"]) for seen in loss.seen])
    torch.testing.assert_close(labels, 2.0 * (weights - 1)), "targets and labels belong to the same items"


def test_a_missing_target_is_named_with_what_the_batch_has() -> None:
    with_targets = LossWithTargets(WeightedLoss(), {"seeds": "seeds_label", "weight": "label_weight"})
    with pytest.raises(
        ValueError, match=r"'seeds_label', 'label_weight' in the batch, missing: 'seeds_label'.*'image'"
    ):
        with_targets.prepare_batch(batch())


def test_a_batch_without_names_is_refused() -> None:
    with pytest.raises(TypeError, match="`batchdata` needs a dictionary with 'label_weight', got tuple"):
        LossWithTargets(WeightedLoss(), TARGETS).prepare_batch((torch.zeros(1), torch.zeros(1)))


def test_a_loss_is_callable() -> None:
    with pytest.raises(TypeError, match="`loss` needs a callable, got int"):
        LossWithTargets(3, {})  # type: ignore[arg-type]


def test_dtype_is_for_images() -> None:
    loss = WeightedLoss()
    with_targets = LossWithTargets(loss, {"weight": "label_weight", "map": "label"})
    image, label = with_targets.prepare_batch(batch(), torch.device("cpu"), False, dtype=torch.float64)
    assert (image.dtype, label.dtype) == (torch.float64, torch.float64)
    with_targets(image, label)
    assert loss.seen[0]["weight"].dtype == torch.int32
    assert loss.seen[0]["map"].dtype == torch.float64


def test_autocast_reaches_the_loss() -> None:
    loss = WeightedLoss()
    with_targets = LossWithTargets(loss, TARGETS)
    network = torch.nn.Conv2d(1, 1, 1)
    image, label = with_targets.prepare_batch(batch())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = with_targets(network(image), label)
    value.backward()
    assert network.weight.grad is not None
    assert loss.seen[0]["weight"].dtype == torch.int32


def test_meta_tensors_and_other_values_pass_through() -> None:
    data = {**batch(), "name": ["a", "b", "c"]}
    data["label_weight"] = MetaTensor(data["label_weight"])
    loss = WeightedLoss()
    with_targets = LossWithTargets(loss, {**TARGETS, "name": "name"})
    with_targets(*with_targets.prepare_batch(data))
    assert loss.seen[0]["name"] == ["a", "b", "c"]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_copies_hold_the_loss_and_no_batch(clone) -> None:  # type: ignore[no-untyped-def]
    with_targets = LossWithTargets(torch.nn.MSELoss(), TARGETS)
    with_targets.prepare_batch(batch())
    again = clone(with_targets)
    assert again.targets == TARGETS
    assert again(torch.ones(2), torch.zeros(2)).item() == 1.0


def test_the_state_of_the_loss_is_untouched() -> None:
    class Learned(WeightedLoss):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

    loss = Learned()
    with_targets = LossWithTargets(loss, TARGETS)
    with_targets.prepare_batch(batch())
    assert list(loss.state_dict()) == ["scale"]
