# SPDX-License-Identifier: Apache-2.0
"""The edge network by its layers, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from monai_boundary.networks import SemanticEdgeNet, load_semantic_edge_net, save_semantic_edge_net


@pytest.mark.parametrize(("dims", "parameters"), [(2, 592 + 4640 + 578), (3, 1744 + 13856 + 1730)])
def test_layers_by_hand(dims: int, parameters: int) -> None:
    net = SemanticEdgeNet(dims, 4)
    assert sum(p.numel() for p in net.parameters()) == parameters
    x = torch.rand(2, 4, *(9, 8, 7)[:dims])
    first, second, third = net.features(x)
    weight, bias = net.convolutions[0].parameters()
    padded = F.pad(x, [1] * 2 * dims, mode="replicate")
    torch.testing.assert_close(first, (F.conv2d if dims == 2 else F.conv3d)(padded, weight, bias).relu())
    assert [f.shape[1] for f in (first, second, third)] == [16, 32, 2]
    torch.testing.assert_close(third.sum(1), torch.ones_like(third[:, 0]))
    before = net.features(x, activated=False)
    torch.testing.assert_close(before[0].relu(), first)
    torch.testing.assert_close(net(x).softmax(1), third)
    assert len(net.features(x, layers=2)) == 2


def test_the_frame_is_no_edge_and_dtypes_follow_the_input() -> None:
    net = SemanticEdgeNet(2, 2)
    flat = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    flat[:, 0] = 1
    logits = net(flat)
    assert logits.dtype == torch.float64
    torch.testing.assert_close(logits, logits[:, :, 4:5, 4:5].expand_as(logits))


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


def test_bad_input() -> None:
    net = SemanticEdgeNet(2, 3)
    for wrong in (torch.rand(1, 2, 8, 8), torch.rand(1, 3, 4, 8, 8)):
        with pytest.raises(ValueError, match="`input` needs 3 classes in 2-D for this edge network, got shape"):
            net(wrong)
    with pytest.raises(ValueError, match="`num_classes` needs a whole number >= 1, got 0"):
        SemanticEdgeNet(2, 0)
    with pytest.raises(ValueError, match="`spatial_dims` needs 2 or 3 spatial dimensions, got 1"):
        SemanticEdgeNet(1, 2)
