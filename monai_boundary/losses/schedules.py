# SPDX-License-Identifier: Apache-2.0
"""Schedules of a compound loss's weights: plain callables of the epoch (or step), without state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monai_boundary._validation import check_positive


@dataclass(frozen=True)
class ConstantSchedule:
    """Always the same weights: 1 for the regional term, alpha for the boundary term.

    Args:
        alpha: weight of the boundary term.
        regional: name of the regional term.
        boundary: name of the boundary term.

    Raises:
        ValueError: if alpha is negative or not finite.

    Example:
        >>> ConstantSchedule(alpha=0.5)(10)
        {'region': 1.0, 'boundary': 0.5}
    """

    alpha: float = 0.01
    regional: str = "region"
    boundary: str = "boundary"

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_positive("alpha", self.alpha, zero=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Return the weights at epoch (or step) ``step``, which counts from 0."""
        return {self.regional: 1.0, self.boundary: self.alpha}


@dataclass(frozen=True)
class IncreaseSchedule:
    """The boundary term's weight grows: alpha = start + step * epoch (Kervadec et al., section 3.4).

    Args:
        start: alpha in the first epoch.
        step: what is added in each epoch. With 100 epochs and 0.01 both terms weigh the same at the end; per iteration,
            divide by the iterations of an epoch.
        stop: alpha grows no further; it does not end if not given, as in the released code.
        regional: name of the regional term, of weight 1.
        boundary: name of the boundary term.

    Raises:
        ValueError: if a number is negative or not finite.

    Example:
        >>> IncreaseSchedule()(99)
        {'region': 1.0, 'boundary': 1.0}
    """

    start: float = 0.01
    step: float = 0.01
    stop: float | None = None
    regional: str = "region"
    boundary: str = "boundary"

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_growth(self.start, self.step, self.stop)

    def __call__(self, step: int) -> dict[str, float]:
        """Return the weights at epoch (or step) ``step``, which counts from 0."""
        return {self.regional: 1.0, self.boundary: _grown(self.start, self.step, self.stop, step)}


@dataclass(frozen=True)
class RebalanceSchedule:
    """The weight moves from the regional to the boundary term (Kervadec et al., section 3.4; their best).

    alpha = start + step * epoch for the boundary term, and what it gained is taken from the regional term:
    max(floor, 1 - step * epoch). The paper writes 1 - alpha and says that it never reaches 0; the released code starts
    it at 1, floors it at 0.1 and lets alpha go on, and so does this.

    Args:
        start: alpha in the first epoch.
        step: what moves in each epoch; per iteration, divide by the iterations of an epoch.
        floor: least weight of the regional term.
        stop: alpha grows no further; it does not end if not given.
        regional: name of the regional term.
        boundary: name of the boundary term.

    Raises:
        ValueError: if a number is negative or not finite.

    Example:
        >>> schedule = RebalanceSchedule()
        >>> [round(w, 2) for w in schedule(50).values()], [round(w, 2) for w in schedule(99).values()]
        ([0.5, 0.51], [0.1, 1.0])
    """

    start: float = 0.01
    step: float = 0.01
    floor: float = 0.1
    stop: float | None = None
    regional: str = "region"
    boundary: str = "boundary"

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_growth(self.start, self.step, self.stop)
        check_positive("floor", self.floor, zero=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Return the weights at epoch (or step) ``step``, which counts from 0."""
        alpha = _grown(self.start, self.step, self.stop, step)
        return {self.regional: max(self.floor, 1.0 - (alpha - self.start)), self.boundary: alpha}


@dataclass(frozen=True)
class CosineSchedule:
    """The boundary term's weight goes from ``start`` to ``stop`` along half a cosine, and stays there.

    Args:
        length: epochs (or steps) until ``stop`` is reached.
        start: alpha in the first epoch.
        stop: alpha at the end.
        floor: least weight of the regional term: it falls by what alpha gained. 1 keeps it at 1.
        regional: name of the regional term.
        boundary: name of the boundary term.

    Raises:
        ValueError: if a number is negative or not finite, or the length is not at least 1.

    Example:
        >>> CosineSchedule(length=100)(100)
        {'region': 1.0, 'boundary': 1.0}
    """

    length: int
    start: float = 0.01
    stop: float = 1.0
    floor: float = 1.0
    regional: str = "region"
    boundary: str = "boundary"

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_positive("length", self.length)
        if self.length < 1:
            raise ValueError(f"`length` needs a number >= 1 (epochs or steps), got {self.length!r}.")
        check_positive("start", self.start, zero=True)
        check_positive("stop", self.stop, zero=True)
        check_positive("floor", self.floor, zero=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Return the weights at epoch (or step) ``step``, which counts from 0."""
        share = 0.5 - 0.5 * math.cos(math.pi * min(max(step, 0) / self.length, 1.0))
        alpha = self.start + (self.stop - self.start) * share
        return {self.regional: max(self.floor, 1.0 - (alpha - self.start)), self.boundary: alpha}


@dataclass(frozen=True)
class DelayedSchedule:
    """A schedule after a warm-up, in which the regional term alone counts.

    Args:
        schedule: called with the epoch (or step) after the warm-up, from 0; gives the weights.
        epochs: of the warm-up: in them the regional term has the weight 1 and all others 0.
        regional: name of the regional term.

    Raises:
        ValueError: if ``epochs`` is negative.
        TypeError: if ``schedule`` is not callable.

    Example:
        >>> schedule = DelayedSchedule(ConstantSchedule(alpha=0.1), epochs=8)
        >>> schedule(7), schedule(8)
        ({'region': 1.0, 'boundary': 0.0}, {'region': 1.0, 'boundary': 0.1})
    """

    schedule: Callable[[int], Mapping[str, float]]
    epochs: int
    regional: str = "region"

    def __post_init__(self) -> None:
        """Check the values."""
        if not callable(self.schedule):
            raise TypeError(f"`schedule` needs a callable, got {type(self.schedule).__name__}.")
        check_positive("epochs", self.epochs, zero=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Return the weights at epoch (or step) ``step``, which counts from 0."""
        if step >= self.epochs:
            return dict(self.schedule(step - self.epochs))
        return {name: 1.0 if name == self.regional else 0.0 for name in self.schedule(0)}


def _check_growth(start: float, step: float, stop: float | None) -> None:
    check_positive("start", start, zero=True)
    check_positive("step", step, zero=True)
    if stop is not None:
        check_positive("stop", stop, zero=True)


def _grown(start: float, by: float, stop: float | None, step: int) -> float:
    alpha = start + by * max(step, 0)
    return alpha if stop is None else min(alpha, stop)
