# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.volumes.block_prediction import Foreground, check_network, chosen_device, quantised
from monai_boundary.volumes.network_file import network_file
from monai_boundary.volumes.volume_source import open_volume


def test_probabilities_as_shares() -> None:
    values = np.array([0, 0.001, 0.25, 0.5, 1, 1.0001], np.float32)
    assert quantised(values, "uint8").tolist() == [0, 0, 64, 128, 255, 255]
    assert quantised(values, "float16").dtype == np.float16


def test_foreground(store: Callable[..., str]) -> None:
    values = np.array([[[0, 5, 9]]], np.uint8)
    box = (slice(0, 1),) * 2 + (slice(0, 3),)
    assert Foreground().masked(box) is None
    assert Foreground().of(values, None) is None
    where = Foreground(above=5).of(values, None)
    assert where is not None
    assert where.tolist() == [[[False, False, True]]]
    mask = open_volume(store("m", np.array([[[1, 1, 0]]], np.uint8)))
    bright = Foreground(mask, above=4)
    masked = bright.masked(box)
    assert masked is not None
    where = bright.of(values, masked)
    assert where is not None
    assert (where.tolist(), masked.tolist()) == ([[[False, True, False]]], [[[True, True, False]]])


def test_devices() -> None:
    assert chosen_device("cpu", 3) == torch.device("cpu")
    assert chosen_device(None, 3).type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="`device` needs cpu, cuda or cuda:N, got 'gpu'"):
        chosen_device("gpu", 0)


def test_an_output_of_another_size_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(1, 1, 3).state_dict(), tmp_path / "w.pt")
    valid = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 3}
    with pytest.raises(ValueError, match="`network` needs outputs of the size of its inputs"):
        check_network(network_file(tmp_path / "w.pt", valid), (1, 8, 8), 0, "cpu")
