# SPDX-License-Identifier: Apache-2.0
"""The fitting helper: it learns edges it has not seen, repeats itself, stops early, and says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from scipy import ndimage

from monai_boundary.networks import edge_scores, fit_semantic_edge_net
from monai_boundary.networks.nets.semantic_edge_fit import _known_edges
from monai_boundary.ops import class_masks, semantic_edges


def blobs(classes: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """A label of smooth blobs, (1, *shape)."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 3, mode="wrap")
    ranks = noise.argsort(axis=None).argsort().reshape(shape)
    return torch.from_numpy(ranks * classes // noise.size)[None]


@pytest.mark.parametrize(
    ("classes", "shape", "noise", "f1"),
    [(4, (96, 96), 0.0, 0.98), (1, (80, 90), 0.3, 0.98), (2, (24, 30, 26), 0.0, 0.9)],
)
def test_it_learns_the_edges_of_labels_it_has_not_seen(
    classes: int, shape: tuple[int, ...], noise: float, f1: float
) -> None:
    labels = [blobs(max(2, classes), shape, seed) for seed in range(4)]
    net = fit_semantic_edge_net(labels, len(shape), classes, noise=noise, target_f1=f1, progress=False)
    assert net.fitted
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    other = blobs(max(2, classes), shape, 9)[None]
    masks = class_masks(other, classes if classes > 1 else None)
    scores = edge_scores(net, masks, semantic_edges(other, max(2, classes)))
    assert scores["f1"] > f1 - 0.03
    assert scores["accuracy"] > f1 - 0.02
    assert net.scores["f1"] >= f1
    assert net.scores["steps"] < 600


def test_loaders_dictionaries_and_one_hot_give_the_same() -> None:
    labels = [blobs(3, (70, 64), seed) for seed in range(2)]
    options = {"num_classes": 3, "max_steps": 3, "progress": False}
    wanted = fit_semantic_edge_net(labels, **options).state_dict()
    loader = DataLoader(Dataset([{"seg": label} for label in labels]), batch_size=2)
    hot = [torch.cat([label == c for c in range(3)]).numpy() for label in labels]
    for given in (loader, [{"seg": label[0]} for label in labels], hot, np.stack(hot)[None]):
        found = fit_semantic_edge_net(given, key="seg", **options).state_dict()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    before = torch.get_rng_state()
    fit_semantic_edge_net(labels, **options)
    assert torch.equal(torch.get_rng_state(), before)
    other = fit_semantic_edge_net(labels, seed=1, **options).state_dict()
    assert not torch.equal(other["convolutions.0.weight"], wanted["convolutions.0.weight"])


def test_it_stops_when_nothing_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    from monai_boundary.networks.nets import semantic_edge_fit as module

    looks = iter([0.5, 0.7, 0.6, 0.6, 0.9])
    monkeypatch.setattr(module, "edge_scores", lambda *_: {"accuracy": 0.9, "f1": next(looks)})
    monkeypatch.setattr(module, "_EVERY", 1)
    net = fit_semantic_edge_net([blobs(2, (40, 40), 0)], patience=2, batch_size=1, progress=False)
    assert net.scores == {"accuracy": 0.9, "f1": 0.7, "steps": 2.0}
    assert next(looks) == 0.9


def test_unknown_voxels_and_small_labels() -> None:
    label = blobs(2, (20, 90), 0)
    label[:, :, 40:60] = 255
    net = fit_semantic_edge_net([label], ignore_index=255, max_steps=2, progress=False)
    assert 0 <= net.scores["accuracy"] <= 1


def test_along_an_ignored_area_nobody_knows_the_edges() -> None:
    """One row: classes 0 0 1 ? 1 1 ? 0. The voxel between the border and the ignored one is an edge all the same."""
    row = torch.tensor([0, 0, 1, 255, 1, 1, 255, 0])
    masks, known = torch.stack([row == 0, row == 1])[None, :, None], (row != 255)[None, None, None]
    edges, counted = _known_edges(masks, known)
    assert edges.int().flatten().tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    assert counted.int().flatten().tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    lone = torch.zeros(1, 64, 64)
    lone[:, 20:40, 20:40] = 255
    with pytest.raises(ValueError, match="`labels` needs a border between two classes"):
        fit_semantic_edge_net([lone], ignore_index=255, progress=False)


def test_the_progress_bar_shows_the_scores(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    fit_semantic_edge_net([blobs(2, (64, 64), 0)], max_steps=25, batch_size=1)
    assert "semantic edges" in capsys.readouterr().err


def test_bad_input() -> None:
    label = blobs(2, (64, 64), 0)
    with pytest.raises(ValueError, match="`labels` needs at least one label, got none"):
        fit_semantic_edge_net([])
    with pytest.raises(ValueError, match="`labels` needs a border between two classes"):
        fit_semantic_edge_net([torch.zeros(1, 64, 64)])
    with pytest.raises(ValueError, match=r"`labels` needs \(C, spatial\) or \(B, C, spatial\) with 3 spatial axes"):
        fit_semantic_edge_net([label[0]], spatial_dims=3)
    with pytest.raises(ValueError, match="`labels` needs 1 or 3 channels for num_classes=3, got 2"):
        fit_semantic_edge_net([torch.cat([label, 1 - label])], num_classes=3)
    with pytest.raises(ValueError, match=r"`label` needs integer class indices 0\.\.1, got 2"):
        fit_semantic_edge_net([2 * label])
    with pytest.raises(ValueError, match="`noise` needs a share between 0 and 1, got 2"):
        fit_semantic_edge_net([label], noise=2)
    with pytest.raises(ValueError, match="`max_steps` needs a finite number > 0, got 0"):
        fit_semantic_edge_net([label], max_steps=0)
