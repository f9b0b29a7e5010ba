# SPDX-License-Identifier: Apache-2.0
"""Semantic edges against the recorded maps and the definition, in 2-D and 3-D."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.ops import semantic_edges
from monai_boundary.transforms import EdgeMask

RECORDED = np.load(Path(__file__).parents[1] / "data" / "golden" / "semeda_edges.npz")


def by_definition(label: np.ndarray) -> np.ndarray:
    """1 where a neighbour in the image has another label."""
    edges = np.zeros(label.shape, dtype=bool)
    for place in np.ndindex(*label.shape):
        for step in itertools.product((-1, 0, 1), repeat=label.ndim):
            other = tuple(p + s for p, s in zip(place, step, strict=True))
            if all(0 <= o < n for o, n in zip(other, label.shape, strict=True)):
                edges[place] |= label[other] != label[place]
    return edges


def test_the_recorded_edges() -> None:
    label = torch.from_numpy(RECORDED["label"])[:, None]
    classes = int(label.max()) + 1
    np.testing.assert_array_equal(semantic_edges(label, classes)[:, 0].numpy(), RECORDED["edges"].astype(bool))
    transform = EdgeMask(num_classes=classes, classes="any", connectivity=2)
    for item, wanted in zip(label, RECORDED["edges"], strict=True):
        np.testing.assert_array_equal(transform(item)[0].numpy(), wanted)


@pytest.mark.parametrize("shape", [(7, 8), (4, 5, 6)], ids=["2-D", "3-D"])
def test_by_the_definition(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    label = np.repeat(rng.integers(0, 3, shape), 2, axis=-1)
    edges = semantic_edges(torch.from_numpy(label)[None, None], 3)
    np.testing.assert_array_equal(edges[0, 0].numpy(), by_definition(label))
    mask = torch.from_numpy(label == 1)[None, None]
    np.testing.assert_array_equal(semantic_edges(mask)[0, 0].numpy(), by_definition(label == 1))


def test_one_class_and_unknown_voxels_have_no_edge() -> None:
    assert not semantic_edges(torch.ones(1, 1, 5, 5)).any()
    label = torch.tensor([[[[0, 0, 255, 1, 1]] * 3]])
    assert not semantic_edges(label, 2, ignore_index=255).any()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`label` needs 2 or 3 spatial dimensions, got 1"):
        semantic_edges(torch.zeros(1, 1, 4))
    with pytest.raises(ValueError, match=r"`label` needs integer class indices 0\.\.1, got 2"):
        semantic_edges(torch.full((1, 1, 4, 4), 2), 2)
