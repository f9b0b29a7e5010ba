# SPDX-License-Identifier: Apache-2.0
"""A boundary term with a share of the gradient, for every layout of labels."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss

from monai_boundary.losses import CompoundLoss, accepted_targets
from tests.workflows.losses.test_spec import ADDED, batch_of, make, prediction, value_of

SHARED = [("organs", name) for name in sorted(ADDED)] + [
    ("membrane", "baloss"),
    ("tumour", "edge_aware"),
    ("vessel", "boundary"),
]


@pytest.mark.parametrize(("task", "name"), SHARED)
def test_the_gradient_of_a_boundary_term_has_its_share(task: str, name: str) -> None:
    """Its norm with respect to the logits, computed again from the term alone, is that share of the region's."""
    if name == "persistent_homology":
        pytest.importorskip("gudhi")
    batch = batch_of(task)
    spec = make(task, name, balance="share", weight=0.25)
    outputs = prediction(task, batch)
    logits = outputs[0] if isinstance(outputs, tuple) else outputs
    value_of(spec, outputs, batch)
    loss = spec.loss if isinstance(spec.loss, CompoundLoss) else spec.loss.region_loss
    gradients = {}
    targets = {word: batch[key] for word, key in spec.targets.items()}
    for term, part in loss._modules_by_name.items():
        mine = {word: value for word, value in targets.items() if word in (accepted_targets(part) or ())}
        (gradients[term],) = torch.autograd.grad(part(logits, batch["label"], **mine), logits)
    region, boundary = gradients.values()
    share = float(loss.weights["boundary"] * boundary.norm() / region.norm())
    assert share == pytest.approx(0.25, rel=1e-4)
    assert float(loss.terms["share_boundary"]) == pytest.approx(share, rel=1e-4)
    cosine = torch.nn.functional.cosine_similarity(region.flatten(), boundary.flatten(), dim=0)
    assert float(loss.terms["cosine_boundary"]) == pytest.approx(float(cosine), abs=1e-4)


def test_shares_follow_the_schedule_and_are_only_measured_where_that_is_asked() -> None:
    batch = batch_of("lesion")
    spec = make("lesion", "boundary", balance="share", schedule="increase", step=0.5, warmup_epochs=1)
    assert spec.weight == 0.1
    spec.set_step(0)
    value_of(spec, prediction("lesion", batch), batch)
    assert "boundary" not in spec.loss.terms
    for epoch, share in ((1, 0.1), (2, 0.6)):
        spec.set_step(epoch)
        value_of(spec, prediction("lesion", batch), batch)
        if epoch == 1:
            assert float(spec.loss.terms["share_boundary"]) == pytest.approx(share)
            first = spec.loss.weights["boundary"]
    assert spec.loss.weights["boundary"] == pytest.approx(6 * first)
    measured = make("lesion", "boundary", balance="measure")
    value_of(measured, prediction("lesion", batch), batch)
    assert measured.loss.weights["boundary"] == measured.weight == 0.01
    assert float(measured.loss.terms["share_boundary"]) == pytest.approx(0.01 * 0.1 / first, rel=1e-5)
    plain = make("lesion", "boundary")
    value_of(plain, prediction("lesion", batch), batch)
    assert "share_boundary" not in plain.loss.terms


def test_a_balance_without_anything_to_balance() -> None:
    with pytest.raises(ValueError, match="`balance` needs a loss with a boundary term, got 'share' for 'dice'"):
        make("membrane", "dice", balance="share")
    with pytest.raises(ValueError, match="`balance` needs a loss by name, got 'measure': give your CompoundLoss"):
        make("membrane", DiceLoss(sigmoid=True), balance="measure")
    with pytest.raises(ValueError, match="`balance` needs one of 'weight', 'measure', 'share', got 'gradient'"):
        make("membrane", "sobel", balance="gradient")
