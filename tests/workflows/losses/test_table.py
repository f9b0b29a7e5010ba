# SPDX-License-Identifier: Apache-2.0
"""What the table of losses says agrees with the losses it makes."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch

from monai_boundary.losses import accepted_targets
from monai_boundary.workflows.losses import table as loss_table
from monai_boundary.workflows.losses.table import LOSSES, SITES, VoxelMean, find_loss, losses_of, make_loss


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("semeda", "edge_aware")])
def test_a_loss_takes_the_targets_of_its_row(name: str) -> None:
    kind = "lesion" if name in losses_of("lesion") else "membrane"
    accepted = accepted_targets(make_loss(kind, name, {}))
    assert accepted is not None
    assert set(LOSSES[name].targets) <= accepted


def test_the_sites_name_what_is_there() -> None:
    for site in SITES.values():
        assert {*site.options, *site.refused, *site.weights, site.base} <= set(LOSSES)
        assert set(site.always) <= set(site.targets)
        assert all(weight is None or weight >= 0 for _, weight, _ in LOSSES.values())
        assert LOSSES[site.base].weight is None
    for kind, site in SITES.items():
        for name in losses_of(kind):
            assert set(find_loss(kind, name).targets) <= set(site.targets), (kind, name)


def test_without_gudhi_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    absent = lambda name, *more: None if name == "gudhi" else find(name, *more)  # noqa: E731
    monkeypatch.setattr(loss_table.importlib.util, "find_spec", absent)
    with pytest.raises(ImportError, match=r"needs GUDHI: pip install 'monai-boundary\[topology\]'"):
        make_loss("membrane", "persistent_homology", {})


def test_mean_over_the_voxels_that_count() -> None:
    values: Any = VoxelMean(lambda scores, truth: (scores - truth) ** 2)
    scores, truth = torch.tensor([[[[1.0, 2.0, 5.0]]]]), torch.zeros(1, 1, 1, 3)
    assert float(values(scores, truth)) == 10
    assert float(values(scores, truth, mask=torch.tensor([[[[1, 1, 0]]]]))) == 2.5
    assert float(values(scores, truth, mask=torch.zeros(1, 1, 1, 3))) == 0
    with pytest.raises(ValueError, match="`mask`"):
        values(scores, truth, mask=torch.ones(1, 1, 2, 3))


def test_focal_loss_of_certain_and_right_is_less() -> None:
    label = torch.zeros(1, 1, 4, 4)
    label[..., :2] = 1
    loss = make_loss("membrane", "focal", {"gamma": 2.0})
    sure, unsure = (scale * (2 * label - 1) for scale in (5.0, 0.5))
    assert float(loss(sure, label)) < float(loss(unsure, label))
