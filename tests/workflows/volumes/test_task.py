# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import yaml

from monai_boundary.workflows.volumes.task import VolumeTask

CLASSES = {"background": 0, "anterior": 1, "posterior": 4}


def task(**fields: Any) -> VolumeTask:
    return VolumeTask(**{"channels": {"mri": "zscore"}, "labels": CLASSES, **fields})


def test_classes_are_ordered_by_id() -> None:
    made = task(labels={"posterior": 4, "background": 0, "anterior": 1})
    assert made.names == ("background", "anterior", "posterior")
    assert (made.is_regions, made.in_channels, made.out_channels, made.not_scored) == (False, 1, 3, 3)
    assert made.structures == {"anterior": 1, "posterior": 2}, "indices, not ids"


def test_regions_keep_their_order_and_leave_the_background_out() -> None:
    made = task(labels={"whole": [1, 2, 3], "core": [2, 3], "rim": 1, "background": [0, 4]})
    assert made.names == made.structures == ("whole", "core", "rim")
    assert (made.is_regions, made.out_channels, made.not_scored) == (True, 3, None)
    assert made.ids("rim") == (1,)


def test_a_yaml_file_holds_a_task() -> None:
    text = """
    channels: {t2: zscore, adc: unit}
    labels: {background: 0, gland: 1}
    optional: [adc]
    ignore_labels: [255]
    spacing: [0.5, 0.5, 3]
    scores: [dice, nsd_2mm]
    score_options: {both_empty: perfect}
    """
    made = VolumeTask(**yaml.safe_load(text))
    assert made.spacing == (0.5, 0.5, 3.0)
    again = VolumeTask(**yaml.safe_load(yaml.safe_dump(made.as_dict())))
    assert again == made


def test_some_fields_changed() -> None:
    both = task(channels={"t1": "zscore_nonzero", "t2": "unit"})
    assert both.changed(channels=["t2", "flair"]).channels == {"t2": "unit", "flair": "zscore_nonzero"}
    regions = task(labels={"whole": [1, 2], "core": [2]})
    assert regions.changed(labels=["core"]).names == ("core",)
    with pytest.raises(ValueError, match="`labels` needs one of 'whole', 'core', got 'rim'"):
        regions.changed(labels=["rim"])


def test_the_metric_is_that_of_the_task() -> None:
    names = task(scores=("dice", "hd95_mm")).metric().score_names
    assert names[:4] == ("anterior_dice", "anterior_hd95_mm", "anterior_missed", "anterior_false_alarm")
    assert names[-2:] == ("dice", "hd95_mm")
    assert task(score_options={"both_empty": "perfect"}).metric(missed_mm=9.0).options == {
        "missed_mm": 9.0,
        "both_empty": "perfect",
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": {}}, "`channels` needs a normalisation for each name"),
        ({"channels": ["mri"]}, "`channels` needs a normalisation for each name"),
        ({"channels": {"mri": "z"}}, "`channels` needs one of 'zscore', .*, got 'z'"),
        ({"channels": {"label": "zscore"}}, "`channels` needs names other than 'label'"),
        ({"channels": {"ct": "ct"}}, "`ct_window` needs two numbers, the smaller one first, got None"),
        ({"ct_window": [100, -100]}, "`ct_window` needs two numbers"),
        ({"percentiles": [0, 101]}, "`percentiles` needs two numbers"),
        ({"optional": ["t1"]}, "`optional` needs one of 'mri', got 't1'"),
        ({"optional": "mri"}, "`optional` needs a list"),
        ({"optional": ["mri"]}, "`optional` needs to leave a channel"),
        ({"reference": "t1"}, "`reference` needs one of None, 'label', 'mri', got 't1'"),
        ({"labels": {}}, "`labels` needs an id"),
        ({"labels": {"background": 0}}, "`labels` needs the background, id 0, and a different id for each class"),
        ({"labels": {"anterior": 1, "posterior": 2}}, "`labels` needs the background, id 0"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "`labels` needs the background, id 0, and a different id"),
        ({"labels": {"whole": [0, 1]}}, "`labels` needs regions without id 0"),
        ({"labels": {"whole": [1], "background": [0, 1]}}, r"got \[1\] as both"),
        ({"labels": {"whole": []}}, "`labels` needs different ids >= 0"),
        ({"labels": {"background": 0, "a": -1}}, "`labels` needs different ids >= 0"),
        ({"ignore_labels": [4]}, "`ignore_labels` needs ids that are not in `labels`, got 4"),
        ({"label_map": "brats1999"}, "`label_map` needs one of None, 'auto'"),
        ({"label_map": "auto", "labels": {"liver": [1]}}, "`labels` needs one of 'wt', 'tc', 'et', got 'liver'"),
        ({"spacing": [1, 1]}, r"`spacing` needs 3 entries \(mm per axis\), got 2"),
        ({"spacing": "mean"}, "`spacing` needs one of None, 'median', got 'mean'"),
        ({"orientation": "RAR"}, "`orientation` needs three letters such as 'RAS', got 'RAR'"),
        ({"spatial_dims": 4}, "`spatial_dims` needs 2 or 3"),
        ({"slice_axis": 3}, "`slice_axis` needs one of 0, 1, 2, got 3"),
        ({"foreground_share": 1.5}, r"`foreground_share` needs 0\.\.1, got 1.5"),
        ({"flips": [3]}, "`flips` needs one of 0, 1, 2, got 3"),
        ({"intensity_scale": -0.1}, "`intensity_scale` needs a number from 0 to below 1"),
        ({"scores": ["dise"]}, "`scores` needs some of dice, .*, got 'dise'"),
        ({"scores": ["dice"], "key_score": "hd95_mm"}, "`key_score` needs one of .*'dice', got 'hd95_mm'"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task(**fields)


def test_ids_are_integers() -> None:
    for value in (1.0, "1", True):
        with pytest.raises(TypeError, match="`labels` needs integers as ids"):
            task(labels={"background": 0, "a": value})
