# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from monai_boundary._file_hash import write_with_hash
from monai_boundary.volumes.network_file import NetworkFile, network_file

DEFINITION = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 1}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save({"model": torch.nn.Conv2d(1, 2, 1).state_dict()}, tmp_path / "w.pt")
    return tmp_path / "w.pt"


def test_weights_and_their_definition(tmp_path: Path, weights: Path) -> None:
    file = network_file(weights, DEFINITION)
    network = pickle.loads(pickle.dumps(file)).load("cpu")
    assert network is file.load("cpu"), "it is read once"
    assert not network.training
    for name, content in (("a.json", DEFINITION), ("b.json", {"network_def": DEFINITION, "more": 1})):
        (tmp_path / name).write_text(json.dumps(content))
        assert network_file(weights, tmp_path / name) == file
    assert len(file.digest()) == 64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript(tmp_path: Path, weights: Path) -> None:
    torch.jit.script(torch.nn.Conv2d(1, 3, 1)).save(str(tmp_path / "n.ts"))  # type: ignore[no-untyped-call]
    assert network_file(tmp_path / "n.ts").load("cpu")(torch.zeros(1, 1, 4, 4)).shape == (1, 3, 4, 4)
    with pytest.raises(ValueError, match="`network` needs TorchScript where no definition is given"):
        network_file(weights)


def test_what_does_not_fit(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ValueError, match=r"`network` needs weights of the definition, .* has others: .*size mismatch"):
        network_file(weights, {**DEFINITION, "out_channels": 5})
    with pytest.raises(ValueError, match="`definition` needs a `_target_`"):
        network_file(weights, {"channels": 3})
    with pytest.raises(ValueError, match=r"`network` needs a file, .* does not exist"):
        network_file(tmp_path / "none.pt", DEFINITION)
    write_with_hash(weights, lambda part: torch.save({}, part))
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ValueError, match="`network` needs the file that was written"):
        NetworkFile(str(weights), json.dumps(DEFINITION)).load("cpu")
