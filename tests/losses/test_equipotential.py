# SPDX-License-Identifier: Apache-2.0
"""Equipotential losses: recorded values, ready fields, ignored voxels, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.losses import CompoundLoss, EquipotentialLineLoss, EquipotentialLoss, EquipotentialPointLoss
from monai_boundary.ops import PotentialTerm, Rays, anisotropic_potential
from monai_boundary.transforms import PotentialField, PotentialFieldd

RECORDED = np.load(Path(__file__).parents[1] / "data" / "golden" / "epl_A7_mu10.npz")
LOSSES = (EquipotentialPointLoss, EquipotentialLineLoss, EquipotentialLoss)


def _scene(classes: int = 3, shape: tuple[int, ...] = (20, 18)) -> tuple[torch.Tensor, torch.Tensor]:
    label = torch.zeros(2, 1, *shape)
    label[0, :, 3:9, 4:12] = 1
    label[1, :, 10:17, 5:9] = classes - 1
    return torch.randn(2, classes, *shape), label


def test_the_recorded_losses_and_gradients() -> None:
    logits = torch.from_numpy(RECORDED["logits"]).requires_grad_()
    truth = torch.from_numpy(RECORDED["onehot"])
    point = EquipotentialPointLoss(softmax=True)
    line = EquipotentialLineLoss(softmax=True, padding="zero", pooled=True)
    for loss, name in ((point, "point"), (line, "line")):
        value = loss(logits, truth)
        assert value.item() == pytest.approx(float(RECORDED[name]), rel=1e-6)
        (gradient,) = torch.autograd.grad(value, logits)
        scale = np.abs(RECORDED[f"grad_{name}"]).max()
        np.testing.assert_allclose(gradient, RECORDED[f"grad_{name}"], rtol=1e-5, atol=2e-6 * scale)
    both = EquipotentialLoss(softmax=True, point_weight=0.02, line_padding="zero", pooled=True)
    assert both(logits, truth).item() == pytest.approx(float(RECORDED["total"]), rel=1e-6)


def test_the_released_line_loss_of_a_perfect_prediction_is_below_0_and_ours_is_0() -> None:
    truth = torch.from_numpy(RECORDED["onehot"])
    assert float(EquipotentialLineLoss(padding="zero", pooled=True)(truth, truth)) == pytest.approx(-0.013, abs=5e-4)
    for loss in LOSSES:
        for splitter in "ABC":
            assert float(loss(splitter=splitter)(truth, truth)) == 0


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("background", [True, False])
def test_ready_fields_give_the_same(loss: type, background: bool) -> None:
    logits, label = _scene()
    options = {"w": 5, "splitter": "C", "padding": "zero"}
    made = [PotentialFieldd("label", num_classes=3, **options)({"label": item}) for item in label]
    potential = torch.stack([item["potential_label"] for item in made])
    assert potential.dtype == torch.uint8
    assert potential.shape == (2, 24, 20, 18)
    softmax = loss(to_onehot_y=True, softmax=True, include_background=background, **options)
    wanted = softmax(logits, label)
    assert float(softmax(logits, label, potential=potential)) == float(wanted)
    assert float(softmax(logits, label, potential=MetaTensor(potential.float()))) == float(wanted)
    if not background:
        without = potential.view(2, 8, 3, 20, 18)[:, :, 1:].flatten(1, 2)
        assert float(softmax(logits, label, potential=without)) == float(wanted)


def test_whole_image_fields_serve_a_crop() -> None:
    logits, label = _scene()
    potential = PotentialFieldd("label", num_classes=3)({"label": label[0]})["potential_label"][None]
    crop = (slice(0, 1), slice(None), slice(4, 16), slice(2, 16))
    value = EquipotentialPointLoss(to_onehot_y=True, softmax=True)(logits[crop], label[crop], potential=potential[crop])
    assert torch.isfinite(value)


@pytest.mark.parametrize("shape", [(20, 18), (7, 8, 9)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("splitter", ["A", "C"])
def test_fields_of_the_other_padding_are_refused(shape: tuple[int, ...], splitter: str) -> None:
    label = (torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0)) > 0.4).float()
    for mine, other in (("replicate", "zero"), ("zero", "replicate")):
        loss = EquipotentialLoss(w=5, splitter=splitter, padding=mine)
        made = {p: PotentialField(w=5, splitter=splitter, padding=p)(label[0])[None] for p in (mine, other)}
        assert float(loss(label, label, potential=made[mine])) == 0
        with pytest.raises(ValueError, match=f"`potential` needs fields .* padding='{mine}', got '{other}'"):
            loss(label, label, potential=made[other])


def test_fields_of_another_label_are_refused() -> None:
    logits, label = _scene()
    loss = EquipotentialLoss(to_onehot_y=True, softmax=True)
    potential = torch.stack([PotentialFieldd("l", num_classes=3)({"l": item})["potential_l"] for item in label])
    flipped = [t.flip(-1) for t in (logits, label, potential)]
    with pytest.raises(ValueError, match=r"`potential` needs the fields of this target for w=7.*after the random"):
        loss(*flipped[:2], potential=flipped[2])
    narrow = torch.stack([PotentialFieldd("l", num_classes=3, w=5)({"l": item})["potential_l"] for item in label])
    with pytest.raises(ValueError, match="`potential` needs the fields of this target"):
        loss(logits, label, potential=narrow)
    with pytest.raises(ValueError, match=r"`potential` needs 4 directions times 3 classes .* got \(2, 8, 20, 18\)"):
        loss(logits, label, potential=potential[:, :8])


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_voxels(loss: type) -> None:
    logits, label = _scene()
    mask = torch.ones(2, 1, 20, 18)
    mask[:, :, 5:8, 3:6] = 0
    void = torch.where(mask > 0, label, 255)
    module = loss(to_onehot_y=True, softmax=True)
    logits.requires_grad_()
    value = module(logits, void, mask=mask)
    (gradient,) = torch.autograd.grad(value, logits)
    assert gradient[:, :, 5:8, 3:6].abs().sum() == 0
    assert gradient.abs().sum() > 0
    assert value.item() == float(module(logits.detach(), torch.where(mask > 0, label, 1), mask=mask))
    made = PotentialFieldd("l", num_classes=3, ignore_index=255)
    potential = torch.stack([made({"l": item})["potential_l"] for item in void])
    logits = logits.detach()
    assert float(module(logits, void, mask=mask, potential=potential)) == value.item()
    assert float(module(logits, label, mask=torch.ones_like(mask))) == pytest.approx(float(module(logits, label)))


def test_the_rim_of_an_ignored_area_is_no_line() -> None:
    """A class that fills all that is known has no line, whatever is predicted."""
    label, mask = torch.ones(1, 1, 16, 18), torch.ones(1, 1, 16, 18)
    mask[..., 5:9, 6:12] = 0
    logits = torch.randn(1, 1, 16, 18, generator=torch.Generator().manual_seed(0))
    void = torch.where(mask > 0, label, 0)
    loss = EquipotentialLineLoss(sigmoid=True, w=5)
    assert float(loss(logits, void, mask=mask)) == float(loss(logits, label, mask=mask))
    assert float(loss(20 * label, void, mask=mask)) == 0  # all that is known is of the class
    assert float(loss(20 * label, void)) > 0  # that the voxels are background would be another thing


def test_an_absent_class_has_no_line_and_still_an_opinion() -> None:
    logits, label = _scene()
    line = EquipotentialLineLoss(to_onehot_y=True, softmax=True, reduction="none", w=5)(logits, label)
    assert line.shape == (2, 3)
    energy = anisotropic_potential(logits.softmax(1), 5)
    passed = [float(energy[item, :, c].mean()) * 2 / 3 for item, c in ((0, 2), (1, 1))]  # the classes that are absent
    assert [float(line[0, 2]), float(line[1, 1])] == pytest.approx(passed, rel=1e-5)
    point = EquipotentialPointLoss(to_onehot_y=True, softmax=True, reduction="none")(logits, label)
    assert (point > 0).all()


def test_labels_that_overlap_are_classes_of_their_own() -> None:
    nested = torch.zeros(1, 2, 16, 16)
    nested[:, 0, 3:13, 3:13] = 1
    nested[:, 1, 6:10, 6:10] = 1
    logits = torch.randn(1, 2, 16, 16)
    each = EquipotentialLoss(sigmoid=True, reduction="none")(logits, nested)
    alone = [EquipotentialLoss(sigmoid=True)(logits[:, c : c + 1], nested[:, c : c + 1]) for c in range(2)]
    torch.testing.assert_close(each[0], torch.stack(alone))


def test_terms_and_a_regional_loss_beside() -> None:
    logits, label = _scene(2)
    hot = torch.cat([1 - label, label], 1)
    loss = CompoundLoss({"ce": torch.nn.CrossEntropyLoss(), "epl": EquipotentialLoss(softmax=True)})
    potential = torch.stack([PotentialFieldd("l")({"l": item})["potential_l"] for item in hot])
    value = loss(logits, hot, potential=potential)
    parts = loss.terms
    torch.testing.assert_close(parts["epl"], 0.1 * parts["epl.point"] + 0.2 * parts["epl.line"])
    torch.testing.assert_close(value, parts["ce"] + parts["epl"])


def test_both_losses_move_a_border_into_place() -> None:
    """The line loss alone pulls a border that is two voxels off; the point loss does too."""
    label = torch.zeros(1, 1, 24, 24)
    label[..., 8:16, 8:16] = 1
    for loss in (EquipotentialPointLoss(sigmoid=True), EquipotentialLineLoss(sigmoid=True, mu=2)):
        logits = (4 * label.roll((1, 1), (-1, -2)) - 2).requires_grad_()
        optimizer = torch.optim.Adam([logits], 0.25)
        before = loss(logits, label).item()
        for _ in range(60):
            optimizer.zero_grad()
            loss(logits, label).backward()
            optimizer.step()
        wrong = (logits > 0) != (label > 0)
        assert loss(logits, label).item() < 0.5 * before
        assert int(wrong.sum()) < 10, loss


def test_bad_input() -> None:
    logits, label = _scene()
    with pytest.raises(ValueError, match="`w` needs an odd whole number of voxels from 3 to 509, got 8"):
        EquipotentialPointLoss(w=8)
    with pytest.raises(ValueError, match=r"`w` needs at most the smallest side of the image \(20, 18\), 18, got 19"):
        EquipotentialLoss(w=19, softmax=True, to_onehot_y=True)(logits, label)
    for mu in (3, 0, -2, 2.0, True):
        with pytest.raises(ValueError, match="`mu` needs an even whole number from 2 on, got"):
            EquipotentialLineLoss(mu=mu)
    with pytest.raises(ValueError, match="`to_onehot_y` needs a prediction of at least 2 channels, got 1"):
        EquipotentialLoss(to_onehot_y=True, sigmoid=True)(logits[:, :1], label)
    with pytest.raises(ValueError, match="`softmax` needs at least 2 channels, got 1"):
        EquipotentialLoss(softmax=True)(logits[:, :1], label.clamp(max=1))
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0\.\.2, got 3"):
        EquipotentialLoss(to_onehot_y=True, softmax=True)(logits, label + 1)
    with pytest.raises(ValueError, match="`target` needs the shape of `input`"):
        EquipotentialLoss(softmax=True)(logits, label)
    with pytest.raises(ValueError, match="`mask` needs the shape"):
        EquipotentialLoss(to_onehot_y=True, softmax=True)(logits, label, mask=label[:1])
    with pytest.raises(ValueError, match='`reduction` needs "mean" where `pooled`'):
        EquipotentialLineLoss(pooled=True, reduction="sum")
    with pytest.raises(ValueError, match="`norm` needs one of 1, 2, got 3"):
        EquipotentialPointLoss(norm=3)
    with pytest.raises(ValueError, match="`weight` needs a finite number >= 0, got -1"):
        EquipotentialLoss(line_weight=-1)
    with pytest.warns(UserWarning, match=r"`input` needs probabilities in \[0, 1\]"):
        EquipotentialLoss(to_onehot_y=True)(logits, label)


def test_nan_shows() -> None:
    logits, label = _scene()
    logits[0, 0, 0, 0] = torch.nan
    for loss in LOSSES:
        assert torch.isnan(loss(to_onehot_y=True, softmax=True)(logits, label))


def test_terms_can_be_named_one_by_one() -> None:
    from monai_boundary.losses import equipotential_terms

    logits, label = _scene(2)
    hot = torch.cat([1 - label, label], 1)
    wide = [PotentialTerm("point", Rays(w)) for w in (3, 9)]
    _, each = equipotential_terms(logits, hot, wide, softmax=True)
    for value, w in zip(each, (3, 9), strict=True):
        torch.testing.assert_close(value.mean(), EquipotentialPointLoss(softmax=True, w=w)(logits, hot))
