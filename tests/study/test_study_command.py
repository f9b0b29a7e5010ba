# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.study import study_command


def test_a_mistake_is_an_error_of_the_command() -> None:
    with pytest.raises(ValueError, match="`output_dir` needs the folder of a study"):
        study_command.main(["table", "--output_dir", "nowhere"])
