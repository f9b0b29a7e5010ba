# SPDX-License-Identifier: Apache-2.0
"""What the contract tests need to know of each public transform: how it is made, and what it is given.

A new transform adds a ``TransformCase``. The tests draw the masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary import transforms
from tests.oracles.regions import flood_regions
from tests.oracles.signed_distance import face_distance

SHAPES = {"2-D": (9, 11), "3-D": (4, 7, 8)}
MASKS = ("walls", "empty", "full")


@dataclass(frozen=True)
class TransformCase:
    """A transform with what it is given.

    Attributes:
        name: of the array transform; the dictionary form has a ``d`` more.
        given: from a boolean mask (1, spatial) to the inputs of the array form, by the keys of the dictionary form.
        made: keys of the results.
        dtype: of the results; None keeps that of the first input.
        options: of both forms.
        keys: of the dictionary form; the first input's by default.
        more: further arguments of the dictionary form.
        less: further arguments of the array form.
        channels: of each result, by spatial dimensions.
        discrete: the inputs are whole numbers, so that they may come in any dtype that holds them.
        shapes: those that it takes.
    """

    name: str
    given: Callable[[Tensor], dict[str, Tensor]]
    made: tuple[str, ...]
    dtype: torch.dtype | None
    options: dict[str, Any] = field(default_factory=dict)
    keys: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    less: dict[str, Any] = field(default_factory=dict)
    channels: Callable[[int], int] = lambda ndim: 1
    discrete: bool = True
    shapes: tuple[tuple[int, ...], ...] = tuple(SHAPES.values())

    def array(self) -> Any:
        """Return the array form."""
        return getattr(transforms, self.name)(**self.options, **self.less)

    def dictionary(self, given: dict[str, Tensor]) -> Any:
        """Return the dictionary form for these inputs."""
        return getattr(transforms, f"{self.name}d")(self.keys or next(iter(given)), **self.options, **self.more)

    def run(self, given: dict[str, Tensor]) -> list[Tensor]:
        """Return what the array form makes."""
        made = self.array()(*given.values())
        return [made] if isinstance(made, Tensor) else [one for one in made if one is not None]

    def run_dictionary(self, given: dict[str, Tensor]) -> list[Tensor]:
        """Return what the dictionary form makes."""
        made = self.dictionary(given)(given)
        items = made if isinstance(made, list) else [made]
        return [item[key] for item in items for key in self.made]

    def __str__(self) -> str:
        """Return the name, as pytest shows it."""
        return self.name


def mask_of(kind: str, shape: tuple[int, ...]) -> Tensor:
    """Return a mask (1, spatial): lines that part the image, or all 0, or all 1."""
    mask = torch.zeros(1, *shape, dtype=torch.bool)
    if kind == "walls":
        mask[..., 4, :] = mask[..., :, 5] = True
    return ~mask if kind == "full" else mask


def _regions(mask: Tensor) -> dict[str, Tensor]:
    """Components of what is no wall, and a seed at the first voxel of each."""
    regions = torch.from_numpy(flood_regions(~mask[0].numpy()).astype(np.int32))[None]
    seeds = torch.zeros_like(regions)
    for number in range(1, int(regions.max()) + 1):
        seeds[tuple((regions == number).nonzero()[0])] = number
    return {"regions_label": regions, "seeds_label": seeds}


def _ids(mask: Tensor) -> Tensor:
    return torch.from_numpy(flood_regions(~mask[0].numpy()).astype(np.int32))[None]


def _nested(mask: Tensor) -> Tensor:
    """Masks of three regions, each within the one before."""
    middle = mask.clone()
    middle[..., 2:] = False
    inner = mask.clone()
    inner[..., 1:] = False
    return torch.cat([mask, middle, inner])


def _map(mask: Tensor) -> dict[str, Tensor]:
    """A map without its sign, as interpolation may leave it, and the label."""
    found = (
        face_distance(mask[0].numpy(), (1.0,) * (mask.ndim - 1)) if mask.any() and not mask.all() else mask[0].float()
    )
    return {"sdm_label": torch.as_tensor(np.abs(np.asarray(found, dtype=np.float32)))[None], "label": mask.float()}


def label(mask: Tensor) -> dict[str, Tensor]:
    """The mask as a label, float32."""
    return {"label": mask.float()}


_MAPS = ("regions_label", "seeds_label", "cells_label")
CASES = [
    TransformCase("RegionTargets", label, _MAPS, torch.int32),
    TransformCase("ReseedRegions", _regions, _MAPS[:2], torch.int32, keys="label", less={"cells": False}),
    TransformCase("EdgeMask", label, ("edge_label",), torch.float32),
    TransformCase("SignedDistanceMap", label, ("sdm_label",), torch.float32),
    TransformCase(
        "PotentialField",
        label,
        ("potential_label",),
        torch.uint8,
        {"w": 3},
        channels=lambda ndim: 4 if ndim == 2 else 6,
    ),
    TransformCase("RestoreDistanceSign", _map, ("sdm_label",), torch.float32, {"least": 0.5}, discrete=False),
    TransformCase("CleanMembraneLabel", label, ("label",), torch.float32, {"polarity": "membrane"}),
    TransformCase("InstancesToMembrane", lambda mask: {"label": _ids(mask)}, ("label",), torch.float32),
    TransformCase(
        "TumourRegions",
        lambda mask: {"label": _nested(mask).sum(0, True)},
        ("label",),
        torch.float32,
        {"et_label": 3},
        channels=lambda _: 3,
    ),
    TransformCase("TumourLabel", lambda mask: {"pred": _nested(mask).float()}, ("pred",), torch.uint8),
    TransformCase(
        "MembraneToInstances", lambda mask: {"pred": 0.2 + 0.6 * mask.float()}, ("pred",), torch.int32, discrete=False
    ),
    TransformCase("RemoveSmallRegions", lambda mask: {"pred": _ids(mask)}, ("pred",), torch.int32, {"min_size": 3}),
    TransformCase("RelabelRegions", lambda mask: {"pred": _ids(mask)}, ("pred",), torch.int32),
    TransformCase(
        "SlicesAround",
        lambda mask: {"image": torch.rand(mask.shape), "label": mask.float()},
        ("image",),
        None,
        {"count": 2, "axis": 2},
        discrete=False,
        shapes=(SHAPES["3-D"],),
    ),
]
ONLY_DICTIONARY = {"CheckSignedDistanceMapd"}  # it gives back what came
