# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import UNet, VNet

from monai_boundary.networks import BoundaryAwareNet, DCUNet
from monai_boundary.workflows.inference.strides import check_patch_multiple, stride_multiple


def test_a_patch_is_a_multiple_of_the_strides() -> None:
    check_patch_multiple([32, 16], 16)
    for patch in ([32, 24], [16, 0]):
        with pytest.raises(ValueError, match=r"`patch_size` needs multiples of 16 \(the network's strides\), got"):
            check_patch_multiple(patch, 16)


def test_what_networks_say_of_their_strides() -> None:
    assert stride_multiple(BoundaryAwareNet(3, 1, 1, channels=(8, 16, 32), strides=((2, 2, 1), 2))) == 4
    assert stride_multiple(UNet(2, 1, 1, channels=(4, 4, 4, 4), strides=(2, 2, 2))) == 8
    assert stride_multiple(VNet(2, 1, 1)) == 16
    assert stride_multiple(DCUNet(2, 1, 1, filters=4, depth=4)) == 8
    assert stride_multiple(torch.nn.Conv2d(1, 1, 1)) == 1
    assert stride_multiple(torch.nn.Identity()) == 1
