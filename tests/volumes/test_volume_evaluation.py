# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary import volumes
from monai_boundary._typing import AnyArray
from monai_boundary.metrics import compute_cremi_score
from monai_boundary.volumes.overlap_counts import OverlapCount
from tests.volumes.conftest import cells, few_blocks
from tests.volumes.test_volume_segmentation import bytes_of
from tests.zarr_stores import chunk_file

evaluate_volume = partial(volumes.evaluate_volume, page=False)  # the page has its own test
SPACING = (30.0, 6.0, 4.0)
KINDS = (
    {},
    {"border_tolerance_nm": 9.0, "spacing": SPACING},
    {"border_tolerance_nm": 31.0, "spacing": SPACING, "border_per_section": False},
    {"per_section": True, "ignore_labels": (0, 3)},
    {"per_section": True, "border_tolerance_nm": 5.0, "spacing": SPACING},
)


def pair(rng: np.random.Generator) -> tuple[AnyArray, AnyArray]:
    """Two segmentations that share most of their borders; ids beyond 2**32, also in the truth."""
    shape = tuple(rng.integers(3, 24, 3).tolist())
    truth = cells(rng, shape, 8).astype(np.uint64)
    truth[truth == 5] = 2**40 + 3
    pred = np.where(rng.random(shape) < 0.1, 77, truth // 2)
    return pred.astype(np.uint64), truth


@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory(
    seed: int, tmp_path: Path, store: Callable[..., str], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monai_boundary.volumes.block_grid.PART_VOXELS", 64 + 1000 * (seed % 2))  # not on the cluster
    rng = np.random.default_rng(seed)
    pred, truth = pair(rng)
    kind: dict[str, Any] = KINDS[seed % len(KINDS)]
    block = few_blocks(rng, truth.shape) if seed else None  # the first is of one block
    paths = store("p", pred, (8, 5, 16)), store("t", truth)
    result = evaluate_volume(*paths, tmp_path / "out", block=block, workers=1 + seed % 2, **kind)
    np.testing.assert_equal(tuple(result.scores or ()), tuple(compute_cremi_score(pred, truth, **kind)))
    assert result.failed == ()
    evaluate_volume(*paths, tmp_path / "cluster", block=block, cluster=client, **kind)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "out")


def test_in_processes(tmp_path: Path, store: Callable[..., str], client: Any, rng: np.random.Generator) -> None:
    pred, truth = pair(rng)
    options: dict[str, Any] = {"border_tolerance_nm": 5.0, "spacing": SPACING}
    result = evaluate_volume(store("p", pred), store("t", truth), tmp_path / "out", block=9, cluster=client, **options)
    assert result.scores == compute_cremi_score(pred, truth, **options)
    content = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert content["scores"]["cremi_score"] == result.scores.cremi_score
    assert (content["voxels"], content["scored_voxels"]) == (truth.size, result.scored)
    assert [path.name for path in result.files] == ["scores.json", "splits.csv", "merges.csv"]


def test_all_background(tmp_path: Path, store: Callable[..., str]) -> None:
    nothing = store("t", np.zeros((9, 9, 9), np.uint8))
    result = evaluate_volume(nothing, nothing, tmp_path / "out", block=4)
    assert np.isnan(tuple(result.scores or ())).all()
    assert (result.scored, result.sections, result.objects) == (0, 0, (0, 0))
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["scores"]["ari"] is None
    per_section = evaluate_volume(nothing, nothing, tmp_path / "out2", block=4, per_section=True)
    assert np.isnan(tuple(per_section.scores or ())).all()
    two = store("two", np.repeat(np.array([0, 5, 7], np.uint8), 243).reshape(9, 9, 9))
    missed = evaluate_volume(nothing, two, tmp_path / "out3", block=4)
    assert missed.objects == (2, 0)


def test_what_failed_is_named_and_done_by_the_next_run(
    tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    truth = cells(rng, (16, 16, 16)).astype(np.uint32)
    path = Path(store("t", truth))
    done: list[int] = []
    count = OverlapCount.__call__
    monkeypatch.setattr(OverlapCount, "__call__", lambda self, block: (done.append(block.index), count(self, block))[1])
    lost = chunk_file(path, 1, 0, 1)
    lost.rename(tmp_path / "aside")
    os.utime(path, (1, 1))
    first = evaluate_volume(path, path, tmp_path / "out", block=8)
    assert first.scores is None
    assert [failure.block.index for failure in first.failed] == [5]
    assert str(lost) in first.failed[0].error
    assert not (tmp_path / "out" / "scores.json").exists()
    assert sorted(done) == [0, 1, 2, 3, 4, 5, 5, 5, 6, 7]
    # the store is another one with its chunk: what was counted of the broken one does not count
    (tmp_path / "aside").rename(lost)
    with pytest.raises(ValueError, match=r"other inputs.pred.files, inputs.truth.files"):
        evaluate_volume(path, path, tmp_path / "out", block=8)


def test_a_stopped_job_goes_on(
    tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    truth = cells(rng, (16, 16, 16)).astype(np.uint32)
    path = store("t", truth)
    done: list[int] = []
    count = OverlapCount.__call__

    def stopped(self: OverlapCount, block: Any) -> None:
        if block.index == 6 and 6 not in done:
            done.append(6)
            raise KeyboardInterrupt
        done.append(block.index)
        count(self, block)

    monkeypatch.setattr(OverlapCount, "__call__", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate_volume(path, path, tmp_path / "out", block=8)
    before = sorted(done[:-1])
    again = evaluate_volume(path, path, tmp_path / "out", block=8)
    assert again.scores is not None
    assert again.scores.cremi_score == 0
    assert sorted(done) == sorted([*range(8), 6]), f"nothing is done twice: {before}"


def test_bad_input(tmp_path: Path, store: Callable[..., str]) -> None:
    a, b = store("a", np.ones((4, 4, 4), np.uint8)), store("b", np.ones((4, 4, 5), np.uint8))
    with pytest.raises(ValueError, match="`pred` needs the shape of `truth`"):
        evaluate_volume(a, b, tmp_path / "out")
    with pytest.raises(ValueError, match=r"`spacing` needs 3 entries .* for a border tolerance in nm"):
        evaluate_volume(a, a, tmp_path / "out", border_tolerance_nm=5)
    with pytest.raises(ValueError, match="`border_tolerance_nm` needs a finite number >= 0"):
        evaluate_volume(a, a, tmp_path / "out", border_tolerance_nm=-5, spacing=1)
    coarse, fine = (
        store(f"of{z}", np.ones((4, 4, 4), np.uint8), attributes={"resolution": [z, 4, 4]}) for z in (40, 50)
    )
    with pytest.raises(
        ValueError, match="`pred` needs the grid of `truth`, got voxels of 50, 4, 4 against 40, 4, 4 nm"
    ):
        evaluate_volume(fine, coarse, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert evaluate_volume(fine, coarse, tmp_path / "given", spacing=8, page=False).scored == 64
    halves = evaluate_volume(store("c", np.full((4, 4, 4), 0.5)), a, tmp_path / "out")
    assert "needs" in halves.failed[0].error
