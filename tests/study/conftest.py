# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.study.pretend_bundle import bundle

__all__ = ["bundle"]
