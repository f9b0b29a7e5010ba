# SPDX-License-Identifier: Apache-2.0
"""A decoder as a chain of steps, each of which takes what is deeper and the encoder's output at its own level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn


class _Step(nn.Module):
    """One level upwards, and its own head where there is deep supervision."""

    def __init__(self, up: nn.Module, side_head: nn.Module | None) -> None:
        super().__init__()
        self.up = up
        self.has_side_head = side_head is not None
        self.side_head = nn.Identity() if side_head is None else side_head

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.up(deeper, skip)
        return result


class SkipDecoder(nn.Module):
    """Run ``step(deeper, skip)`` from the deepest level to the first, then the head.

    Args:
        steps: the deepest first; one less than there are encoder levels.
        head: from the last step's output to logits.
        side_heads: number of the step -> its head, for deep supervision.
    """

    def __init__(
        self, steps: Sequence[nn.Module], head: nn.Module, side_heads: Mapping[int, nn.Module] | None = None
    ) -> None:
        super().__init__()
        heads = side_heads or {}
        self.steps = nn.ModuleList([_Step(step, heads.get(number)) for number, step in enumerate(steps)])
        self.head = head

    def forward(self, features: list[Tensor], deep: bool) -> list[Tensor]:
        """Return logits: those of the head first, then, where ``deep``, the side heads', the finest first."""
        coarse: list[Tensor] = []
        y = features[-1]
        for number, step in enumerate(self.steps):
            y = step(y, features[-2 - number])
            if deep and step.has_side_head:
                coarse.append(step.side_head(y))  # type: ignore[operator]
        return [self.head(y)] + coarse[::-1]  # noqa: RUF005  # TorchScript does not unpack into lists
