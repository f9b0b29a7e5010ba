# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from monai.bundle import ConfigParser

from monai_boundary.inspection.finding import ERROR, WARNING, Finding
from monai_boundary.inspection.task_file import write_task_file
from monai_boundary.inspection.training_advice import Advice
from tests.inspection.records import dataset

ADVICE = {
    "channels": Advice({"T1 – ü": "zscore"}, "because\nof: {this} # and that"),
    "spacing": Advice(None, "native " * 40),
    "alpha": Advice(0.01, "small"),
    "network_strides": Advice([2, [2, 2, 1]], "thick"),
}


def test_values_come_back_and_reasons_are_comments(tmp_path: Path) -> None:
    path = write_task_file(
        tmp_path / "task.yaml", Path("my data: ü"), dataset(), ADVICE, [], {"image_dir": "scans", "label_dir": None}
    )
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == {
        "dataset_dir": str(Path.cwd() / "my data: ü"),
        "layout": "decathlon",
        "image_dir": "scans",
        "channels": {"T1 – ü": "zscore"},
        "spacing": None,
        "alpha": 0.01,
        "network_strides": [2, [2, 2, 1]],
    }
    assert "# because?of: {this} # and that\nchannels:" in text
    assert max(map(len, text.splitlines()[6:])) < 120
    assert "errors" not in text


def test_names_that_yaml_would_refuse(tmp_path: Path) -> None:
    name = "a\x7f\u2028\ud800: #"  # of a file whose name is no text, too
    advice = {"labels": Advice({name: 1}, name)}
    path = write_task_file(tmp_path / "it's mine.yaml", tmp_path / "d\x85", dataset(), advice, [])
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["labels"] == {name: 1}
    assert yaml.safe_load(text)["dataset_dir"] == f"{tmp_path}/d\x85"
    assert f"--config_file {shlex.quote(str(path))}\n" in text
    assert [file.name for file in tmp_path.iterdir()] == ["it's mine.yaml"]


@pytest.mark.parametrize(
    "name", ["$1 + 1", "@lr", "%lr", "a#b", "a::b", "x@y$", "\\\\@'", "_target_", "_disabled_", "é#"]
)
def test_names_that_a_configuration_would_run(tmp_path: Path, name: str) -> None:
    """A data set's names are values: none is evaluated, looked up or rewritten by the configuration."""
    advice = {"labels": Advice({name: 1, "n": [1, 2]}, "r"), "channels": Advice([name], "r"), "lr": Advice(5, "r")}
    path = write_task_file(tmp_path / "task.yaml", tmp_path / name, dataset(), advice, [], {"image_dir": name})
    parser = ConfigParser(ConfigParser.load_config_file(path), globals=False)
    read = {key: parser.get_parsed_content(key) for key in ("labels", "channels", "dataset_dir", "image_dir")}
    assert read == {
        "labels": {name: 1, "n": [1, 2]},
        "channels": [name],
        "dataset_dir": str(tmp_path / name),
        "image_dir": name,
    }


def test_errors_are_counted_at_the_top(tmp_path: Path) -> None:
    findings = [Finding(ERROR, "a", "b"), Finding(WARNING, "a", "b"), Finding(ERROR, "c", "d")]
    path = write_task_file(tmp_path / "task.yaml", tmp_path, dataset(), ADVICE, findings)
    assert "# 2 errors were found in the data" in path.read_text(encoding="utf-8")
