# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_boundary.report.case_drawing import DrawJob, cases_to_draw, picture_jobs, write_drawing
from monai_boundary.report.case_evaluation import CaseJob, CaseOptions
from monai_boundary.report.label_volume import GivenSpacing
from monai_boundary.report.report_tables import report_tables
from tests.report.case_folders import ball, write_nifti
from tests.report.test_report_tables import record

TABLES = report_tables([record(f"c{k}", ball(radius=1 + k / 4)) for k in range(20)], ["m"], "dice")


def test_which_are_drawn() -> None:
    chosen = cases_to_draw(TABLES, "worst")
    ranked = [row["case"] for row in TABLES.ranked]
    assert [case for _, case in chosen] == [*ranked[:6], *ranked[9:11]]
    assert next(iter(chosen.values())) == "rank 1 from the worst"
    assert list(chosen.values())[-1] == "median"
    assert len(cases_to_draw(TABLES, "all")) == 20
    assert cases_to_draw(TABLES, "none") == cases_to_draw(TABLES, 0) == {}
    assert len(cases_to_draw(TABLES, 3)) == 5


def test_methods_that_differ_are_drawn_side_by_side() -> None:
    records = [record(f"c{k}", method=m) for m in ("a", "b") for k in range(12)]
    records[17] = record("c5", ball(radius=2.0), method="b")
    chosen = cases_to_draw(report_tables(records, ["a", "b"], "dice"), 1)
    assert chosen["b", "c5"] == "rank 1 from the worst"
    assert chosen["a", "c5"] == "b and a differ much"


@pytest.mark.parametrize("pictures", ["best", -1, True])
def test_pictures_that_are_none(pictures: Any) -> None:
    with pytest.raises(ValueError, match="`pictures` needs"):
        cases_to_draw(TABLES, pictures)


def job(tmp_path: Path, pred: Any, true: Any, **options: Any) -> CaseJob:
    files = write_nifti(tmp_path / "pred.nii.gz", pred), write_nifti(tmp_path / "true.nii.gz", true)
    return CaseJob("m", "a", *files, CaseOptions(**options), tmp_path / "cases" / "a.json")


def drawn(work: DrawJob) -> Any:
    assert write_drawing(work) == ""
    return json.loads(work.drawing.read_text())


def test_a_drawing_fits(tmp_path: Path) -> None:
    work = DrawJob(job(tmp_path, ball(), ball()), (), "why", tmp_path / "d" / "a.json")
    whole = drawn(work)
    assert (whole["case"], whole["reason"], list(whole["meshes"])) == ("a", "why", ["1"])
    small = drawn(work._replace(most_bytes=10_000))
    assert len(work.drawing.read_text()) < len(json.dumps(whole))
    assert len(small["views"][0]["slices"]) < len(whole["views"][0]["slices"])


def test_images_behind_lie_on_the_grid_or_are_left_out(tmp_path: Path) -> None:
    work = job(tmp_path, ball(), ball())
    image = np.random.default_rng(0).normal(size=(12, 12, 8)).astype(np.float32)
    good = write_nifti(tmp_path / "image.nii", image)
    moved = write_nifti(tmp_path / "moved.nii", image, origin=(9, 0, 0))
    jobs = [DrawJob(work, paths, "why", tmp_path / "a.json") for paths in ((good,), (moved, good), (moved,))]
    assert ["image" in drawn(one)["views"][0]["slices"][0] for one in jobs] == [True, True, False]
    said = [drawn(one)["reason"] for one in jobs]
    assert said[:2] == ["why", "why"]
    assert said[2].startswith("why; moved.nii is on another grid and not drawn: origin")


def test_images_of_channels_and_those_that_cannot_be_read(tmp_path: Path) -> None:
    """Either left the whole case without a picture; of channels (the Decathlon's tumours) the first is shown."""
    work = job(tmp_path, ball(), ball())
    channels = np.zeros((12, 12, 8, 2), np.float32)
    channels[6:, ..., 0] = 1
    colour = tmp_path / "colour.png"
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(colour)
    files = {"several": write_nifti(tmp_path / "several.nii", channels), "colour": colour}
    files["alone"] = write_nifti(tmp_path / "alone.nii", channels[..., 0])
    found = {name: drawn(DrawJob(work, (file,), "why", tmp_path / "a.json")) for name, file in files.items()}
    views = {name: of["views"][0]["slices"][0] for name, of in found.items()}
    assert views["several"]["image"] == views["alone"]["image"]
    assert "truth" in views["colour"]
    assert "image" not in views["colour"]
    assert found["colour"]["reason"].startswith("why; colour.png is not drawn: `source` needs grey values")


def test_a_given_spacing_is_that_of_the_image_too(tmp_path: Path) -> None:
    """It is given because files state a wrong one: the image had that, and was on another grid."""
    work = job(tmp_path, ball(), ball(), spacing=GivenSpacing((1.0, 1.0, 3.0)))
    image = write_nifti(tmp_path / "image.nii", ball().astype(np.float32), (1.0, 1.0, 2.0), (5, 0, 0))
    found = drawn(DrawJob(work, (image,), "why", tmp_path / "a.json"))
    assert found["reason"] == "why"
    assert "image" in found["views"][0]["slices"][0]


def test_nothing_to_draw_instances_and_failures(tmp_path: Path) -> None:
    empty = drawn(DrawJob(job(tmp_path, ball() * 0, ball() * 0), (), "", tmp_path / "a.json"))
    assert (empty["views"], empty["meshes"]) == ([], {})
    objects = drawn(DrawJob(job(tmp_path, ball(), ball(), instances=True), (), "", tmp_path / "a.json"))
    assert objects["views"][0]["slices"][0]["overlay"].startswith("data:image/png")
    gone = job(tmp_path, ball(), ball())
    gone.truth.unlink()
    assert "true.nii.gz" in write_drawing(DrawJob(gone, (), "", tmp_path / "b.json"))
    assert not (tmp_path / "b.json").exists()


def test_jobs_of_a_choice(tmp_path: Path) -> None:
    work = job(tmp_path, ball(), ball())
    found = picture_jobs([work], {("m", "a"): "why", ("m", "other"): ""}, {"a": [tmp_path / "i"]}, tmp_path)
    assert [(one.job, one.images, one.reason) for one in found] == [(work, (tmp_path / "i",), "why")]
    assert math.isfinite(found[0].most_bytes)
