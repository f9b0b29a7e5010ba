# SPDX-License-Identifier: Apache-2.0
"""The boundary loss: by hand, against MONAI's class, with ready maps, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from monai.losses import BoundaryLoss
from monai.networks.utils import one_hot

from monai_boundary.losses import SignedDistanceLoss, signed_distance_loss
from monai_boundary.transforms import SignedDistanceMapd
from tests.oracles.signed_distance import face_distance, signed_distance

SHAPES = ((2, 3, 14, 12), (2, 3, 7, 9, 8))


def _case(shape: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and indices of classes that lie in blocks."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator)
    small = torch.randint(0, shape[1], (shape[0], 1, *(-(-n // 3) for n in shape[2:])), generator=generator).float()
    label = torch.nn.functional.interpolate(small, scale_factor=3.0, mode="nearest")
    return logits, label[(..., *(slice(n) for n in shape[2:]))].long()


def test_by_hand() -> None:
    label = torch.tensor([[[[0.0, 0, 1, 1, 1, 1, 1, 0]]]])
    phi = np.array([1.5, 0.5, -0.5, -1.5, -2.5, -1.5, -0.5, 0.5])
    probability = torch.linspace(0, 1, 8).view(1, 1, 1, 8)
    value = SignedDistanceLoss()(probability, label)
    assert float(value) == pytest.approx((probability.numpy().ravel() * phi).mean(), rel=1e-6)
    assert float(SignedDistanceLoss(spacing=(1.0, 0.5))(probability, label)) == pytest.approx(float(value) / 2)


@pytest.mark.parametrize("shape", SHAPES, ids=["2-D", "3-D"])
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_equals_monai_on_whole_isotropic_images(
    shape: tuple[int, ...], background: bool, activation: str, reduction: str
) -> None:
    logits, label = _case(shape)
    options: dict[str, Any] = {
        "include_background": background,
        "to_onehot_y": True,
        activation: True,
        "reduction": reduction,
    }
    label[1] = label[1].clamp(max=1)  # the last class is absent there
    ours = SignedDistanceLoss(**options, convention="released", empty_distance=0.0)(logits, label)
    torch.testing.assert_close(ours, BoundaryLoss(**options)(logits, label))


@pytest.mark.parametrize("convention", ["faces", "border"])
@pytest.mark.parametrize("shape", SHAPES, ids=["2-D", "3-D"])
def test_equals_the_oracle(shape: tuple[int, ...], convention: str) -> None:
    logits, label = _case(shape)
    spacing = (0.5, 1.0, 2.0)[: len(shape) - 2]
    loss = SignedDistanceLoss(softmax=True, to_onehot_y=True, spacing=spacing, reduction="none", convention=convention)
    each = loss(logits, label)
    oracle = face_distance if convention == "faces" else signed_distance
    probability = torch.softmax(logits, 1).numpy()
    for item, channel in np.ndindex(2, 2):
        phi = oracle(label[item, 0].numpy() == channel + 1, spacing)
        assert float(each[item, channel]) == pytest.approx((probability[item, channel + 1] * phi).mean(), rel=1e-4)


@pytest.mark.parametrize("channels", [2, 3], ids=["without background", "with background"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_a_ready_map_gives_the_value_of_a_derived_one(channels: int, dtype: torch.dtype) -> None:
    logits, label = _case(SHAPES[1])
    loss = SignedDistanceLoss(softmax=True, to_onehot_y=True, spacing=(1.0, 0.7, 3.0))
    maker = SignedDistanceMapd("label", num_classes=3, spacing=(1.0, 0.7, 3.0))
    maps = torch.stack([maker({"label": item})["sdm_label"] for item in label])[:, 3 - channels :].to(dtype)
    wanted = loss(logits, label)
    ready = loss(logits, label, distance_map=maps)
    torch.testing.assert_close(ready, wanted, rtol=1e-6 if dtype == torch.float32 else 1e-3, atol=1e-5)
    hot = one_hot(label, 3)
    torch.testing.assert_close(SignedDistanceLoss(softmax=True)(logits, hot, distance_map=maps), ready)


def test_the_gradient_is_the_map() -> None:
    maps = torch.randn(1, 1, 5, 6)
    probability = torch.rand(1, 1, 5, 6, requires_grad=True)
    SignedDistanceLoss()(probability, torch.zeros(1, 1, 5, 6), distance_map=maps).backward()
    torch.testing.assert_close(probability.grad, maps / 30)


def test_the_spacing_of_a_collated_batch_is_found() -> None:
    """Two items of different spacing, as MONAI's loader hands them over."""
    logits, label = _case((2, 1, 8, 9))
    spacings = [(0.5, 2.0), (1.0, 3.0)]
    label = torch.zeros(2, 1, 8, 9)
    label[..., 2:7, 3:8] = 1
    items = [
        {"label": MetaTensor(one, affine=torch.diag(torch.tensor([*s, 1.0]))), "image": one}
        for one, s in zip(label, spacings, strict=True)
    ]
    batch = list_data_collate(items)["label"]
    each = SignedDistanceLoss(sigmoid=True, reduction="none")(logits, batch)
    for number, spacing in enumerate(spacings):
        alone = SignedDistanceLoss(sigmoid=True, spacing=spacing)(logits[number : number + 1], label[:1])
        torch.testing.assert_close(each[number, 0], alone)


