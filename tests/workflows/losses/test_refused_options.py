# SPDX-License-Identifier: Apache-2.0
"""Options of a training that its loss would not use."""

from __future__ import annotations

from typing import Any

import pytest
from monai.losses import DiceLoss

from monai_boundary.losses import IncreaseSchedule
from monai_boundary.workflows import loss_spec


@pytest.mark.parametrize(
    ("loss", "told"), [("dice", "'dice'"), ("sobel", "'sobel'"), (DiceLoss(sigmoid=True), "one's own")]
)
def test_those_of_another_loss(loss: Any, told: str) -> None:
    given = {"baloss": {"contour": "partition", "contour_width": None}}
    with pytest.raises(ValueError, match=f"`contour` needs the loss 'baloss', got 'partition' for {told}"):
        loss_spec("membrane", loss, defaults=given)
    loss_spec("membrane", loss, defaults={"baloss": {"contour": None, "contour_width": None}})


@pytest.mark.parametrize("given", [{}, {"schedule": "cosine"}, {"schedule": IncreaseSchedule()}])
def test_the_step_of_a_weight_that_does_not_grow_by_it(given: dict[str, Any]) -> None:
    words = r"`step` \(alpha_step\) needs the schedule 'increase' or 'rebalance', got 0.05 with"
    with pytest.raises(ValueError, match=words):
        loss_spec("classes", "boundary", step=0.05, **given)
    loss_spec("classes", "boundary", step=0.05, schedule="increase")
