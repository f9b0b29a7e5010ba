# SPDX-License-Identifier: Apache-2.0
"""The file of the edge network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_boundary.networks import SemanticEdgeNet, load_semantic_edge_net, save_semantic_edge_net


def test_a_file_brings_everything_back(tmp_path: Path) -> None:
    net = SemanticEdgeNet(3, 2)
    net.fitted.fill_(True)
    net.scores = {"f1": 0.99, "accuracy": 0.999, "steps": 75.0}
    save_semantic_edge_net(net, tmp_path / "edges.pt")
    assert [p.name for p in tmp_path.iterdir()] == ["edges.pt"]
    again = load_semantic_edge_net(tmp_path / "edges.pt", spatial_dims=3, num_classes=2)
    x = torch.rand(1, 2, 5, 5, 5)
    assert torch.equal(again(x), net(x))
    assert again.fitted
    assert again.scores == net.scores
    assert not again.training


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    net = SemanticEdgeNet(2, 3)
    path = tmp_path / "edges.pt"
    with pytest.raises(ValueError, match="`net` needs to be fitted before it is saved"):
        save_semantic_edge_net(net, path)
    net.fitted.fill_(True)
    save_semantic_edge_net(net, path)
    with pytest.raises(ValueError, match="`path` needs an edge network with num_classes=2, got 3"):
        load_semantic_edge_net(path, num_classes=2)
    with pytest.raises(ValueError, match="`path` needs an edge network with spatial_dims=3, got 2"):
        load_semantic_edge_net(path, 3)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "version": 2}, path)
    with pytest.raises(ValueError, match="`path` needs a file of version 1 or older, got 2"):
        load_semantic_edge_net(path)
    torch.save(net.state_dict(), path)
    with pytest.raises(ValueError, match="`path` needs a file written by `save_semantic_edge_net`"):
        load_semantic_edge_net(path)
