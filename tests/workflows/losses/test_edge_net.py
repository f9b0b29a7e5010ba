# SPDX-License-Identifier: Apache-2.0
"""The edge network of a bundle: fitted once to its labels, kept, and read again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_boundary.workflows import semantic_edge_net
from tests.gloo import in_two_processes

FIT: dict[str, Any] = {"max_steps": 2, "progress": False}


def items(count: int = 3, shift: int = 0) -> list[dict[str, torch.Tensor]]:
    found = []
    for number in range(count):
        label = torch.zeros(1, 40, 40)
        label[:, 5 + number + shift : 25, 8:30] = 1
        found.append({"label": label})
    return found


def test_fitted_once_and_said_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        net = semantic_edge_net(items(), tmp_path / "nets", num_classes=1, **FIT)
    assert "no edge network was given (semantic_edge_net): fitting one to 3 training labels" in caplog.text
    assert "fitted the edge network: accuracy" in caplog.text
    (file,) = (tmp_path / "nets").iterdir()
    written = file.stat().st_mtime_ns
    caplog.clear()
    with caplog.at_level(logging.INFO):
        again = semantic_edge_net(items(), tmp_path / "nets", num_classes=1, **FIT)
    assert "was fitted before, reading" in caplog.text
    assert file.stat().st_mtime_ns == written
    torch.testing.assert_close(again.state_dict(), net.state_dict(), rtol=0, atol=0)


def test_other_labels_classes_or_options_have_another_file(tmp_path: Path) -> None:
    semantic_edge_net(items(), tmp_path, num_classes=1, **FIT)
    semantic_edge_net(items(shift=1), tmp_path, num_classes=1, **FIT)
    semantic_edge_net(items(), tmp_path, num_classes=2, **FIT)
    semantic_edge_net(items(), tmp_path, num_classes=1, noise=0.2, **FIT)
    assert len(list(tmp_path.iterdir())) == 4
    semantic_edge_net(items(), tmp_path, num_classes=1, device="cpu", **FIT)
    assert len(list(tmp_path.iterdir())) == 4, "where it is fitted does not matter"


def test_a_given_file_is_read(tmp_path: Path) -> None:
    semantic_edge_net(items(), tmp_path, num_classes=1, **FIT)
    (file,) = tmp_path.iterdir()
    net = semantic_edge_net([], tmp_path / "other", file, num_classes=1)
    assert bool(net.fitted)
    assert not (tmp_path / "other").exists()
    with pytest.raises(ValueError, match=r"num_classes=2, got 1: fit one for your labels"):
        semantic_edge_net([], tmp_path, file, num_classes=2)
    with pytest.raises(ValueError, match=r"`semantic_edge_net` needs a file .*none.pt does not exist. Leave it out"):
        semantic_edge_net([], tmp_path, tmp_path / "none.pt", num_classes=1)


def test_slices_of_volumes_and_lists_of_items(tmp_path: Path) -> None:
    volume = torch.zeros(1, 40, 40, 6)
    volume[:, 5:25, 8:30, 2:4] = 1
    net = semantic_edge_net([[{"label": volume}], [{"label": volume}]], tmp_path, spatial_dims=2, **FIT)
    assert net.spatial_dims == 2
    solid = semantic_edge_net([{"label": volume}], tmp_path, spatial_dims=3, **FIT)
    assert solid.spatial_dims == 3


def test_slices_are_taken_across_the_axis_of_the_training(tmp_path: Path) -> None:
    """Of a volume that was turned they are the same slices, so that the same network is read again."""
    volume = torch.zeros(1, 40, 40, 6)
    volume[:, 5:25, 8:30, 2:4] = 1
    for axis in (2, 0, 1):
        turned = volume.movedim(3, axis + 1)
        semantic_edge_net([{"label": turned}], tmp_path, spatial_dims=2, slice_axis=axis, **FIT)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_bar_is_not_drawn_into_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    semantic_edge_net(items(), tmp_path, num_classes=1, max_steps=2)
    assert "it/s" not in capfd.readouterr().err


def test_labels_without_a_border_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`labels` needs at least one item, got none"):
        semantic_edge_net([], tmp_path, num_classes=1)
    with pytest.raises(ValueError, match="a border between two classes"):
        semantic_edge_net([{"label": torch.zeros(1, 40, 40)}], tmp_path, num_classes=1, **FIT)
    with pytest.raises(ValueError, match="`labels` needs"):
        semantic_edge_net([{"label": torch.zeros(1, 40, 40, 4)}], tmp_path, num_classes=1, **FIT)
    assert not list(tmp_path.iterdir())


def test_the_first_process_fits_and_the_others_wait(tmp_path: Path) -> None:
    """The second process has no labels: it reads the file of the first, whose errors are its own too."""

    def fit(rank: int) -> tuple[str, dict[str, torch.Tensor]]:
        with pytest.raises((ValueError, RuntimeError)) as error:
            semantic_edge_net([], tmp_path, num_classes=1, **FIT)
        net = semantic_edge_net(items() if rank == 0 else [], tmp_path, num_classes=1, **FIT)
        return str(error.value), net.state_dict()

    one, two = in_two_processes(fit, tmp_path / "two")
    said = "`labels` needs at least one item, got none."
    assert (one[0], two[0]) == (said, f"process 0 of 2 failed: {said}"), "the others do not wait for ever"
    torch.testing.assert_close(one[1], two[1], rtol=0, atol=0)
    assert len(list(tmp_path.glob("*.pt"))) == 1
