# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary``, in this process but for one run of a real bundle."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monai_boundary.__main__ import COMMANDS, main
from tests.study.pretend_bundle import bundle, study
from tests.warm_python import WarmRun

__all__ = ["bundle"]


def file(tmp_path: Path, content: dict[str, Any]) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_a_part_of_a_study_with_overrides(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["study", file(tmp_path, study(bundle)), "--output_dir", str(out), "--seeds", "[3,4]", "--arms"]
    main([*arguments, "['same']", "--epochs", "2", "--workers", "2"])
    shown = capsys.readouterr().out
    assert "Bundle `pretend`, seeds 3, 4." in shown
    assert "| same |" in shown
    assert "good loss" not in shown
    assert str(out / "study.png") in shown
    assert len((out / "runs" / "same_seed3" / "metrics.csv").read_text().splitlines()) == 3
    main(["study", "table", "--output_dir", str(out)])
    assert capsys.readouterr().out == shown


def test_what_the_user_can_mend_is_one_line(bundle: Path, tmp_path: Path) -> None:
    name = file(tmp_path, study(bundle, seeds=[0], arms={"plain": {}, "broken": {"fail": True}}))
    out = ["--output_dir", str(tmp_path / "out")]
    for arguments, message in [
        (["study", name, *out, "--epochs", "many"], "error: `--epochs` needs a whole number, got 'many'."),
        (["study", name, *out, "--epoch", "3"], "error: `overrides` needs names of train.yaml, got 'epoch'"),
        (["study", name, *out, "--arms", "plian"], "error: `arms` needs arms of the study, got 'plian'"),
        (["study", "none.yaml", *out], "error: `study` needs a YAML file, none.yaml does not exist"),
        (["study", "table", *out], "error: `output_dir` needs the folder of a study"),
        (["study", name, *out], "error: 1 run failed: broken_seed0."),
    ]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert str(ended.value).startswith(message)


# The command line, whose runs are forked by what a light process of each asks for it.
STUDY = """
import sys
from monai_boundary.study import runs
assert runs.COMMAND[0] == "-m"
runs.COMMAND = [sys.argv[1], *runs.COMMAND[1:]]
from monai_boundary.__main__ import main
main(sys.argv[2:])
"""
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {repo!r})
from tests.warm_python import WarmRun
run = WarmRun(sys.argv[1:], Path.cwd())
code = run.wait()
print(run.output)
sys.exit(code)
"""


@pytest.mark.slow
def test_two_losses_on_a_real_bundle(repo: Path, tmp_path: Path) -> None:
    """The WMH bundle on a small phantom, one epoch of two steps, as users start it."""
    (tmp_path / "study.py").write_text(STUDY)
    (tmp_path / "run.py").write_text(RUN.format(repo=str(repo)))
    phantom = "{'patients': 2, 'shape': [32, 32, 8], 'imbalance': 200}"
    options = {
        "data": f"$mb.challenge_split(None, @layout, @modalities, '{{study_dir}}', 0, 2, phantom={phantom})",
        "patch_size": [32, 32],
        "network_def::channels": [8, 16],
        "network_def::strides": [2],
        "epochs": 1,
        "iterations": 2,
    }
    content = {
        "bundle": str(repo / "bundles" / "wmh_mri_boundary"),
        "common": options,
        "arms": {"dice": {"schedule": "constant", "alpha": 0.0}, "boundary": {"schedule": "increase"}},
        "base": "dice",
        "metrics": {"dice": "higher", "lesion_recall": "higher", "hd95_mm": "lower"},
    }
    command = [
        str(tmp_path / "study.py"),
        str(tmp_path / "run.py"),
        "study",
        file(tmp_path, content),
        "--output_dir",
        str(tmp_path / "out"),
    ]
    environment = {**os.environ, "PYTHONWARNINGS": "default", "CUDA_VISIBLE_DEVICES": ""}
    done = WarmRun([*command, "--workers", "2"], tmp_path, environment)
    assert done.wait() == 0, done.output[-3000:]
    assert "2 runs, 0 of them finished; 2 at once on the CPU" in done.stderr
    lines = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| boundary")]
    assert len(lines) == 3, "the arms, their differences over seeds, and over cases"
    assert float(lines[0][-1].strip(" |")) > 0, "what a step costs"
    assert (tmp_path / "out" / "runs" / "boundary_seed0" / "model.pt").is_file()


# Of each command its actions, as its help names them.
ACTIONS = {
    "bundle": ("list", "copy", "run", "pack", "inspect"),
    "inspect": (),
    "evaluate": (),
    "volume": ("predict", "segment", "maps", "evaluate"),
    "study": ("table",),
    "doctor": (),
}
CALLS = [(), *((name,) for name in ACTIONS), *((name, action) for name in ACTIONS for action in ACTIONS[name])]


def ended(*words: str) -> int:
    """The exit code of a call, 0 where it returns."""
    try:
        main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_command_has_help(call: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(*call, "--help") == 0
    shown = "".join(capsys.readouterr())
    assert "usage" in shown.lower() or "synopsis" in shown.lower()
    named = list(COMMANDS) if not call else ACTIONS[call[0]] if len(call) == 1 else []
    assert all(re.search(rf"^ +{name}\b", shown, re.M) for name in named), shown
    if len(call) == 1 and call[0] in ("bundle", "volume"):
        assert tuple(re.findall(r"^    (\w+) ", shown, re.M)) == ACTIONS[call[0]], "every action stands in this test"
    assert set(ACTIONS) == set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("nonsense", "'nonsense' is no command"),
        ("bundle", "ACTION"),
        ("bundle nonsense", "'nonsense'"),
        ("bundle list --nonsense", "--nonsense"),
        ("bundle copy", "name"),
        ("bundle copy a b --nonsense", "--nonsense"),
        ("bundle run", "name"),
        ("bundle pack a b c", "c"),
        ("bundle inspect", "file"),
        ("inspect", "DATA"),
        ("inspect data --output_dir out --workers many", "--workers"),
        ("inspect data --output_dir out --nonsense 1", "--nonsense"),
        ("evaluate", "--output_dir"),
        ("evaluate a b --output_dir out --nonsense", "--nonsense"),
        ("volume predict", "IMAGE"),
        ("volume segment m --output_dir out --threshold many", "--threshold"),
        ("volume segment m", "--output_dir"),
        ("volume maps l --output_dir out", "--radius_nm"),
        ("volume evaluate a b --output_dir out --nonsense", "--nonsense"),
        ("study", "FILE"),
        ("study table", "OUTPUT_DIR"),
        ("doctor --nonsense", "--nonsense"),
    ],
)
def test_a_call_that_is_none_names_the_argument(words: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, a line with what is wrong, and the usage; nothing is run or written."""
    assert ended(*words.split()) == 2
    said = capsys.readouterr()
    assert not said.out
    (line,) = [line.lower() for line in said.err.splitlines() if "error:" in line.lower()]
    assert named.lower() in line
    assert "usage" in said.err.lower()
