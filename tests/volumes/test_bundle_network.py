# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from monai_boundary.volumes.bundle_network import bundle_network


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle as in MONAI's zoo."""
    folder = tmp_path / "tiny"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "metadata.json").write_text("{}")
    configuration = {
        "channels": 2,
        "network_def": {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": "@channels", "kernel_size": 1},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [8, 8, 8], "mode": "gaussian"},
    }
    (folder / "configs" / "inference.json").write_text(json.dumps(configuration))
    torch.save(torch.nn.Conv3d(1, 2, 1).state_dict(), folder / "models" / "model.pt")
    return folder


def test_a_bundle_of_the_usual_form(bundle: Path, tmp_path: Path) -> None:
    found = bundle_network(bundle)
    assert (found.window, found.overlap, found.blend) == ((8, 8, 8), 0.25, "gaussian")
    assert json.loads(found.file.definition)["out_channels"] == 2
    shutil.copy(bundle / "models" / "model.pt", tmp_path / "mine.pt")
    assert bundle_network(bundle, tmp_path / "mine.pt").file.path == str(tmp_path / "mine.pt")


def test_the_em_bundle(repo: Path) -> None:
    found = bundle_network("em_neuron_boundary")
    assert found.file.path == str(repo / "bundles" / "em_neuron_boundary" / "models" / "model.pt")
    assert (found.window, found.window3, found.overlap, found.blend) == ((128, 128), (1, 128, 128), 0.5, "gaussian")


def test_what_a_bundle_lacks(bundle: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(ValueError, match=r"`network` needs a file, .*tiny/models/model.pt does not exist"):
        bundle_network(bundle)
    file = bundle / "configs" / "inference.json"
    file.write_text(json.dumps({"network_def": {}}))
    with pytest.raises(ValueError, match="`bundle` needs inferer in its configuration"):
        bundle_network(bundle)
    file.unlink()
    with pytest.raises(ValueError, match=r"`bundle` needs configs/inference.yaml"):
        bundle_network(bundle)
    with pytest.raises(ValueError, match="`bundle` needs one of"):
        bundle_network("nothing")