def test_slices_of_a_volume_use_its_map() -> None:
    logits, label = _case((1, 1, 6, 9, 8))
    label = (label > -1).float()
    label[:, :, 3:] = 0
    label[..., 6:] = 0
    volume = SignedDistanceMapd("label")({"label": label[0]})["sdm_label"]
    slices = label[0].moveaxis(1, 0), logits[0].moveaxis(1, 0), volume.moveaxis(1, 0)
    loss = SignedDistanceLoss(sigmoid=True)
    in_slices = loss(slices[1], slices[0], distance_map=slices[2])
    torch.testing.assert_close(in_slices, loss(logits, label))
    assert float((in_slices - loss(slices[1], slices[0])).abs()) > 0.1  # 2-D maps of the slices are others
    per_slice = SignedDistanceLoss(sigmoid=True, section_axis=0)(logits, label)
    torch.testing.assert_close(per_slice, loss(slices[1], slices[0]))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_sections_without_border_are_judged_by_a_ready_map_too(axis: int) -> None:
    """Item 0 has one object in two sections of each axis, item 1 none: by hand, section by section."""
    label = torch.zeros(2, 1, 4, 4, 4)
    label[0, :, 1:3, 1:3, 1:3] = 1
    maps = torch.stack([SignedDistanceMapd("label", section_axis=axis)({"label": one})["sdm_label"] for one in label])
    inside, here = label.movedim(axis % 3 + 2, 0), maps.movedim(axis % 3 + 2, 0)
    empty = ~inside.flatten(2).any(-1).view(4, 2, 1, 1, 1)  # each section of each item
    assert empty.flatten(1).sum(0).tolist() == [2, 4]
    assert not here[empty.expand_as(here)].any()
    probability = torch.rand(2, 1, 4, 4, 4)
    wanted = (probability.movedim(axis % 3 + 2, 0) * torch.where(empty, 3.0, here)).mean(dim=(0, 2, 3, 4))
    loss = SignedDistanceLoss(section_axis=axis, empty_distance=3.0, reduction="none")
    torch.testing.assert_close(loss(probability, label, distance_map=maps)[:, 0], wanted)
    torch.testing.assert_close(loss(probability, label)[:, 0], wanted)
    image = SignedDistanceLoss(section_axis=axis)  # a slice of the volume, with its part of the map
    torch.testing.assert_close(
        image(probability[..., 1], label[..., 1], distance_map=maps[..., 1]),
        SignedDistanceLoss()(probability[..., 1], label[..., 1], distance_map=maps[..., 1]),
    )


