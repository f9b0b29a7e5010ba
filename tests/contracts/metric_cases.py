# SPDX-License-Identifier: Apache-2.0
"""What the contract tests need to know of each public metric: how it is made, and which function it accumulates.

A new metric adds a ``MetricCase``. The tests draw the masks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary import metrics

SHAPES = {"2-D": (9, 12), "3-D": (4, 8, 9)}
SPACING = {2: (2.0, 0.5), 3: (3.0, 1.0, 0.5)}


def _fields(scores: Any) -> Mapping[str, float]:
    """The scores of a record, and of its entries by tolerance: ``nsd_1mm``."""
    entries = scores._asdict() if hasattr(scores, "_asdict") else vars(scores)
    plain = {k: v for k, v in entries.items() if np.isscalar(v)}
    for name in entries.keys() & {"nsd", "boundary_f", "component_nsd"}:
        plain |= {f"{name}_{t:g}mm": v for t, v in zip(scores.tolerances_mm, entries[name], strict=True)}
    return plain


@dataclass(frozen=True)
class MetricCase:
    """A metric with what it is given.

    Attributes:
        metric: the class.
        function: its ``compute_x``.
        ids: it takes instance ids, instead of a mask of 0 and 1.
        probability: its prediction is a membrane's probability.
        channels: of the images.
        spaced: the function takes a spacing.
        options: of both.
        scores: from what the function returns to scores by the metric's names.
        shapes: names of those that it takes.
    """

    metric: type[metrics.ItemMetric]
    function: Callable[..., Any]
    ids: bool = False
    probability: bool = False
    channels: int = 1
    spaced: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    scores: Callable[[Any], Mapping[str, float]] = _fields
    shapes: tuple[str, ...] = tuple(SHAPES)

    def make(self, ndim: int, **options: Any) -> Any:
        """Return the metric for images of this many axes."""
        spacing = {"spacing": SPACING[ndim]} if self.spaced else {}
        return self.metric(**{**spacing, **self.options, **options})

    def compute(self, y_pred: Tensor, y: Tensor) -> Mapping[str, float]:
        """Return the scores of one item (C, spatial) by the function."""
        images = (y_pred, y) if self.channels > 1 else (y_pred[0], y[0])
        spacing = {"spacing": SPACING[y.ndim - 1]} if self.spaced else {}
        return self.scores(self.function(*images, **spacing, **self.options))

    def batch(self, shape: tuple[int, ...], kinds: tuple[tuple[str, str], ...]) -> tuple[Tensor, Tensor]:
        """Return predictions and truths (B, C, spatial) for pairs of kinds of mask."""
        pairs = [(self._image(p, shape, truth=False), self._image(t, shape, truth=True)) for p, t in kinds]
        return torch.stack([p for p, _ in pairs]), torch.stack([t for _, t in pairs])

    def _image(self, kind: str, shape: tuple[int, ...], truth: bool) -> Tensor:
        image = torch.zeros(1, *shape, dtype=torch.int32)
        if kind in ("blobs", "moved"):
            shift = int(kind == "moved")
            image[..., 1 + shift : 4 + shift, 1:4] = 1
            image[..., 5:8, 6 + shift : 9] = 2
        if kind == "full":
            image += 1
        if self.probability and not truth:
            return 0.9 - 0.7 * (image > 0).float()
        image = image if self.ids else (image > 0).int()
        return torch.cat([image] * self.channels)

    def __str__(self) -> str:
        """Return the name, as pytest shows it."""
        return self.metric.__name__


CASES = [
    MetricCase(metrics.VariationOfInformationMetric, metrics.compute_voi, ids=True),
    MetricCase(metrics.AdaptedRandMetric, metrics.compute_adapted_rand, ids=True),
    MetricCase(metrics.CREMIScoreMetric, metrics.compute_cremi_score, ids=True),
    MetricCase(metrics.InstanceScoresMetric, metrics.compute_cremi_score, ids=True),
    MetricCase(metrics.InstanceMatchingMetric, metrics.compute_instance_matching, ids=True, spaced=False),
    MetricCase(
        metrics.ThresholdCurveMetric,
        metrics.compute_threshold_curve,
        ids=True,
        probability=True,
        options={"thresholds": (0.25, 0.5, 0.75)},
        scores=lambda curve: {f"{n}_by_threshold": curve.score(n) for n in ("ari", "cremi_score")},
    ),
    MetricCase(metrics.BettiErrorMetric, metrics.compute_betti_error, spaced=False),
    MetricCase(metrics.ComponentScoresMetric, metrics.compute_component_scores),
    MetricCase(metrics.LesionScoresMetric, metrics.compute_lesion_scores),
    MetricCase(metrics.LesionTableMetric, metrics.compute_lesion_table, scores=lambda table: _fields(table.strata[0])),
    MetricCase(metrics.LesionWiseScoresMetric, metrics.compute_lesion_wise_scores, shapes=("3-D",)),
    MetricCase(metrics.SurfaceScoresMetric, metrics.compute_surface_scores),
    MetricCase(
        metrics.TrimapIoUMetric,
        metrics.compute_trimap_iou,
        options={"widths_mm": (1.0, 2.0)},
        scores=lambda found: {f"trimap_iou_{w:g}mm": v for w, v in zip((1.0, 2.0), found, strict=True)},
    ),
    MetricCase(metrics.VolumeDifferenceMetric, metrics.compute_volume_difference),
    MetricCase(
        metrics.TumourScoresMetric,
        metrics.compute_tumour_scores,
        channels=3,
        scores=lambda found: {f"{region}_{k}": v for region, s in found.items() for k, v in s._asdict().items()},
    ),
    MetricCase(metrics.VolumeScoresMetric, metrics.compute_lesion_scores),
]
# Functions without a class of their own: parts of the scores above.
PARTS = {"compute_boundary_iou", "compute_hausdorff_mm", "compute_lesion_detection"}
