# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import monai_boundary.workflows as mb
from monai_boundary.workflows.options.values import OptionKind, option_kind, option_value

BUNDLES = Path(__file__).parents[3] / "bundles"
OPTIONS: dict[str, Any] = {
    "resume": True,
    "epochs": "$100 if @dataset_dir else 16",
    "warmup_epochs": "$0 if @init_checkpoint else @epochs // 2",
    "lr": 0.001,
    "half": "$@epochs / 2",
    "amp": "$@device.type == 'cuda'",
    "alpha": None,
    "batch_size": "$mb.patients_per_batch(8, 4)",
    "fold": "$@training.get('fold', 0)",
    "patch_size": "$@training.get('patch_size') or [64, 64]",
    "schedule": "$'rebalance' if @loss == 'boundary' else 'constant'",
    "modalities": ["flair", "t1"],
    "thresholds": [0, 0.5],
    "loss": "boundary",
    "loss_options": {},
    "edges": {"side": "both", "hard": True},
    "dataset_dir": None,
    "output_dir": "$@bundle_root + '/output'",
    "taken_dir": "$@training.get('taken_dir')",
    "map_axis": None,
    "extra": None,
    "copy": "@epochs",
    "loop": "@loop",
    "net": {"_target_": "UNet", "strides": [2, 2]},
    "trace": "$import math",
    "deep": {"steps": "@epochs"},
}
KINDS = {
    "resume": "flag",
    "epochs": "whole",
    "warmup_epochs": "whole",
    "lr": "number",
    "half": "number",
    "amp": "flag",
    "alpha": "number",
    "batch_size": "whole",
    "fold": "whole",
    "patch_size": "list",
    "schedule": "text",
    "modalities": "list",
    "thresholds": "list",
    "loss": "text",
    "loss_options": "mapping",
    "edges": "mapping",
    "dataset_dir": "path",
    "output_dir": "path",
    "map_axis": "whole",
    "extra": "any",
    "copy": "whole",
    "loop": "any",
    "net": "any",
    "trace": "any",
    "deep::steps": "whole",
    "net::strides": "list",
}


@pytest.mark.parametrize("option", KINDS)
def test_kind_of_a_default(option: str) -> None:
    assert option_kind(option, OPTIONS, {"mb": mb}).name == KINDS[option]


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        *[("resume", word, False) for word in ("false", "False", "FALSE", "no", "off", "0", 0, False)],
        *[("resume", word, True) for word in ("true", "yes", "on", 1, True)],
        ("epochs", "1e2", 100),
        ("epochs", 20.0, 20),
        ("epochs", "null", None),
        ("lr", "1e-3", 0.001),
        ("lr", 1, 1),
        ("patch_size", (96, 96), [96, 96]),
        ("modalities", "flair", ["flair"]),
        ("modalities", ("flair", "t1"), ["flair", "t1"]),
        ("thresholds", "null", None),
        ("loss", "none", "none"),
        ("loss", {"_target_": "a.b"}, {"_target_": "a.b"}),
        ("loss_options", {"smooth": "false", "reduction": "none", "w": [1, "null"]}, None),
        ("edges", {"hard": "no"}, {"hard": False}),
        ("dataset_dir", "null", None),
        ("dataset_dir", "no", "no"),
        ("dataset_dir", 20240501, "20240501"),
        ("output_dir", "null", "null"),
        ("taken_dir", "null", None),
        ("map_axis", "2", 2),
        ("map_axis", "null", None),
        ("extra", "null", None),
        ("extra", 5, 5),
        ("net", "@unet", "@unet"),
        ("resume", "$not @amp", "$not @amp"),
    ],
)
def test_value(option: str, given: Any, expected: Any) -> None:
    if option == "loss_options":
        expected = {"smooth": False, "reduction": "none", "w": [1, None]}
    read = option_value(option, given, option_kind(option, OPTIONS, {"mb": mb}), OPTIONS[option])
    assert read == expected
    assert type(read) is type(expected)


def test_a_path_is_what_was_typed() -> None:
    for given, typed in [(7, "007"), (2024.1, "2024.10"), (False, "False"), (1000, "1_000")]:
        assert option_value("output_dir", given, OptionKind("path"), "out", typed) == typed


def test_a_new_argument_of_a_component() -> None:
    kind = OptionKind("argument")
    assert [option_value("net::bias", word, kind) for word in ("false", "none", "null", 0.1)] == [
        False,
        "none",
        None,
        0.1,
    ]


def test_a_flag_that_may_be_null() -> None:
    kind = option_kind("edge_losses", {"edge_losses": None})
    assert [option_value("edge_losses", word, kind) for word in ("no", True, "null")] == [False, True, None]
    with pytest.raises(ValueError, match=r"`--edge_losses` needs true or false, got 'maybe'"):
        option_value("edge_losses", "maybe", kind)


@pytest.mark.parametrize(
    ("option", "given", "needed"),
    [
        ("resume", "maybe", "`--resume` needs true or false, got 'maybe'."),
        ("resume", 2, "needs true or false, got 2"),
        ("resume", "null", "needs true or false"),
        ("epochs", "many", "`--epochs` needs a whole number, got 'many'."),
        ("epochs", 2.5, "needs a whole number, got 2.5"),
        ("lr", True, "needs a number, got True"),
        ("patch_size", 64, r"needs a list, such as \[64, 64\], got 64"),
        ("thresholds", ["a"], "needs a number, got 'a'"),
        ("modalities", [1], "needs a list of names"),
        ("modalities", "[flair", "needs a list"),
        ("loss_options", 3, "needs a mapping"),
        ("edges", {"hard": "maybe"}, "`--edges::hard` needs true or false"),
        ("dataset_dir", True, "needs a path or a name"),
        ("map_axis", "false", "needs a whole number, got 'false'"),
        ("extra", "false", "needs a value, or null"),
        ("loss", True, "needs a text"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(option: str, given: Any, needed: str) -> None:
    with pytest.raises(ValueError, match=needed):
        option_value(option, given, option_kind(option, OPTIONS, {"mb": mb}), OPTIONS[option])


def test_a_word_in_place_of_numbers() -> None:
    kind = option_kind("spacing", {"spacing": None})
    assert option_value("spacing", "median", kind) == "median"
    assert option_value("spacing", [1, 1, 3], kind) == [1, 1, 3]
    assert option_value("spacing", "null", kind) is None
    with pytest.raises(ValueError, match=r"`--spacing` needs a list, .*, got 'mean'"):
        option_value("spacing", "mean", kind)


@pytest.mark.parametrize("path", sorted(BUNDLES.glob("*/configs/*.yaml")), ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_every_first_option_of_the_bundles_has_a_kind(path: Path) -> None:
    """But the device, whose value is an object; and a null that may be a word is no flag."""
    options = yaml.safe_load(path.read_text(encoding="utf-8"))
    first = [name for name in options if name not in ("imports", "+imports")]
    first = first[: first.index("device")] if "device" in first else first
    unknown = {name for name in first if option_kind(name, options, {"mb": mb}).name == "any"}
    objects = {name for name in unknown if isinstance(options[name], dict) or str(options[name]).startswith("@")}
    assert unknown - objects <= {"rank", "processes", "device", "training"}
