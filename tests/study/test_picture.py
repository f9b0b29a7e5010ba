# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.io import imread

from monai_boundary.study import arm_scores, draw_study, read_study
from tests.study.pretend_bundle import study

GREEN, RED = (27, 120, 55), (178, 24, 43)


def colours(path: Path) -> tuple[int, int]:
    pixels = imread(path)[..., :3]
    return tuple(int((pixels == colour).all(-1).sum()) for colour in (GREEN, RED))  # type: ignore[return-value]


def test_better_is_green_worse_is_red_and_noise_neither(bundle: Path, tmp_path: Path) -> None:
    """Dice up is better, HD95 up is worse; a difference that changes its sign is neither."""
    plan = read_study(study(bundle, arms={"plain": {}, "other": {}}))
    rows = []
    for seed in range(3):
        rows.append({"arm": "plain", "seed": seed, "fold": None, "dice": 0.5, "hd95_mm": 5.0, "seconds_per_step": 0.1})
        rows.append({**rows[-1], "arm": "other", "dice": 0.7 + 0.01 * seed})
    draw_study(plan, arm_scores(plan, rows), rows, tmp_path / "better.png")
    green, red = colours(tmp_path / "better.png")
    assert green > 20
    assert red == 0
    for row in rows:
        if row["arm"] == "other":
            row |= {"dice": 0.5 + (-1) ** row["seed"], "hd95_mm": 9.0 + 0.01 * row["seed"]}
    draw_study(plan, arm_scores(plan, rows), rows, tmp_path / "worse.png")
    green, red = colours(tmp_path / "worse.png")
    assert green == 0
    assert red > 20


def test_undefined_scores_and_a_base_alone_do_not_break_it(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle))
    row = {"arm": "plain", "seed": 0, "fold": None, "dice": 0.5, "hd95_mm": np.nan, "seconds_per_step": np.nan}
    for rows in ([row], [row, {**row, "arm": "same", "dice": np.nan}]):
        draw_study(plan, arm_scores(plan, rows), rows, tmp_path / "study.png")
        assert imread(tmp_path / "study.png").ndim == 3
