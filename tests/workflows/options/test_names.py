# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_boundary.workflows.options.names import check_option_names

OPTIONS: dict[str, Any] = {
    "epochs": 16,
    "lr": 0.1,
    "loss_options": {},
    "network_def": {"_target_": "UNet", "spatial_dims": 2},
    "own": {"_target_": "monai_boundary.losses.SignedDistanceLoss"},
    "open": {"_target_": "builtins.dict", "a": 1},
    "train": {"trainer": {"_target_": "SupervisedTrainer", "max_epochs": "@epochs"}, "handlers": [{"_target_": "A"}]},
}


@pytest.mark.parametrize(
    "option",
    [
        "epochs",
        "run",
        "initialize",
        "train::trainer::max_epochs",
        "train#trainer#max_epochs",
        "train::trainer::amp",
        "network_def::dropout",
        "own::softmax",
        "open::anything",
        "loss_options::w",
        "train::handlers::0",
        "debug",
    ],
)
def test_known(option: str) -> None:
    check_option_names({option: 1}, OPTIONS, also={"debug"})


@pytest.mark.parametrize(
    ("option", "nearest"),
    [
        ("epoch", "`--epoch` is no option of train.yaml; did you mean `--epochs`?"),
        ("debg", "did you mean `--debug`?"),
        ("train::trainer::foo", "`--train::trainer::foo` is no option"),
        ("train::trainer::max_epoch", "did you mean `--train::trainer::max_epochs`?"),
        ("train#trainr", "`--train#trainr` is no option of train.yaml; did you mean `--train::trainer`?"),
        ("network_def::dropuot", "did you mean `--network_def::dropout`?"),
        ("own::sofmax", "did you mean `--own::softmax`?"),
        ("train::handlers::7", "is no option"),
        ("lr::x", "did you mean `--lr`?"),
        ("xyzzy", "`--xyzzy` is no option of train.yaml; its page lists them."),
    ],
)
def test_unknown(option: str, nearest: str) -> None:
    with pytest.raises(ValueError, match="is no option") as error:
        check_option_names({option: 1}, OPTIONS, also={"debug"}, where="train.yaml")
    assert nearest in str(error.value)


def test_all_that_are_unknown_are_named_and_what_others_refer_to_is_known() -> None:
    with pytest.raises(ValueError, match=r"`--epoch`.*`--lrr`"):
        check_option_names({"epoch": 1, "lr": 2, "lrr": 3}, OPTIONS)
    check_option_names({"scale": 2, "lr": "$0.1 * @scale"}, OPTIONS)
    with pytest.raises(ValueError, match="`--scale` is no option"):
        check_option_names({"scale": 2, "lr": "$0.1 * @scales"}, OPTIONS)
