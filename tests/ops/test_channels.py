# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_boundary.ops import select_channels


def test_one_hot_and_background():
    scores, label = torch.rand(2, 3, 4, 5), torch.arange(40).reshape(2, 1, 4, 5) % 3
    kept, target = select_channels(scores, label, to_onehot_y=True)
    assert kept is scores
    torch.testing.assert_close(target.argmax(1, keepdim=True), label)
    kept, fewer = select_channels(scores, label, include_background=False, to_onehot_y=True)
    torch.testing.assert_close(kept, scores[:, 1:])
    torch.testing.assert_close(fewer, target[:, 1:])


def test_a_single_channel_target_stays_when_the_background_goes():
    scores, membrane = torch.rand(1, 2, 4, 4), torch.ones(1, 1, 4, 4)
    kept, target = select_channels(scores, membrane, include_background=False)
    assert kept.shape == target.shape == (1, 1, 4, 4)


@pytest.mark.parametrize("value", [255.0, -1.0, 0.5, float("nan")])
def test_a_label_that_is_no_class_is_refused(value):
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0..2, got .*"):
        select_channels(torch.rand(1, 3, 2, 2), torch.full((1, 1, 2, 2), value), to_onehot_y=True)


def test_one_channel_is_no_background():
    scores, membrane = torch.rand(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    assert select_channels(scores, membrane, include_background=False) == (scores, membrane)
    with pytest.raises(ValueError, match="`to_onehot_y` needs a prediction of at least 2 channels, got 1"):
        select_channels(scores, membrane, to_onehot_y=True)
