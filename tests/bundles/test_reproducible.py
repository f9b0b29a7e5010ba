# SPDX-License-Identifier: Apache-2.0
"""Every bundle trained twice with one seed: the same to the bit, and nothing asked of a network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.bundles.bundle_runs import quiet_process, run
from tests.bundles.tiny_trainings import OPTIONS, write_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:parsing config_file"),
    pytest.mark.usefixtures("_no_pictures"),
]
WORKERS = {"wmh_mri_boundary": 1}  # of the second training; the first reads in its own process


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("bundle", OPTIONS)
def test_twice_the_same_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    """The second time offline, with deterministic algorithms, random state left behind, and readers of its own."""
    options = {**OPTIONS[bundle], "dataset_dir": write_data(tmp_path, [bundle])[bundle]}
    folders = [tmp_path / "first", tmp_path / "second"]
    run(bundle, "train.yaml", "train", **options, output_dir=str(folders[0]))

    asked: list[Any] = []
    plain = socket.socket.connect

    def connect(sock: socket.socket, address: Any) -> None:
        if sock.family == socket.AF_UNIX:  # to the readers, processes of this machine
            return plain(sock, address)
        asked.append(address)
        raise OSError(f"no network, asked for {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **_: asked.append(names))
    again = {**options, "deterministic": True, "num_workers": WORKERS.get(bundle, 0), "output_dir": str(folders[1])}
    torch.rand(7)
    run(bundle, "train.yaml", "train", **again)
    assert torch.are_deterministic_algorithms_enabled(), "the option is heard"
    assert not asked, "nothing is downloaded, nothing is sent"

    curves = [(folder / "metrics.csv").read_text() for folder in folders]
    assert curves[0] == curves[1]
    assert len(curves[0].splitlines()) == OPTIONS[bundle]["epochs"] + 1
    for name in ("model.pt", "checkpoint.pt"):
        states = [torch.load(folder / name, weights_only=True) for folder in folders]
        weights = [state["network"] if name == "checkpoint.pt" else state for state in states]
        assert weights[0].keys() == weights[1].keys()
        assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0]), name


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    """So that equal curves above say something."""
    bundle = "wmh_mri_boundary"
    options = {**OPTIONS[bundle], "dataset_dir": write_data(tmp_path, [bundle])[bundle]}
    for seed in (0, 1):
        run(bundle, "train.yaml", "train", **options, seed=seed, output_dir=str(tmp_path / str(seed)))
    curves = [(tmp_path / str(seed) / "metrics.csv").read_text() for seed in (0, 1)]
    assert curves[0] != curves[1]
