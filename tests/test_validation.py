# SPDX-License-Identifier: Apache-2.0
"""The checks used in more than one room, and their wording."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

from monai_boundary import _validation as check


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: check.check_choice("method", "x", ("a", "b")),
            ValueError,
            "`method` needs one of 'a', 'b', got 'x'.",
        ),
        (lambda: check.check_spatial_dims("label", 4), ValueError, "`label` needs 2 or 3 spatial dimensions, got 4."),
        (
            lambda: check.check_same_shape("seeds", [2, 3], "image", (2, 4)),
            ValueError,
            "`seeds` needs the shape of `image`, (2, 4), got (2, 3).",
        ),
        (lambda: check.check_positive("alpha", 0.0), ValueError, "`alpha` needs a finite number > 0, got 0.0."),
        (
            lambda: check.check_positive("alpha", -1, zero=True),
            ValueError,
            "`alpha` needs a finite number >= 0, got -1.",
        ),
        (lambda: check.check_positive("alpha", math.nan), ValueError, "`alpha` needs a finite number > 0, got nan."),
        (lambda: check.check_positive("alpha", math.inf), ValueError, "`alpha` needs a finite number > 0, got inf."),
        (
            lambda: check.check_spacing((1.0, 1.0), 3),
            ValueError,
            "`spacing` needs 3 entries (mm per axis), got 2: (1.0, 1.0).",
        ),
        (
            lambda: check.check_spacing((1, 0), 2, "resolution", "nm"),
            ValueError,
            "`resolution` needs finite entries > 0 (nm per axis), got (1.0, 0.0).",
        ),
        (
            lambda: check.check_spacing(math.nan, 2),
            ValueError,
            "`spacing` needs finite entries > 0 (mm per axis), got (nan, nan).",
        ),
        (
            lambda: check.check_spacing("median", 6, unit="nm"),
            ValueError,
            "`spacing` needs numbers (nm per axis), got 'median'.",
        ),
        (
            lambda: check.check_image_batch("input", (0, 1, 6, 6)),
            ValueError,
            "`input` needs at least one item, channel and voxel, got shape (0, 1, 6, 6).",
        ),
        (
            lambda: check.check_image_batch("input", (2, 1, 6)),
            ValueError,
            "`input` needs 2 or 3 spatial dimensions, got 1.",
        ),
        (
            lambda: check.check_section_axis(0, 2),
            ValueError,
            "`section_axis` needs an axis of a 3-D image, got 0 for 2 spatial dimensions.",
        ),
        (
            lambda: check.check_section_axis(-4, 3),
            ValueError,
            "`section_axis` needs an axis of a 3-D image, got -4 for 3 spatial dimensions.",
        ),
    ],
)
def test_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_accepted() -> None:
    check.check_choice("method", "a", ("a", "b"))
    check.check_spatial_dims("label", 2)
    check.check_spatial_dims("label", 3)
    check.check_same_shape("seeds", [2, 3], "image", (2, 3))
    check.check_image_batch("input", (1, 1, 1, 1, 1))
    check.check_positive("alpha", 0, zero=True)
    check.check_positive("alpha", 1e-9)


def test_spacing_is_given_per_axis() -> None:
    assert check.check_spacing(None, 3) == (1.0, 1.0, 1.0)
    assert check.check_spacing(2, 2) == (2.0, 2.0)
    assert check.check_spacing([40, 4, 4], 3) == (40.0, 4.0, 4.0)


def test_a_section_axis_counts_from_the_front() -> None:
    assert check.check_section_axis(None, 2) is None
    assert check.check_section_axis(-1, 3) == 2
    assert check.check_section_axis(0, 3) == 0
