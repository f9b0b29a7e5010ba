# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.transforms._keys import KeyByKey, added_keys, one_for_each


def test_new_keys_begin_with_the_target_s_name() -> None:
    assert added_keys("sdm", None, ("label", "other")) == ("sdm_label", "sdm_other")
    assert added_keys("sdm", "map", ("label",)) == ("map",)


@pytest.mark.parametrize("given", ["x", ["x", "x"], ["x", "y", "z"], []])
def test_results_under_one_name_are_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"`suffix` needs one for each of \('a', 'b'\), all different, got"):
        one_for_each("suffix", given, ("a", "b"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"`output_keys` needs one for each of \('a', 'b'\), all different, got"):
        KeyByKey(["a", "b"], abs, given)  # type: ignore[arg-type]


def test_key_by_key() -> None:
    data = {"a": -1, "b": -2, "rest": -3}
    assert KeyByKey(["a", "b"], abs)(data) == {"a": 1, "b": 2, "rest": -3}
    assert KeyByKey(["a", "b"], abs, ["x", "y"])(data) == {**data, "x": 1, "y": 2}
    assert KeyByKey(["a", "none"], abs, ["x", "y"], allow_missing_keys=True)(data) == {**data, "x": 1}
    with pytest.raises(KeyError, match="none"):
        KeyByKey("none", abs)(data)
    assert data == {"a": -1, "b": -2, "rest": -3}
