# SPDX-License-Identifier: Apache-2.0
"""The Sobel baseline against SciPy's filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage

from monai_boundary.losses import SobelEdgeLoss
from monai_boundary.losses import sobel_edge as module


@pytest.mark.parametrize("shape", [(9, 8), (5, 6, 7)], ids=["2-D", "3-D"])
def test_against_scipy(shape: tuple[int, ...]) -> None:
    ndim = len(shape)
    probability, target = torch.rand(2, 3, *shape), (torch.rand(2, 3, *shape) > 0.5).float()
    value = SobelEdgeLoss(reduction="none")(probability, target)
    for b, c in np.ndindex(2, 3):
        pair = [x[b, c].numpy() for x in (probability, target)]
        gradients = [[ndimage.sobel(x, a, mode="nearest") / 4 ** (ndim - 1) for a in range(ndim)] for x in pair]
        wanted = np.mean([np.abs(p - g).mean() for p, g in zip(*gradients, strict=True)])
        assert float(value[b, c]) == pytest.approx(wanted, rel=1e-5)


def test_background_and_ignored_voxels() -> None:
    logits = torch.randn(1, 3, 8, 8)
    label = torch.randint(0, 3, (1, 1, 8, 8))
    each = SobelEdgeLoss(softmax=True, to_onehot_y=True, reduction="none")(logits, label)
    without = SobelEdgeLoss(softmax=True, to_onehot_y=True, include_background=False)(logits, label)
    torch.testing.assert_close(without, each[:, 1:].mean())
    mask = torch.zeros(1, 1, 8, 8)
    assert float(SobelEdgeLoss(softmax=True, to_onehot_y=True)(logits, label, mask=mask)) == 0


@pytest.mark.parametrize("shape", [(9, 8), (5, 6, 7)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("block", [1, 90, 10**6])
def test_the_pieces_of_the_work_do_not_show(
    shape: tuple[int, ...], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    probability = torch.rand(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    target, mask = (torch.rand(2, 3, *shape) > 0.5), torch.rand(2, 1, *shape) > 0.05
    value = SobelEdgeLoss(reduction="none")(probability, target, mask=mask)
    seen = torch.from_numpy(np.stack([ndimage.minimum_filter(m[0].numpy(), 3, mode="nearest") for m in mask]))[:, None]
    padded = F.pad(torch.where(mask, probability - target.double(), 0), [1] * 2 * len(shape), mode="replicate")
    wanted = module.edge_sums(padded, seen) / (seen.flatten(2).sum(-1).clamp(min=1) * len(shape))
    torch.testing.assert_close(value, wanted)
    (found,) = torch.autograd.grad(value.square().sum(), probability)
    torch.testing.assert_close(found, torch.autograd.grad(wanted.square().sum(), probability)[0])


def test_the_rim_of_an_ignored_area_is_no_edge() -> None:
    """A prediction that is off by a constant has the right edges, whatever is ignored."""
    label, mask = torch.zeros(1, 1, 12, 12), torch.ones(1, 1, 12, 12)
    mask[..., 3:6, 2:9] = 0
    loss = SobelEdgeLoss()
    assert float(loss(label + 0.25, label, mask=mask)) == 0
    assert float(loss(label + 0.25 * mask, label, mask=mask)) == 0
    assert float(loss(label + 0.25 * mask, label)) > 0


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`target` needs the shape of `input`"):
        SobelEdgeLoss()(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
