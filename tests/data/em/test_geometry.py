# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.em.geometry import GEOMETRY_FILE, EMGeometry, sidecar_geometry


def test_geometry_of_the_last_axes():
    volume = EMGeometry((50.0, 4.0, 5.0), (1.0, 2.0, 3.0))
    assert volume.last(2) == EMGeometry((4.0, 5.0), (2.0, 3.0))
    assert EMGeometry((4.0, 5.0)).last(3) == EMGeometry((1.0, 4.0, 5.0), None)
    assert EMGeometry((4.0, 4.0), (1.0, 1.0)).override(EMGeometry((8.0, 8.0))) == EMGeometry((8.0, 8.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("spacing", "offset", "words"),
    [
        ([0, 4, 4], None, "spacing in x.h5` needs finite entries > 0"),
        (["a", 4, 4], None, "`spacing` in x.h5 needs numbers"),
        (5, None, "`spacing` in x.h5 needs numbers"),
        ([50, 4, 4], [0, 0], r"`offset` in x.h5 needs 3 entries \(nm per axis\), got 2"),
    ],
)
def test_bad_geometry_names_the_file(spacing, offset, words):
    with pytest.raises(ValueError, match=words):
        EMGeometry.of(spacing, offset, Path("x.h5"))


def test_sidecar_is_found_beside_and_one_folder_above(tmp_path):
    (tmp_path / "image").mkdir()
    assert sidecar_geometry(tmp_path / "image" / "0.png") == EMGeometry()
    (tmp_path / GEOMETRY_FILE).write_text('{"spacing_nm": [50, 4, 4], "offset_nm": [0, 8, 0]}')
    stated = EMGeometry((50.0, 4.0, 4.0), (0.0, 8.0, 0.0))
    assert sidecar_geometry(tmp_path / "image" / "0.png") == stated
    assert sidecar_geometry(tmp_path / "image") == stated
    assert sidecar_geometry(tmp_path / "stack.tif") == stated


@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_bad_sidecar_is_named(tmp_path, text):
    (tmp_path / GEOMETRY_FILE).write_text(text)
    with pytest.raises(ValueError, match=f"needs a JSON object, could not read .*{GEOMETRY_FILE}"):
        sidecar_geometry(tmp_path / "0.png")
