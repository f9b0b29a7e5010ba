# SPDX-License-Identifier: Apache-2.0
"""One large image by tiles, against the same image at once and the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops import PotentialTerm, Rays, anisotropic_kernels, anisotropic_potential, equipotential_values
from monai_boundary.ops import equipotential as module
from tests.oracles.equipotential import fields, line_loss

SHAPES = {"2-D": (8, 6), "3-D": (6, 5, 5)}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
every_room = pytest.mark.parametrize("room", [1, 64])


def _tiles(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setitem(module._CHUNK, "cpu", room)
    monkeypatch.setattr(module, "_LARGE", 0)


def _case(shape: tuple[int, ...], levels: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities, of a few values where ``levels``; truth with an absent class and one that fills the image."""
    generator = torch.Generator().manual_seed(3)
    masks = torch.rand(2, 2, *shape, generator=generator) > 0.5
    masks[0, 1], masks[1, 1] = False, True
    probability = torch.rand(2, 2, *shape, dtype=torch.float64, generator=generator)
    probability = (probability * levels).round() / levels if levels else probability
    return probability.requires_grad_(), masks


def _terms(splitter: str, padding: str, mu: int = 4) -> list[PotentialTerm]:
    rays = Rays(5, splitter, padding)
    return [
        PotentialTerm("line", rays, 0.5, mu=mu),
        PotentialTerm("point", rays, 2.0),
        PotentialTerm("point", Rays(3, splitter, padding), norm=1),
    ]


@every_shape
@every_room
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize(("splitter", "padding"), [("A", "replicate"), ("C", "zero")])
def test_tiles_do_not_show(
    shape: tuple[int, ...],
    room: int,
    ignored: bool,
    splitter: str,
    padding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the four images of a call, two have energies that are equal: with the one splitter these, then those."""
    probability, masks = _case(shape)
    equal = torch.eye(2, dtype=torch.bool).logical_xor(torch.tensor(splitter == "A")).reshape(2, 2, *[1] * len(shape))
    probability = torch.where(equal, (probability * 2).round() / 2, probability).detach().requires_grad_()
    terms = _terms(splitter, padding)
    counted = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(5)) > 0.1 if ignored else None
    wanted, each = equipotential_values(probability, masks, terms, counted=counted)
    (gradient,) = torch.autograd.grad(wanted.square().sum(), probability)
    _tiles(monkeypatch, room)
    for ready in (None, anisotropic_potential(masks, 5, splitter, padding)):
        total, found = equipotential_values(probability, masks, terms, counted=counted, potential=ready)
        torch.testing.assert_close(found, each)
        torch.testing.assert_close(torch.autograd.grad(total.square().sum(), probability)[0], gradient)


@every_shape
def test_by_the_formulas(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    _tiles(monkeypatch, 30)
    probability, masks = _case(shape, 4)  # quarters add up exactly, in any order
    _, each = equipotential_values(probability, masks, _terms("A", "replicate"))
    wide, narrow = (anisotropic_kernels(w, "A", len(shape)) for w in (5, 3))
    for b, c in np.ndindex(2, 2):
        image, truth = probability[b, c].detach().numpy(), masks[b, c].numpy()
        (e, g), (e3, g3) = ([fields(x, k, "replicate") for x in (image, truth)] for k in (wide, narrow))
        lines = np.mean([line_loss(x, y, 2, 4) for x, y in zip(e, g, strict=True)])
        np.testing.assert_allclose(each[:, b, c], [lines, np.square(e - g).mean(), np.abs(e3 - g3).mean()], rtol=1e-9)


def test_a_second_derivative_and_a_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    probability, masks = _case((8, 7))
    _tiles(monkeypatch, 20)
    total = equipotential_values(probability, masks, _terms("A", "replicate", mu=2)[:2])[0].sum()
    first, again = (torch.autograd.grad(total, probability, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(again, first)
    (graph,) = torch.autograd.grad(total, probability, create_graph=True)
    torch.testing.assert_close(graph.detach(), first)
    direction = torch.randn(probability.shape, generator=torch.Generator().manual_seed(1)).double()
    (curvature,) = torch.autograd.grad((graph * direction).sum(), probability)
    slopes = []
    for sign in (1, -1):
        moved = (probability.detach() + sign * 1e-6 * direction).requires_grad_()
        value = equipotential_values(moved, masks, _terms("A", "replicate", mu=2)[:2])[0].sum()
        slopes.append(torch.autograd.grad(value, moved)[0])
    torch.testing.assert_close(curvature, (slopes[0] - slopes[1]) / 2e-6, rtol=1e-4, atol=1e-6)


def test_nan_shows_in_its_class_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    probability, masks = _case((8, 7))
    probability = probability.detach()
    probability[0, 1, 5, 5] = torch.nan
    _tiles(monkeypatch, 20)
    total = equipotential_values(probability, masks, _terms("A", "replicate"))[0]
    assert total.isnan().tolist() == [[False, True], [False, False]]