def test_ignored_voxels_do_not_count() -> None:
    logits, label = _case(SHAPES[0])
    mask = torch.ones_like(label)
    mask[..., 9:] = 0
    loss = SignedDistanceLoss(softmax=True, to_onehot_y=True)
    value = loss(logits, torch.where(mask > 0, label, 255), mask=mask)
    changed = torch.where(mask > 0, logits, 7.0 * torch.arange(3.0).view(1, 3, 1, 1))
    torch.testing.assert_close(loss(changed, torch.where(mask > 0, label, 1), mask=mask), value)
    maker = SignedDistanceMapd("label", num_classes=3, ignore_index=255)
    hidden = torch.where(mask > 0, label, 255)
    maps = torch.stack([maker({"label": item})["sdm_label"] for item in hidden])
    torch.testing.assert_close(loss(logits, hidden.clamp(max=2), mask=mask, distance_map=maps), value)
    weight = mask.float() / mask.float().mean()
    wanted = (torch.softmax(logits, 1)[:, 1:] * maps[:, 1:] * weight).mean()
    torch.testing.assert_close(value, wanted)
    assert float(loss(logits, hidden, mask=torch.zeros_like(mask))) == 0


def test_a_patch_without_foreground_has_a_gradient() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    empty = torch.zeros(1, 1, 4, 4)
    loss = SignedDistanceLoss(sigmoid=True, empty_distance=0.0)
    assert not torch.autograd.grad(loss(logits, empty), logits)[0].any()
    far = torch.full((1, 1, 4, 4), 30.0)
    assert (torch.autograd.grad(loss(logits, empty, distance_map=far), logits)[0] > 0).all()


@pytest.mark.parametrize("ready", [False, True], ids=["derived", "ready"])
def test_a_class_without_border_by_hand(ready: bool) -> None:
    """Item 0 lacks class 1 and class 2 fills it but for unknown voxels; item 1 has both, and keeps its maps."""
    label = torch.full((2, 1, 2, 6), 2)
    label[1, ..., 3:] = 1
    probability = torch.rand(2, 3, 2, 6)
    maps = torch.zeros(2, 2, 2, 6)
    maps[1, 0] = torch.tensor([2.5, 1.5, 0.5, -0.5, -1.5, -2.5])
    maps[1, 1] = -maps[1, 0]
    given = {"distance_map": maps} if ready else {}
    loss = SignedDistanceLoss(to_onehot_y=True, reduction="none", empty_distance=3.0)
    share = (probability[:, 1:] * maps).mean((2, 3))
    share[0] = probability[0, 1:].mean((1, 2)) * torch.tensor([3.0, -3.0])
    torch.testing.assert_close(loss(probability, label, **given), share)
    hot = one_hot(label, 3)
    kept = SignedDistanceLoss(reduction="none", empty_distance=3.0)(probability, hot, **given)
    torch.testing.assert_close(kept, share)
    before = maps.clone()
    mask = torch.ones(2, 1, 2, 6)
    mask[0, ..., 4:] = 0
    label[0, ..., 4:] = 255  # nobody knows
    share[0] = probability[0, 1:, :, :4].mean((1, 2)) * torch.tensor([3.0, -3.0])
    torch.testing.assert_close(loss(probability, label, mask=mask, **given), share)
    assert torch.equal(maps, before)


def test_the_law_holds_without_a_border_too() -> None:
    """An absent class: nothing predicted is best; one that fills the item: all of it."""
    none, full = torch.zeros(1, 1, 5, 6), torch.ones(1, 1, 5, 6)
    loss = SignedDistanceLoss()
    assert float(loss(none, none)) == 0 < float(loss(full, none)) == 1
    assert float(loss(full, full)) == -1 < float(loss(none, full)) == 0
    patch = torch.full((1, 1, 5, 6), 40.0)  # the border lies outside: the map knows
    assert float(loss(full, none, distance_map=patch)) == 40


