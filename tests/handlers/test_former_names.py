# SPDX-License-Identifier: Apache-2.0
"""Configurations that name what is now called otherwise still run, and say so."""

from __future__ import annotations

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from monai_boundary import handlers
from monai_boundary.handlers import VolumePictures, VolumeScoresHandler
from monai_boundary.handlers.former_names import FORMER_NAMES
from monai_boundary.metrics import (
    AdaptedRandMetric,
    CREMIScoreMetric,
    LesionScoresMetric,
    TumourScoresMetric,
    VariationOfInformationMetric,
)

INSTANCES = {
    "VariationOfInformationHandler": VariationOfInformationMetric,
    "AdaptedRandHandler": AdaptedRandMetric,
    "CREMIScoreHandler": CREMIScoreMetric,
}
CONFIGURATION = """
lesions:
  _target_: monai_boundary.handlers.LesionScoresHandler
  extra: [spacing]
  ignore_labels: [2]
  section_axis: 2
  f1_rule: wmh2017
tumours:
  _target_: monai_boundary.handlers.TumourScoresHandler
  regions: [tc]
  both_empty: perfect
lesion_pictures:
  _target_: monai_boundary.handlers.LesionPictures
  folder: pictures
  slices: 6
tumour_pictures:
  _target_: monai_boundary.handlers.TumourPictures
  folder: pictures
  regions: [wt, tc]
"""


@pytest.mark.parametrize("name", FORMER_NAMES)
def test_former_names_are_said_to_be_that(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"handlers.{name} is now {FORMER_NAMES[name][1]}"):
        getattr(handlers, name)
    with pytest.raises(AttributeError, match="no attribute 'NoHandler'"):
        handlers.NoHandler  # noqa: B018
    assert name not in handlers.__all__


@pytest.mark.filterwarnings("ignore:monai_boundary.handlers:DeprecationWarning")
def test_they_do_what_they_did() -> None:
    made = ConfigParser(yaml.safe_load(CONFIGURATION))
    lesions, tumours = (made.get_parsed_content(name) for name in ("lesions", "tumours"))
    assert isinstance(lesions, VolumeScoresHandler)
    assert lesions.key_score == tumours.key_score == "dice"
    truth, pred = torch.zeros(1, 1, 6, 6, 4), torch.zeros(1, 1, 6, 6, 4)
    truth[..., 1:3, 1:3, 1:3], truth[..., 5, 5, 3], pred[..., 1:4, 1:3, 1:3], pred[..., 5, 5, :] = 1, 2, 1, 1
    options = {"ignore_labels": (2,), "section_axis": 2, "spacing": (1, 1, 3)}
    expected = LesionScoresMetric(**options)(pred, truth)
    torch.testing.assert_close(lesions.item_metric(pred, truth, spacing=(1, 1, 3)), expected, rtol=0, atol=0)
    truth_ids, ids = torch.tensor([[[[1, 1, 2, 2, 3]]]]), torch.tensor([[[[7, 7, 7, 8, 8]]]])
    for name, metric in INSTANCES.items():
        handler = getattr(handlers, name)(ignore_labels=(0, 3))
        assert handler.key_score == (metric.key_score or metric.score_names[0])
        expected = metric(ignore_labels=(0, 3))(ids, truth_ids)
        torch.testing.assert_close(handler.item_metric(ids, truth_ids), expected, rtol=0, atol=0)
    expected = TumourScoresMetric(["tc"], spacing=2.0, both_empty="perfect")(pred, (truth == 1).float())
    found = tumours.item_metric(pred, (truth == 1).float(), spacing=2.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    lesions, tumours = (made.get_parsed_content(name) for name in ("lesion_pictures", "tumour_pictures"))
    assert isinstance(lesions, VolumePictures)
    assert (lesions.slices, lesions.single, tumours.names) == (6, True, ("wt", "tc"))
