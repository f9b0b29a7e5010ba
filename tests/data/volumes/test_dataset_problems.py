# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.data.volumes.dataset_problems import DatasetProblem, check_problems


def test_problems_are_all_named_by_kind() -> None:
    problems = [
        DatasetProblem("missing files", "a.nii", "case a"),
        DatasetProblem("double names", "b"),
        DatasetProblem("missing files", "c.nii", "case c"),
    ]
    expected = r"got D with missing files \(2\): a.nii \(case a\), c.nii \(case c\); double names \(1\): b\."
    with pytest.raises(ValueError, match=expected):
        check_problems(problems, "D")
    check_problems([], "D")
    many = [DatasetProblem("missing files", str(k)) for k in range(105)]
    with pytest.raises(ValueError, match=r"missing files \(105\): 0, .*, 99, and 5 more\."):
        check_problems(many, "D")
