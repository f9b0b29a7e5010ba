# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.metrics.mask_score_names import AT_A_WIDTH, SOURCES, named_mask_scores


def test_names_with_and_without_their_unit() -> None:
    found = named_mask_scores(["hd95", "assd_mm", "component_hd95", "nsd_0.5mm", "false_alarm"])
    assert [score.name for score in found] == ["hd95_mm", "assd_mm", "component_hd95_mm", "nsd_0.5mm"]
    assert [score.has_width for score in found] == [False, False, False, True]
    assert (found[-1].source, found[-1].width_mm) == ("surface", 0.5)


def test_what_is_perfect() -> None:
    zero = {
        score.name for score in named_mask_scores([*SOURCES, *(f"{s}_2mm" for s in AT_A_WIDTH)]) if not score.perfect
    }
    assert zero == {
        *("hausdorff_mm", "hd95_mm", "assd_mm", "component_hd95_mm", "lesion_wise_hd95_mm", "betti_error"),
        *("missed_components", "lesion_count_difference", "volume_difference_ml", "volume_difference_percent"),
        *("signed_volume_difference_ml", "signed_volume_difference_percent"),
    }


@pytest.mark.parametrize("name", ["hd96", "nsd", "nsd_mm", "nsd_2", "trimap_iou", "pq"])
def test_unknown_names_are_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"`scores` needs some of dice, .*, trimap_iou_2mm \(of any mm\), got '{name}'"
    ):
        named_mask_scores(["dice", name])
