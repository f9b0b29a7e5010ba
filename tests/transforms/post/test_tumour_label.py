# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.transforms import TumourLabel, TumourLabeld, TumourRegions

LABEL = np.array([[[0, 1, 2, 4], [2, 4, 0, 0]]])


@pytest.mark.parametrize("as_tensor", [False, True])
def test_there_and_back(as_tensor: bool) -> None:
    masks = TumourRegions()(LABEL)
    label = TumourLabel()(masks if as_tensor else masks.numpy())
    assert label.dtype == torch.uint8
    np.testing.assert_array_equal(label, LABEL)
    np.testing.assert_array_equal(TumourLabel(et_label=3)(masks), np.where(LABEL == 4, 3, LABEL))


def test_meta_data_and_keys() -> None:
    masks = MetaTensor(TumourRegions(["tc", "et"])(LABEL), affine=torch.diag(torch.tensor([2.0, 3.0, 1.0])))
    data = TumourLabeld(["pred", "other"], ("tc", "et"), 3, True)({"pred": masks, "image": 1})
    assert set(data) == {"pred", "image"}
    np.testing.assert_array_equal(data["pred"], [[[0, 1, 0, 3], [0, 3, 0, 0]]])
    torch.testing.assert_close(data["pred"].affine, masks.affine)
    with pytest.raises(KeyError, match="other"):
        TumourLabeld("other")({"pred": masks})


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`regions` needs a different name for each of 2 channels"):
        TumourLabel()(torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="`regions` needs one of 'wt', 'tc', 'et', got 'ed'"):
        TumourLabel("ed")
    with pytest.raises(ValueError, match="`et_label` needs one of None, 3, 4, got 2"):
        TumourLabel(et_label=2)


def test_labels_of_another_cohort() -> None:
    masks = torch.tensor([[[0, 1, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0, 1]]])
    assert TumourLabel(label_map="ped2024")(masks).tolist() == [[[0, 4, 2, 1]]]
    with pytest.raises(ValueError, match="`label_map` needs one of None, 'brats2015'"):
        TumourLabel(label_map="ped")
