# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.workflows.losses.site import SITES, loss_site


def test_targets_of_a_batch() -> None:
    assert loss_site("regions", edges=False).targets == {"distance_map": "sdm_label", "edges": "edge_label"}
    assert set(loss_site("membrane", mask=True).targets) == {"seeds", "regions", "cells", "distance_map", "mask"}
    assert "mask" not in SITES["membrane"].targets, "the layouts stay as they are"


def test_activation_and_titles() -> None:
    classes, membrane = loss_site("classes"), loss_site("membrane")
    assert classes.activation == {"softmax": True, "to_onehot_y": True}
    assert membrane.activation == {"sigmoid": True}
    assert [classes.title(name) for name in ("dice", "lovasz")] == ["region", "region"]
    assert [membrane.title(name) for name in ("cross_entropy", "dice")] == ["bce", "dice"]


def test_arguments_by_name() -> None:
    site = loss_site("membrane", defaults={"distance_ce": {"w0": 5.0}, "sobel": {"reduction": "sum"}})
    assert site.options["distance_ce"] == {"sigma": 20.0, "w0": 5.0}
    assert site.options["sobel"] == {"reduction": "sum"}
    assert site.options["weighted_bce"] == {"balance": "batch"}


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`labels` needs one of"):
        loss_site("lesion")
