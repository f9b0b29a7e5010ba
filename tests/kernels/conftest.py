# SPDX-License-Identifier: Apache-2.0
"""What the tests of several kernels share."""

from __future__ import annotations

import pytest


def volume(array):
    """Return an image as the kernels take it: (D, H, W), of one section where it has two axes."""
    return array if array.ndim == 3 else array[None]


@pytest.fixture(params=["compiled", "python"])
def run(request):
    """Call a kernel compiled or as plain Python."""
    if request.param == "compiled":
        return lambda function, *args: function(*args)
    return lambda function, *args: function.py_func(*args)
