# SPDX-License-Identifier: Apache-2.0
"""A boundary term beside that of the region: with a weight, or with a share of its gradient."""

from __future__ import annotations

from typing import Any

from torch import nn

from monai_boundary.losses import CompoundLoss
from monai_boundary.workflows.losses.site import LossSite, Options
from monai_boundary.workflows.losses.table import find_loss, make_loss

BALANCES = ("weight", "measure", "share")


def add_boundary_term(
    site: LossSite, loss: str, options: Options, balance: str
) -> tuple[Any, str, list[nn.Module], nn.Module]:
    """Return a boundary term with what it is added to, the name of the latter's term, and the two of them.

    Args:
        site: what the task's losses see.
        loss: name of a boundary term.
        options: further arguments of its class.
        balance: ``"weight"``; ``"share"``: the weight follows from a share of the gradient; ``"measure"``: a weight,
            and the gradients are measured. A loss that holds the region's term itself (``baloss``) is taken apart for
            the last two.

    Example:
        >>> from monai_boundary.workflows.losses.site import loss_site
        >>> loss, name, _, _ = add_boundary_term(loss_site("binary"), "sobel", {}, "share")
        >>> name, loss.weights
        ('dice', {'dice': 1.0, 'boundary': 0.1})
    """
    entry = find_loss(site, loss)
    if entry.whole and balance == "weight":
        term = make_loss(site, loss, options)
        return term, "bce", [], term
    base, apart = ("cross_entropy", {"include_base": False, "alpha": 1.0}) if entry.whole else (site.base, {})
    region, term = make_loss(site, base, {}), make_loss(site, loss, {**options, **apart})
    name = site.title(base)
    shares = {"weight": None, "measure": {}, "share": {"boundary": entry.share}}[balance]
    return CompoundLoss({name: region, "boundary": term}, shares=shares), name, [region], term
