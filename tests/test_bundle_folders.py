# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary._bundle_folders import bundle_home, bundle_names, find_bundle


def test_the_bundles_of_the_repository(repo: Path) -> None:
    assert bundle_home() == repo / "bundles"
    assert set(bundle_names()) == {path.parents[1].name for path in (repo / "bundles").glob("*/configs/train.yaml")}
    assert find_bundle("wmh_mri_boundary") == repo / "bundles" / "wmh_mri_boundary"
    assert find_bundle(repo / "bundles" / "wmh_mri_boundary") == repo / "bundles" / "wmh_mri_boundary"
    with pytest.raises(ValueError, match=r"`bundle` needs one of brats_mri_boundary, .*, got 'wmh'"):
        find_bundle("wmh")
