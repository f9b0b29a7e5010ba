# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss, GeneralizedDiceLoss, TverskyLoss
from torch import Tensor, nn

from monai_boundary.losses import MaskedOverlapLoss


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Logits, class indices and a mask that leaves out the last 3 of 8 columns."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 2, 6, 8, generator=generator)
    label = torch.randint(0, 2, (2, 1, 6, 8), generator=generator)
    mask = torch.ones(2, 1, 6, 8)
    mask[..., 5:] = 0
    return logits, label, mask


@pytest.mark.parametrize("loss", [DiceLoss(), GeneralizedDiceLoss(), TverskyLoss(alpha=0.3, beta=0.7)])
def test_masked_voxels_are_as_if_cut_away(loss: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, label, mask = batch
    masked = MaskedOverlapLoss(loss, softmax=True, to_onehot_y=True)
    expected = masked(logits[..., :5], label[..., :5])
    torch.testing.assert_close(masked(logits, label, mask=mask), expected)
    assert abs(float(masked(logits, label)) - float(expected)) > 1e-3, "the mask makes a difference"


@pytest.mark.parametrize("loss", [DiceLoss, GeneralizedDiceLoss])
def test_without_a_mask_it_is_the_loss_of_monai(loss: type[nn.Module], batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, label, _ = batch
    expected = loss(softmax=True, to_onehot_y=True)(logits, label)
    torch.testing.assert_close(MaskedOverlapLoss(loss(), softmax=True, to_onehot_y=True)(logits, label), expected)


def test_no_gradient_and_any_label_where_nothing_counts(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, label, mask = batch
    label = torch.where(mask > 0, label, 255)
    logits.requires_grad_()
    MaskedOverlapLoss(GeneralizedDiceLoss(), softmax=True, to_onehot_y=True)(logits, label, mask=mask).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 5:] == 0).all()
    assert (logits.grad[..., :5] != 0).any()


def test_bad_input(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, label, mask = batch
    loss = MaskedOverlapLoss(DiceLoss(), softmax=True, to_onehot_y=True)
    with pytest.raises(ValueError, match=r"`mask` needs the shape of `input, with one channel`, \(2, 1, 6, 8\)"):
        loss(logits, label, mask=mask[..., :4])
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0\.\.1"):
        loss(logits, label + 1)
    with pytest.raises(ValueError, match=r"`target` needs the shape of `input`, \(2, 2, 6, 8\), got \(2, 1, 6, 8\)"):
        MaskedOverlapLoss(DiceLoss(), softmax=True)(logits, label)
    with pytest.raises(ValueError, match="`loss` needs probabilities and one-hot truth, got one with softmax"):
        MaskedOverlapLoss(DiceLoss(softmax=True))
    with pytest.raises(TypeError, match="`loss` needs a callable, got str"):
        MaskedOverlapLoss("dice")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most one of `sigmoid`, `softmax`"):
        MaskedOverlapLoss(DiceLoss(), sigmoid=True, softmax=True)
