# SPDX-License-Identifier: Apache-2.0
"""Several heads: what each gets, and how they add up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.losses import DeepSupervisionLoss, DiceLoss
from torch import Tensor, nn

from monai_boundary.losses import DeepSupervisedLoss, SignedDistanceLoss, resample_target
from monai_boundary.ops import batch_signed_distance


class Recorder(nn.Module):
    """A loss that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def forward(self, input: Tensor, target: Tensor, **targets: Tensor) -> Tensor:
        self.seen.append({"target": target, **targets})
        return input.mean()


def _heads(shape: tuple[int, ...] = (16, 12)) -> list[Tensor]:
    return [torch.randn(2, 1, *(n // 2**level for n in shape)) for level in range(3)]


def _label(shape: tuple[int, ...] = (16, 12)) -> Tensor:
    label = torch.zeros(2, 1, *shape)
    label[:, :, 4:11, 2:9] = 1
    return label


@pytest.mark.parametrize("mode", ["same", "exp", "two"])
def test_equals_monai_where_there_is_only_a_label(mode: str) -> None:
    heads, label = _heads(), _label()
    wanted = DeepSupervisionLoss(DiceLoss(sigmoid=True), weight_mode=mode)(heads, label)
    loss = DeepSupervisedLoss(DiceLoss(sigmoid=True), weight_mode=mode)
    torch.testing.assert_close(loss(heads, label), wanted)
    assert list(loss.terms) == ["head_0", "head_1", "head_2"]


def test_every_head_gets_label_and_map_at_its_resolution() -> None:
    recorder = Recorder()
    label = _label()
    maps = batch_signed_distance(label, (0.5, 2.0)).half()
    mask = torch.ones(2, 1, 16, 12, dtype=torch.int32)
    DeepSupervisedLoss(recorder)(_heads(), label, distance_map=maps, mask=mask, weight_map=None)
    for level, seen in enumerate(recorder.seen):
        assert set(seen) == {"target", "distance_map", "mask"}
        assert all(value.shape[2:] == (16 // 2**level, 12 // 2**level) for value in seen.values())
        assert seen["target"].unique().tolist() == [0, 1]
        assert seen["mask"].dtype == torch.int32


def test_distances_in_mm_need_no_scaling() -> None:
    """The resampled map is near the map that the coarse label has by itself, at its own, doubled spacing."""
    label = torch.zeros(1, 1, 64, 64)
    label[:, :, 16:48, 20:52] = 1
    coarse = resample_target(batch_signed_distance(label, 0.5), (32, 32), "linear")
    own = batch_signed_distance(resample_target(label, (32, 32), "nearest"), 1.0)
    assert float((coarse - own).abs().mean()) < 0.3
    assert float((coarse / 2 - own).abs().mean()) > 2


def test_the_value_is_the_weighted_sum() -> None:
    heads, label = _heads(), _label()
    maps = batch_signed_distance(label)
    loss = SignedDistanceLoss(sigmoid=True)
    wanted = torch.zeros(())
    for head, weight in zip(heads, (1.0, 0.5, 0.1), strict=True):
        small = [resample_target(t, head.shape[2:], m) for t, m in ((label, "nearest"), (maps, "nearest"))]
        wanted = wanted + weight * loss(head, small[0], distance_map=small[1])
    value = DeepSupervisedLoss(loss, weights=(1.0, 0.5, 0.1))(heads, label, distance_map=maps)
    torch.testing.assert_close(value, wanted)


@pytest.mark.parametrize("shape", [(16, 12), (12, 8, 8)], ids=["2-D", "3-D"])
def test_the_boundary_loss_is_least_at_the_perfect_prediction(shape: tuple[int, ...]) -> None:
    """At every head: what raises the prediction inside, or lowers it outside, lowers the loss."""
    label = (torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(1)) < 0.2).float()
    maps = batch_signed_distance(label, (0.5, 2.0, 1.0)[: len(shape)])
    heads = [head.sigmoid().requires_grad_() for head in _heads(shape)]
    value = DeepSupervisedLoss(SignedDistanceLoss())(heads, label, distance_map=maps)
    for head, gradient in zip(heads, torch.autograd.grad(value, heads), strict=True):
        truth = resample_target(label, head.shape[2:], "nearest")
        assert torch.equal(gradient < 0, truth > 0)
        assert bool((gradient != 0).all())


def test_resampling_keeps_places() -> None:
    ramp = torch.arange(8.0).view(1, 1, 8, 1).expand(1, 1, 8, 8)
    assert resample_target(ramp, (2, 8), "linear")[0, 0, :, 0].tolist() == [1.5, 5.5]
    ids = torch.tensor([2**24 + 1], dtype=torch.int64).expand(1, 1, 4, 4)
    assert int(resample_target(ids, (2, 2), "nearest")[0, 0, 0, 0]) == 2**24 + 1


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`weights` needs one for each of 3 heads, got 2"):
        DeepSupervisedLoss(DiceLoss(), weights=[1.0, 0.5])(_heads(), _label())
    with pytest.raises(ValueError, match=r"`resampling` needs a mode for \['seeds'\]"):
        DeepSupervisedLoss(DiceLoss())(_heads(), _label(), seeds=_label())
    with pytest.raises(ValueError, match="needs one of 'nearest', 'linear', got 'cubic'"):
        DeepSupervisedLoss(DiceLoss(), resampling={"distance_map": "cubic"})
    with pytest.raises(ValueError, match="`weight_mode` needs one of"):
        DeepSupervisedLoss(DiceLoss(), weight_mode="half")
