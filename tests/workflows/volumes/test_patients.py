# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.workflows.volumes.patients import with_patients

CASES = [
    {"case": "sub-1-base", "image": "a"},
    {"case": "sub-1-later", "image": "b"},
    {"case": "sub-2-base", "image": "c"},
]


@pytest.mark.parametrize("pattern", [r"sub-\d", r"(sub-\d)-"])
def test_the_patient_is_what_is_found_or_its_first_group(pattern: str) -> None:
    found = with_patients(CASES, pattern)
    assert [item["patient"] for item in found] == ["sub-1", "sub-1", "sub-2"]
    assert [item["image"] for item in found] == ["a", "b", "c"]
    assert "patient" not in CASES[0]


def test_what_is_refused() -> None:
    with pytest.raises(
        ValueError, match="`patient_pattern` needs to be found in all cases, got 'later' and 'sub-1-base'"
    ):
        with_patients(CASES, "later")
    with pytest.raises(ValueError, match="`patient_pattern` needs a regular expression, got"):
        with_patients(CASES, "(")
