# SPDX-License-Identifier: Apache-2.0
"""Terms are values: those of equal rays share their energies."""

from __future__ import annotations

import pytest

from monai_boundary.ops.equipotential_terms import PotentialTerm, Rays


def test_rays_that_are_the_same_are_one() -> None:
    terms = [
        PotentialTerm("point", Rays(9)),
        PotentialTerm("line", Rays(9, "A", "replicate")),
        PotentialTerm("line", Rays(9, "B")),
    ]
    assert list(dict.fromkeys(term.rays for term in terms)) == [Rays(9), Rays(9, "B")]
    assert terms[0] != PotentialTerm("point", Rays(9), norm=1)


def test_a_term_does_not_change_under_a_loss_that_holds_it() -> None:
    with pytest.raises(AttributeError):
        PotentialTerm("point", Rays()).weight = 2.0  # type: ignore[misc]
