# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.data.volumes.volume_items import volume_stem


@pytest.mark.parametrize("name", ["a.txt", ".a.nii.gz", "a.nii.gz.part", "a.hdr"])
def test_what_is_no_volume(name: str) -> None:
    assert volume_stem(name) is None
