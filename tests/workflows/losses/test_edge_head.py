# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from monai.networks.nets import UNet

from monai_boundary.networks import BoundaryAwareNet
from monai_boundary.workflows.losses.edge_head import EDGES, supervises_edges

UNET = UNet(2, 1, 2, channels=(4, 8), strides=(2,))
AWARE = BoundaryAwareNet(2, 1, 2, channels=(8, 8, 8))


def test_an_edge_head_is_supervised_unless_it_is_said_not_to_be() -> None:
    assert [supervises_edges(AWARE, asked) for asked in (None, True, False)] == [True, True, False]
    assert [supervises_edges(UNET, asked, dict(EDGES)) for asked in (None, False)] == [None, None]
    assert supervises_edges(AWARE, None, {"thickness": 2.0, "unit": "mm"})


@pytest.mark.parametrize(
    ("asked", "name"), [({"edge_losses": True}, "edge_losses"), ({"edges": {"thickness": 2}}, "edges")]
)
def test_what_would_do_nothing_is_refused(asked: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` needs a network with an edge head, .*, got UNet"):
        supervises_edges(UNET, **asked)


@pytest.mark.parametrize("bundle", ["volume_boundary", "brats_mri_boundary"])
def test_the_bundles_ask_for_no_other_edges(bundle: str) -> None:
    """Or every training without an edge head would be refused."""
    file = Path(__file__).parents[3] / "bundles" / bundle / "configs" / "train.yaml"
    options = yaml.safe_load(file.read_text())
    assert (options["edges"], options["edge_losses"]) == (dict(EDGES), None)
