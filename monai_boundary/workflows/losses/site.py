# SPDX-License-Identifier: Apache-2.0
"""What the losses of a task see: how its labels are laid out, and the targets that its batches hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monai_boundary._validation import check_choice

Options = Mapping[str, Any]

# keyword of a loss -> key of the batch
_MAPS = {"distance_map": "sdm_label"}
_SEEDS = {"seeds": "seeds_label", "regions": "regions_label", "cells": "cells_label"}


@dataclass(frozen=True)
class LossSite:
    """What the losses of a task see.

    Args:
        labels: name of the layout, a key of ``SITES``.
        softmax: the prediction holds logits of exclusive classes and the label is an index; else logits of channels
            that are each a mask by itself.
        base: name of the loss that boundary terms are added to.
        targets: keyword of a loss -> key of the batch, for all that a batch of the task can hold.
        overlapping: several channels may be 1 in one voxel.
        walls: the label is the walls between regions.
        mask: some voxels do not count, and a loss has to leave them out.
        edges: the network has an edge head, and whether it is supervised; None where it has none.
        options: arguments of losses by name, where they differ from those of the class.
        titles: what the terms of losses of the region are called; the loss's name where none is given.
    """

    labels: str
    softmax: bool
    base: str
    targets: Mapping[str, str]
    overlapping: bool = False
    walls: bool = False
    mask: bool = False
    edges: bool | None = None
    options: Mapping[str, Options] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, name: str) -> str:
        """Return what the term of a loss of the region is called."""
        return self.titles.get(name, self.titles.get("", name))

    @property
    def activation(self) -> dict[str, Any]:
        """The arguments that turn the network's output into probabilities, and the label into masks."""
        return {"softmax": True, "to_onehot_y": True} if self.softmax else {"sigmoid": True}


SITES: dict[str, LossSite] = {
    site.labels: site
    for site in (
        LossSite(
            "classes",
            softmax=True,
            base="generalized_dice",
            targets=_MAPS,
            options={"weighted_bce": {"balance": "batch"}},
            titles={"": "region"},
        ),
        LossSite(
            "binary",
            softmax=False,
            base="dice",
            targets=_MAPS,
            options={"weighted_bce": {"balance": "batch"}, "dice": {"squared_pred": True}},
        ),
        LossSite(
            "regions",
            softmax=False,
            base="dice",
            targets=_MAPS,
            overlapping=True,
            options={"weighted_bce": {"balance": "batch"}, "dice": {"squared_pred": True}},
        ),
        LossSite(
            "membrane",
            softmax=False,
            base="cross_entropy",
            targets={**_SEEDS, **_MAPS},
            walls=True,
            options={"weighted_bce": {"balance": "batch"}, "distance_ce": {"sigma": 20.0}},  # nm
            titles={"cross_entropy": "bce"},
        ),
    )
}


def loss_site(
    labels: str,
    base: str | None = None,
    mask: bool = False,
    edges: bool | None = None,
    defaults: Mapping[str, Options] | None = None,
) -> LossSite:
    """Return what the losses of a task see.

    Args:
        labels: ``"classes"`` (exclusive, softmax, the label is an index), ``"binary"`` (one channel, sigmoid),
            ``"regions"`` (channels that may overlap, sigmoid) or ``"membrane"`` (walls between instances, sigmoid).
        base: name of the loss that boundary terms are added to; by default that of the layout.
        mask: the batches hold which voxels count (``label_counted``).
        edges: the network has an edge head, and whether it is supervised (``edge_label``); None where it has none.
        defaults: arguments of losses by name, beside those of the layout.

    Raises:
        ValueError: if the layout is another.

    Example:
        >>> loss_site("classes", mask=True).targets
        {'distance_map': 'sdm_label', 'mask': 'label_counted'}
    """
    check_choice("labels", labels, tuple(SITES))
    site = SITES[labels]
    targets = {
        **site.targets,
        **({"mask": "label_counted"} if mask else {}),
        **({"edges": "edge_label"} if edges is not None else {}),
    }
    options = {
        name: {**site.options.get(name, {}), **_given((defaults or {}).get(name, {}))}
        for name in {*site.options, *(defaults or {})}
    }
    return dataclasses.replace(site, base=base or site.base, mask=mask, edges=edges, targets=targets, options=options)


def _given(options: Options) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
