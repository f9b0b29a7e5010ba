# SPDX-License-Identifier: Apache-2.0
"""Schedules: the recorded weights of the released code, and their ends."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from monai_boundary.losses import ConstantSchedule, CosineSchedule, IncreaseSchedule, RebalanceSchedule

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "kervadec_alpha_schedule.npz"


@pytest.mark.parametrize(("name", "schedule"), [("rebalance", RebalanceSchedule()), ("increase", IncreaseSchedule())])
def test_equals_the_recorded_weights(name: str, schedule: RebalanceSchedule | IncreaseSchedule) -> None:
    wanted = np.load(GOLDEN)[name]
    ours = [list(schedule(epoch).values()) for epoch in range(len(wanted))]
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_constant() -> None:
    assert ConstantSchedule(0.3, regional="dice", boundary="sdm")(0) == {"dice": 1.0, "sdm": 0.3}
    assert ConstantSchedule(0.3)(1000) == ConstantSchedule(0.3)(0)


def test_stop_and_floor() -> None:
    assert IncreaseSchedule(stop=0.2)(500)["boundary"] == 0.2
    assert RebalanceSchedule(floor=0.25)(500)["region"] == 0.25
    assert RebalanceSchedule(stop=0.51)(500) == pytest.approx({"region": 0.5, "boundary": 0.51})


def test_cosine_runs_from_start_to_stop_and_stays() -> None:
    schedule = CosineSchedule(length=10, start=0.1, stop=0.9, floor=0.3)
    alphas = [schedule(epoch)["boundary"] for epoch in range(15)]
    assert alphas[0] == pytest.approx(0.1)
    assert alphas[5] == pytest.approx(0.5)
    assert alphas[10:] == pytest.approx([0.9] * 5)
    assert all(np.diff(alphas[:11]) > 0)
    assert schedule(5)["region"] == pytest.approx(0.6)
    assert schedule(10)["region"] == 0.3
    assert CosineSchedule(length=10)(5)["region"] == 1.0


@pytest.mark.parametrize("schedule", [ConstantSchedule(), IncreaseSchedule(), RebalanceSchedule(), CosineSchedule(9)])
def test_pickles_and_holds_no_state(schedule: ConstantSchedule) -> None:
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    later = again(50)
    again(3)
    assert again(50) == later == schedule(50)


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match="`alpha` needs a finite number >= 0, got -1"):
        ConstantSchedule(-1)
    with pytest.raises(ValueError, match="`step` needs a finite number >= 0"):
        IncreaseSchedule(step=float("nan"))
    with pytest.raises(ValueError, match="`floor` needs a finite number >= 0"):
        RebalanceSchedule(floor=-0.1)
    with pytest.raises(ValueError, match="`length` needs a finite number > 0"):
        CosineSchedule(length=0)
    with pytest.raises(ValueError, match=r"`length` needs a number >= 1 \(epochs or steps\), got 0\.5"):
        CosineSchedule(length=0.5)  # type: ignore[arg-type]
