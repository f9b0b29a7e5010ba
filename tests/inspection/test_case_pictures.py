# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.inspection.case_pictures import PictureJob, cases_to_show, draw_labelled_case
from monai_boundary.inspection.finding import ERROR, Finding
from tests.data.volume_layouts import blob, save
from tests.inspection.records import record, structure


def test_extremes_and_odd_cases_are_shown() -> None:
    records = [record(c, classes={"a": structure(n)}) for c, n in zip("abcde", (50, 10, 30, 90, 40), strict=True)]
    records[4]["findings"] = [Finding(ERROR, "fractional", "e")]
    records.append({"case": "f", "patient": "f", "files": [], "findings": []})
    shown = cases_to_show(records)
    assert shown["e"] == "fractional"
    assert shown["b"] == "least volume of its structures"
    assert shown["d"] == "most volume of its structures"
    assert set(shown) == set("abcde")
    assert len(cases_to_show(records, 2)) == 2
    assert cases_to_show([]) == {}


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_a_drawing(tmp_path: Path, suffix: str) -> None:
    image, label = blob(0)
    files = {"image": str(save(tmp_path / f"i{suffix}", image)), "label": str(save(tmp_path / f"l{suffix}", label))}
    drawn = draw_labelled_case(PictureJob({**files, "case": "x"}, {"front": 1, "back": 2}, None, "why"))
    assert (drawn["error"], drawn["reason"], len(drawn["views"])) == ("", "why", 3)
    for view in drawn["views"]:
        assert view["image"].startswith("data:image/jpeg;base64,")
        assert any(path.startswith("M") for path in view["paths"].values())
    assert set(drawn["views"][2]["paths"]) == {"front", "back"}


def test_an_image_on_another_grid_and_one_that_is_gone(tmp_path: Path) -> None:
    image, label = blob(0)
    item = {
        "image": str(save(tmp_path / "i.nii", image[2:])),
        "label": str(save(tmp_path / "l.nii", label)),
        "case": "x",
    }
    drawn = draw_labelled_case(PictureJob(item, {"front": 1}, None, ""))
    assert [view["image"] for view in drawn["views"]] == ["", "", ""]
    gone = PictureJob({**item, "label": str(tmp_path / "no.nii")}, {}, None, "")
    assert "FileNotFoundError" in draw_labelled_case(gone)["error"]


def test_slices_are_drawn(tmp_path: Path) -> None:
    image, label = blob(0, (20, 16))
    item = {"image": str(save(tmp_path / "i.nii", image)), "label": str(save(tmp_path / "l.nii", label)), "case": "x"}
    (view,) = draw_labelled_case(PictureJob(item, {"front": 1}, None, ""))["views"]
    assert view["paths"]["front"].startswith("M")
