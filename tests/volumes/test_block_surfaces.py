# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary._typing import AnyArray
from monai_boundary.metrics import compute_surface_scores
from monai_boundary.volumes import evaluate_volume
from tests.volumes.conftest import cells, few_blocks

SPACING = (12.0, 4.0, 5.0)


def pair(seed: int) -> tuple[np.random.Generator, AnyArray, AnyArray]:
    """Labels 0..3 of which some differ near the borders, and some far from them."""
    rng = np.random.default_rng(seed)
    truth = cells(rng, tuple(rng.integers(3, 22, 3).tolist()), 7) % 4
    moved = np.roll(truth, rng.integers(0, 3, 3), (0, 1, 2))
    return rng, np.where(rng.random(truth.shape) < 0.02, 1, moved).astype(np.uint16), truth.astype(np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory(seed: int, tmp_path: Path, store: Callable[..., str]) -> None:
    rng, pred, truth = pair(seed)
    radius = (10.0, 25.0, 400.0)[seed % 3]
    result = evaluate_volume(
        store("p", pred),
        store("t", truth),
        tmp_path / "out",
        classes={"one": 1, "rest": [2, 3], "none": 9},
        radius_nm=radius,
        tolerance_nm=9.0,
        spacing=SPACING,
        block=few_blocks(rng, truth.shape) if seed else None,
        workers=1 + seed % 2,
        page=False,
    )
    assert result.classes is not None
    for name, labels in (("one", [1]), ("rest", [2, 3])):
        masks = [np.isin(values, labels) for values in (pred, truth)]
        expected = compute_surface_scores(*masks, SPACING, (9.0,))
        found = result.classes[name]
        dice = 2 * np.count_nonzero(masks[0] & masks[1]) / sum(map(np.count_nonzero, masks)) if masks[1].any() else 0
        assert found["dice"] == pytest.approx(dice)
        assert (found["nsd"], found["boundary_f"]) == pytest.approx((expected.nsd[0], expected.boundary_f[0]))
        for score, value in (("hd95", expected.hd95_mm), ("hd", expected.hd_mm)):
            known = value <= radius or not (masks[0].any() and masks[1].any())
            assert found[score] == pytest.approx(value if known else np.nan, nan_ok=True), score
        assert np.isnan(found["assd"]) == (found["beyond"] > 0)
        if radius == 400:
            assert found["assd"] == pytest.approx(expected.assd_mm)
    assert np.isnan(result.classes["none"]["dice"])
    assert result.classes["none"]["both_empty"] == 1


def test_in_processes_and_the_page(tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    _, pred, truth = pair(3)
    options: dict[str, Any] = {"classes": "one=1,rest=2+3", "spacing": SPACING, "block": 6}
    paths = store("p", pred), store("t", truth)
    found = evaluate_volume(*paths, tmp_path / "a", cluster=client, **options)
    assert found.classes == evaluate_volume(*paths, tmp_path / "b", page=False, **options).classes
    assert [path.name for path in found.files] == ["scores.json", "report.html"]
    page = (tmp_path / "a" / "report.html").read_text()
    assert "rest" in page
    assert f"{found.classes['rest']['dice']:.3f}" in page  # type: ignore[index]


def test_one_side_is_empty(tmp_path: Path, store: Callable[..., str]) -> None:
    truth = np.zeros((4, 4, 4), np.uint8)
    truth[1:3, 1:3, 1:3] = 1
    paths = store("p", np.zeros_like(truth)), store("t", truth)
    options: dict[str, Any] = {"classes": {"one": 1}, "spacing": 3, "block": 2, "page": False}
    for order, count in ((paths, "missed"), (paths[::-1], "false_alarm")):
        scores = (evaluate_volume(*order, tmp_path / count, **options).classes or {})["one"]
        assert (scores["dice"], scores["nsd"], scores["hd95"], scores[count]) == (0, 0, pytest.approx(432**0.5), 1)


def test_settings(tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("t", np.ones((4, 4, 4), np.uint8))
    for options, words in [
        ({}, r"`spacing` needs 3 entries .* for distances in nm"),
        ({"spacing": 1, "radius_nm": 5.0}, "`radius_nm` needs at least the tolerance of 10 nm, got 5"),
        ({"spacing": 1, "tolerance_nm": 0.0}, "`tolerance_nm` needs a finite number > 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            evaluate_volume(path, path, tmp_path / "out", classes="a=1", page=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"classes": "a=1", "border_tolerance_nm": 5.0}, "`border_tolerance_nm` needs instances, of which it is an"),
        ({"classes": "a=1", "ignore_labels": (7,)}, "`ignore_labels` needs instances"),
        ({"classes": "a=1", "per_section": True}, "`per_section` needs instances"),
        ({"radius_nm": 5.0}, "`radius_nm` needs `classes`"),
        ({"classes": "a=1,ignore=2"}, "`classes` needs none to ignore: by blocks every voxel of classes counts, got"),
    ],
)
def test_options_of_the_other_kind(
    option: dict[str, Any], message: str, tmp_path: Path, store: Callable[..., str]
) -> None:
    path = store("l", np.ones((2, 3, 4), np.uint8))
    with pytest.raises(ValueError, match=message):
        evaluate_volume(path, path, tmp_path / "out", spacing=4, page=False, **option)