@pytest.mark.parametrize("scale", [1.0, 0.99997, 1.00003])
@pytest.mark.parametrize("ready", [False, True], ids=["derived", "ready"])
def test_a_full_class_of_a_scaled_label_is_full(scale: float, ready: bool) -> None:
    """A header's slope makes 0.99997 of 1: the same label, as in every transform and metric."""
    full = torch.full((1, 1, 5, 6), scale)
    given = {"distance_map": torch.zeros(1, 1, 5, 6)} if ready else {}
    assert float(SignedDistanceLoss()(torch.ones(1, 1, 5, 6), full, **given)) == -1
    exclusive = torch.stack([torch.zeros(5, 6), torch.ones(5, 6)])[None]
    assert float(SignedDistanceLoss(to_onehot_y=True)(exclusive, full, **given)) == -1


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 6)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("ready", [False, True], ids=["derived", "ready"])
@pytest.mark.parametrize("background", [True, False])
def test_perfect_is_best_in_every_item_and_class(shape: tuple[int, ...], ready: bool, background: bool) -> None:
    """Strictly less than nothing and than everything, of a class that is absent, present or all there."""
    label = torch.zeros(4, 1, *shape, dtype=torch.long)
    label[0, :, 1:3, 2:5] = 1  # class 2 is absent
    label[1, :, 1:3, 2:5] = 2  # class 1 is absent
    label[2] = 1  # nothing else
    hot = one_hot(label.float(), 3)
    maker = SignedDistanceMapd("label", num_classes=3)
    maps = torch.stack([maker({"label": one})["sdm_label"] for one in label])
    for mask in (None, (torch.arange(shape[-1]) > 0).expand(4, 1, *shape)):
        given = {**({"distance_map": maps} if ready else {}), **({} if mask is None else {"mask": mask})}
        loss = SignedDistanceLoss(include_background=background, to_onehot_y=True, reduction="none")
        best, none, every = (loss(p, label, **given) for p in (hot, torch.zeros_like(hot), torch.ones_like(hot)))
        present = hot.flatten(2).any(-1)[:, 0 if background else 1 :]
        fills = hot.flatten(2).all(-1)[:, 0 if background else 1 :]
        assert ((best < none) == present).all()  # with nothing in the truth, nothing is the perfect prediction
        assert ((best < every) == ~fills).all()
        assert torch.equal(best[~present], none[~present])
        assert torch.equal(best[fills], every[fills])


def test_the_distance_of_an_empty_class_is_checked() -> None:
    with pytest.raises(ValueError, match="`empty_distance` needs a finite number >= 0, got -1"):
        SignedDistanceLoss(empty_distance=-1)


def test_half_precision_does_not_overflow() -> None:
    logits = torch.full((1, 1, 512, 512), 10.0, dtype=torch.float16)
    maps = torch.full((1, 1, 512, 512), 300.0, dtype=torch.float16)
    value = SignedDistanceLoss(sigmoid=True)(logits, torch.zeros_like(logits), distance_map=maps)
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(300, rel=1e-3)


def test_logits_for_probabilities_are_told() -> None:
    label = torch.zeros(1, 1, 4, 4)
    with pytest.warns(UserWarning, match=r"`input` needs probabilities in \[0, 1\], got values from 3 to 3"):
        SignedDistanceLoss()(torch.full((1, 1, 4, 4), 3.0), label)


LABEL = torch.zeros(1, 2, 4, 4)
MAPS = torch.ones(1, 2, 4, 4)


