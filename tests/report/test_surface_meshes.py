# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from monai_boundary.report.surface_meshes import signed_error, surface_meshes
from tests.report.case_folders import ball


def values(packed: dict[str, str]) -> Any:
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}")


def test_a_larger_ball_lies_outside_everywhere() -> None:
    true, pred = (ball((24, 24, 24), (12, 12, 12), radius) > 0 for radius in (6, 9))
    found = surface_meshes(pred, true, (1.0, 1.0, 1.0))
    error = values(found["prediction"]["intensity"])
    assert np.median(error) == pytest.approx(3, abs=0.5)
    assert error.min() > 1.5
    assert 3 < found["limit"] <= error.max()
    inside = values(surface_meshes(true, pred, (1.0, 1.0, 1.0))["prediction"]["intensity"])
    assert inside.max() < -1.5


def test_vertices_are_in_millimetres_from_the_first_voxel() -> None:
    mask = np.zeros((10, 12, 8), bool)
    mask[4:7, 5:9, 2:4] = True
    found = surface_meshes(mask, mask, (1.0, 0.5, 3.0))
    for side in ("prediction", "truth"):
        ends = [(values(found[side][axis]).min(), values(found[side][axis]).max()) for axis in "xyz"]
        assert ends == [(3.5, 6.5), (2.25, 4.25), (4.5, 10.5)]
    assert np.abs(values(found["prediction"]["intensity"])).max() < 1e-6
    assert values(found["truth"]["i"]).max() < len(values(found["truth"]["x"]))


def test_large_masks_become_coarser_and_stay_in_place() -> None:
    mask = ball((60, 60, 60), (30, 30, 30), 25) > 0
    found = surface_meshes(mask, mask, (1.0, 1.0, 1.0), most_faces=1500)["truth"]
    assert len(values(found["i"])) <= 2000
    for axis in "xyz":
        assert values(found[axis]).mean() == pytest.approx(30, abs=0.5)
        assert np.ptp(values(found[axis])) == pytest.approx(50, abs=5)


def test_thin_and_empty_masks() -> None:
    sheet = np.zeros((40, 40, 9), bool)
    sheet[:, :, 4] = True
    nothing = np.zeros_like(sheet)
    assert surface_meshes(nothing, nothing, (1.0, 1.0, 1.0)) == {}
    assert set(surface_meshes(nothing, sheet, (1.0, 1.0, 1.0), 200)) == {"truth"}
    alone = surface_meshes(sheet, nothing, (1.0, 1.0, 1.0), 200)
    assert set(alone) == {"prediction"}
    assert "intensity" not in alone["prediction"]


def test_points_outside_of_the_box() -> None:
    true = np.ones((3, 3, 3), bool)
    far = signed_error(np.array([[1.0, 1.0, 9.0], [1.0, 1.0, -6.0]]), true, (1.0, 1.0, 1.0))
    np.testing.assert_allclose(far, [6.5, 5.5])
