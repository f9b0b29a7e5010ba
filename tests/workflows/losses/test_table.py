# SPDX-License-Identifier: Apache-2.0
"""What the table of losses says agrees with the losses it makes."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from monai_boundary.workflows.losses import table
from monai_boundary.workflows.losses.site import SITES, loss_site
from monai_boundary.workflows.losses.table import LOSSES, make_loss

NOT_ALONE = ("semeda", "edge_aware", "persistent_homology")


def test_every_loss_is_made_by_its_row() -> None:
    """Each class of this library that makes sense for any label has a name."""
    made = {type(make_loss(loss_site("membrane"), name, {})).__name__ for name in LOSSES if name not in NOT_ALONE}
    wanted = {"SignedDistanceLoss", "BALoss", "EquipotentialLoss", "SobelEdgeLoss", "BalancedBCELoss"}
    assert made >= wanted | {"DistanceWeightedCELoss", "LovaszSoftmaxLoss"}


def test_the_sites_name_what_is_there() -> None:
    for labels, site in SITES.items():
        assert labels == site.labels
        assert {*site.options, site.base} <= set(LOSSES)
        assert LOSSES[site.base].weight is None
    assert all(entry.weight is None or entry.weight >= 0 for entry in LOSSES.values())


def test_without_gudhi_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    absent = lambda name, *more: None if name == "gudhi" else find(name, *more)  # noqa: E731
    monkeypatch.setattr(table.importlib.util, "find_spec", absent)
    with pytest.raises(ImportError, match=r"needs GUDHI: pip install .monai-boundary\[topology\]"):
        make_loss(loss_site("membrane"), "persistent_homology", {})


def test_focal_loss_of_certain_and_right_is_less() -> None:
    label = torch.zeros(1, 1, 4, 4)
    label[..., :2] = 1
    loss = make_loss(loss_site("membrane"), "focal", {"gamma": 2.0})
    sure, unsure = (scale * (2 * label - 1) for scale in (5.0, 0.5))
    assert float(loss(sure, label)) < float(loss(unsure, label))
