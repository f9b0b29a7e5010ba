# SPDX-License-Identifier: Apache-2.0
"""What the tests of the bundles share beside the runs themselves."""

from __future__ import annotations

import pytest

from monai_boundary.handlers.pictures.cases import CasePictures


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no pictures in trainings of which nobody looks at them: they take as long as all the rest of a tiny one."""
    monkeypatch.setattr(CasePictures, "draw", lambda pictures, engine: None)
