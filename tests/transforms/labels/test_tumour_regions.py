# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.transforms import TumourRegions, TumourRegionsd
from tests.transforms.images import assert_same_geometry, em_tensor

LABEL = np.array([[0, 1, 2, 4], [2, 2, 0, 0]])


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_arrays_and_tensors_of_any_kind(kind: type) -> None:
    array = LABEL[None].astype(kind)
    expected = [[[0, 1, 1, 1], [1, 1, 0, 0]], [[0, 1, 0, 1], [0, 0, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 0]]]
    for label in (array, torch.from_numpy(array), em_tensor(array[0])):
        masks = TumourRegions()(label)
        assert (masks.dtype, masks.tolist()) == (torch.float32, expected)
    assert masks.shape == (3, 2, 4), "a picture stays a picture"
    volume = TumourRegions()(torch.from_numpy(array)[..., None])
    assert volume.shape == (3, 2, 4, 1)


def test_the_meta_data_stay() -> None:
    label = em_tensor(LABEL.astype(np.float32))
    assert_same_geometry(TumourRegions()(label), label)


def test_one_region_and_the_year() -> None:
    label = torch.tensor([[[0.0, 1.0, 2.0, 3.0]]])
    assert TumourRegions("tc")(label).tolist() == [[[0, 1, 0, 1]]]
    assert TumourRegionsd(["a", "b"], ("et", "wt"), 3, True)({"a": label})["a"].tolist() == [
        [[0, 0, 0, 1]],
        [[0, 1, 1, 1]],
    ]
    with pytest.raises(KeyError, match="b"):
        TumourRegionsd("b")({"a": label})


def test_errors_name_the_file() -> None:
    with pytest.raises(ValueError, match=r"`label stack.h5` needs the values 0, 1, 2, 3, 4, got 0, 9\."):
        TumourRegions()(em_tensor(np.array([[0, 9]], dtype=np.float32)))
    with pytest.raises(ValueError, match="`label` needs the values 0, 1, 2, 3, got 0, 4"):
        TumourRegions(et_label=3)(torch.tensor([[[0, 4]]]))
    with pytest.raises(ValueError, match="`label` needs one channel"):
        TumourRegions()(torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="`regions` needs one of 'wt', 'tc', 'et', got 'core'"):
        TumourRegions(["core"])
    with pytest.raises(ValueError, match="`et_label` needs one of None, 3, 4, got 1"):
        TumourRegions(et_label=1)


def test_the_cohort_is_read_from_the_file_s_name() -> None:
    label = em_tensor(np.array([[0, 1, 2, 4]], dtype=np.float32))
    label.meta["filename_or_obj"] = "data/BraTS-PED-00001-000/BraTS-PED-00001-000-seg.nii.gz"
    with pytest.raises(ValueError, match=r"`label .*BraTS-PED-00001-000-seg.nii.gz` of BraTS-PED needs `label_map`"):
        TumourRegions()(label)
    assert TumourRegions(label_map="ped2024")(label).tolist() == [[[0, 1, 1, 1]], [[0, 1, 1, 0]], [[0, 1, 0, 0]]]
    (one,) = TumourRegionsd("a", ("et",), label_map="ped2024")({"a": label})["a"].tolist()
    assert one == [[0, 1, 0, 0]]
    with pytest.raises(ValueError, match="`et_label` or `label_map` is needed, and not both"):
        TumourRegions(et_label=3, label_map="ped2024")