@pytest.mark.parametrize(
    ("target", "targets", "message"),
    [
        (LABEL[..., 1:], {}, "`target` needs the shape of `input`"),
        (LABEL + 0.5, {}, "`target` needs 0 and 1"),
        (LABEL, {"distance_map": MAPS[..., 1:]}, "`distance_map` needs the shape of `input"),
        (LABEL, {"distance_map": torch.ones(1, 3, 4, 4)}, r"needs 2 channels \(or 1, no background\) for input"),
        (LABEL, {"distance_map": MAPS[0]}, "`distance_map` needs 2 channels"),
        (LABEL, {"distance_map": MAPS * torch.nan}, "`distance_map` needs finite values, got NaN"),
        (LABEL, {"distance_map": MAPS * torch.inf}, "`distance_map` needs finite values"),
        (LABEL, {"mask": MAPS}, "`mask` needs the shape of `input, with one channel`"),
    ],
)
def test_bad_input(target: torch.Tensor, targets: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignedDistanceLoss(softmax=True)(torch.zeros(1, 2, 4, 4), target, **targets)


def test_a_map_of_the_opposite_sign_is_refused() -> None:
    logits, label = _case(SHAPES[0])
    maps = torch.stack([SignedDistanceMapd("label", num_classes=3)({"label": item})["sdm_label"] for item in label])
    for loss, target in ((SignedDistanceLoss(softmax=True, to_onehot_y=True), label),):
        with pytest.raises(
            ValueError, match="needs negative values inside and positive ones outside, got the opposite"
        ):
            loss(logits, target, distance_map=-maps)
    with pytest.raises(ValueError, match="got the opposite"):
        SignedDistanceLoss(softmax=True)(logits, one_hot(label, 3), distance_map=-maps)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_second_derivatives(activation: str, background: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    options: dict[str, Any] = {activation: True, "include_background": background, "reduction": "none"}
    loss = SignedDistanceLoss(**options)
    label = torch.zeros(2, 3, 4, 5)

    def value(x: torch.Tensor) -> torch.Tensor:
        return loss(x, label, distance_map=maps)

    assert torch.autograd.gradcheck(value, logits)
    assert torch.autograd.gradgradcheck(value, logits)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_given_map_compiles_as_one_graph(activation: str) -> None:
    options: dict[str, Any] = {activation: True}
    loss = SignedDistanceLoss(**options)
    logits, maps, label = torch.randn(2, 2, 4, 5), torch.randn(2, 2, 4, 5), torch.zeros(2, 2, 4, 5)
    results = []
    for function in (loss, torch.compile(loss, backend="aot_eager", fullgraph=True)):
        x = logits.clone().requires_grad_()
        value = function(x, label, distance_map=maps)
        value.backward()
        results += [value.detach(), x.grad]
    torch.testing.assert_close(results[:2], results[2:])
    with pytest.raises(Exception, match="give `distance_map` for fullgraph=True"):
        torch.compile(loss, backend="aot_eager", fullgraph=True)(logits, label)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="at most one of `sigmoid`, `softmax`"):
        SignedDistanceLoss(sigmoid=True, softmax=True)
    with pytest.raises(ValueError, match="`softmax` needs at least 2 channels"):
        SignedDistanceLoss(softmax=True)(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="`to_onehot_y` needs a prediction of at least 2 channels"):
        signed_distance_loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), to_onehot_y=True)
    with pytest.raises(ValueError, match="`target` needs the shape of `input, with one channel`"):
        signed_distance_loss(torch.zeros(1, 2, 4, 4), LABEL, to_onehot_y=True, softmax=True)
    with pytest.raises(ValueError, match=r"integer class indices 0..1, got 5"):
        signed_distance_loss(torch.zeros(1, 2, 4, 4), LABEL[:, :1] + 5, to_onehot_y=True, softmax=True)
    with pytest.raises(TypeError, match="`distance_map` needs a floating dtype"):
        signed_distance_loss(torch.zeros(1, 2, 4, 4), LABEL, softmax=True, distance_map=MAPS.int())
    affine = torch.zeros(3, 3)
    with pytest.raises(ValueError, match="`affine` needs independent columns"):
        signed_distance_loss(LABEL, MetaTensor(LABEL, affine=affine), softmax=True)
