# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser, create_workflow
from monai.bundle import run as run_bundle

from monai_boundary.workflows.options import command_line
from monai_boundary.workflows.options.command_line import read_options
from tests.warm_python import WarmRun

CONFIG = """
imports:
  - $from monai_boundary.workflows.options.command_line import options
  - $import json
  - $import pathlib
resume: true
epochs: $2 + 1
modalities: [a, b]
bundle_root: .
output_dir: $@bundle_root + '/out'
told: {_target_: "builtins.dict", resume: "@resume", epochs: "@epochs", modalities: "@modalities", place: "@output_dir"}
result: told.json
run:
  - $pathlib.Path(@result).write_text(json.dumps(@told))
"""
pytestmark = pytest.mark.filterwarnings("ignore:parsing config_file")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "configs" / "train.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG)
    (path.parent / "metadata.json").write_text("{}")
    return path


def told(config: Path, **given: Any) -> str:
    result = config.parent / "told.json"
    run_bundle(config_file=str(config), logging_file=False, result=str(result), **given)
    return result.read_text()


def test_a_run_reads_its_options(config: Path) -> None:
    said = told(config, resume="false", epochs="7", modalities="a", output_dir=20240501)
    assert said == '{"resume": false, "epochs": 7, "modalities": ["a"], "place": "20240501"}'
    said = told(config)
    assert said == '{"resume": true, "epochs": 3, "modalities": ["a", "b"], "place": "./out"}', "nothing is left over"
    layer = config.parent / "layer.yaml"
    layer.write_text("epochs: 5\n")
    result = str(config.parent / "told.json")
    run_bundle(config_file=[str(config), str(layer)], logging_file=False, result=result, resume="no", initialize="[]")
    assert Path(result).read_text().startswith('{"resume": false, "epochs": 5,')


def test_an_argument_file_too(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "args.yaml"
    path.write_text(f"config_file: {config}\nresume: 'off'\nlogging_file: false\nresult: {tmp_path / 'a.json'}\n")
    run_bundle(args_file=str(path))
    assert (tmp_path / "a.json").read_text().startswith('{"resume": false')


def test_what_is_not_known_is_refused_before_the_work(config: Path) -> None:
    for given, message in [
        ({"epoch": 3}, "`--epoch` is no option of train.yaml; did you mean `--epochs`"),
        ({"resume": "maybe"}, "`--resume` needs true or false, got 'maybe'"),
        ({"told::epoch": 1, "epochs": "x"}, "`--epochs` needs a whole number"),
        ({"tracking_uri": "x"}, "`--tracking_uri` is no option"),
    ]:
        with pytest.raises(ValueError, match=message):
            told(config, **given)
        assert not (config.parent / "told.json").exists()


def test_what_is_asked_for_first_is_read_too(config: Path) -> None:
    workflow = create_workflow(config_file=str(config), logging_file=False, init_id="output_dir", output_dir=20240501)
    assert workflow.parser.get_parsed_content("output_dir") == "20240501"
    assert workflow.parser.get_parsed_content("told")["place"] == "20240501"


def test_without_a_run_there_is_nothing_to_read(config: Path) -> None:
    assert command_line.options == {}
    with pytest.raises(AttributeError, match="no attribute 'option'"):
        _ = command_line.option
    parser = ConfigParser(ConfigParser.load_config_file(config))
    assert parser.get_parsed_content("epochs") == 3


def test_options_of_files(config: Path) -> None:
    read = read_options(
        {"output_dir": 7, "debug": "true", "told#lr": "null"}, (str(config),), typed={"output_dir": "007"}
    )
    assert read == {"output_dir": "007", "debug": True, "told::lr": None}


@pytest.mark.slow
def test_as_it_is_typed(config: Path) -> None:
    """In processes: exact words, an error as the last line and one line only, and --debug."""

    def call(*words: str) -> WarmRun:
        done = WarmRun(["monai.bundle", "run", "--config_file", str(config), *words], config.parent)
        done.wait()
        return done

    done = call("--resume", "false", "--output_dir", "007", "--modalities=[a,c]", "--epochs", "None")
    assert done.returncode == 0, done.stderr
    expected = '{"resume": false, "epochs": null, "modalities": ["a", "c"], "place": "007"}'
    assert (config.parent / "told.json").read_text() == expected
    done = call("--result", "no/such/folder/told.json")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: [Errno 2] No such file or directory: 'no/such/folder/told.json'"
    assert "Traceback" not in done.stdout + done.stderr
    done = call("--epoch", "3", "--debug")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "error: `--epoch` is no option of train.yaml; did you mean `--epochs`?"
    assert "Traceback" in done.stderr
