# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_boundary.networks.nets.skip_decoder import SkipDecoder


class Weigh(nn.Module):
    """10 times what is deeper, plus the skip: the digits of the result tell the order."""

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        return 10 * deeper + skip


class Add(nn.Module):
    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, x: Tensor) -> Tensor:
        return x + self.number


FEATURES = [torch.tensor(float(level)) for level in (1, 2, 3, 4)]


def test_from_the_deepest_level_to_the_first():
    decoder = SkipDecoder([Weigh(), Weigh(), Weigh()], Add(0.5))
    assert [float(y) for y in decoder(FEATURES, True)] == [4321.5]


def test_side_heads_come_after_the_head_the_finest_first():
    decoder = SkipDecoder([Weigh(), Weigh(), Weigh()], Add(0.5), {0: Add(0.1), 1: Add(0.2)})
    found = decoder(FEATURES, True)
    torch.testing.assert_close(torch.stack(found), torch.tensor([4321.5, 432.2, 43.1]))
    assert len(decoder(FEATURES, False)) == 1


def test_compiled_it_does_the_same():
    decoder = SkipDecoder([Weigh(), Weigh(), Weigh()], Add(0.5), {1: Add(0.2)})
    compiled = torch.jit.script(decoder)
    for deep in (True, False):
        assert compiled(FEATURES, deep) == decoder(FEATURES, deep)
