# SPDX-License-Identifier: Apache-2.0
"""Pages as their reader goes through them: code and commands, one after the other, with short trainings."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.page_blocks import WALKED, Block, blocks, lines_of
from tests.report.case_folders import ball, write_cases
from tests.warm_python import WarmRun

SHORT = ["--epochs", "1", "--network_channels", "[4, 8, 8, 16]"]


def own_folder(here: Path) -> None:
    (here / "other").symlink_to(here / "data" / "labels")


def membranes(here: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(here / "stack.tif", np.random.default_rng(0).integers(0, 255, (2, 64, 64), np.uint8))


def predictions(here: Path) -> None:
    truth = {f"case_{k}": ball(centre=(5 + k, 5, 4)) for k in range(2)}
    for name in ("TRUTH_DIR", "PRED_DIR", "DIR_A", "DIR_B", "IMAGES"):
        moved = int(name not in ("TRUTH_DIR", "IMAGES"))
        write_cases(here / name, {case: np.roll(label, moved, 0) for case, label in truth.items()})


def trained(here: Path) -> None:
    (here / "output").mkdir()
    for name in ("model.pt", "settings.json"):
        (here / "output" / name).touch()


BEFORE: dict[str, Callable[[Path], None]] = {
    "own-folder": own_folder,
    "membranes": membranes,
    "evaluate-predictions": predictions,
    "other-programs": trained,
}
LEFT = {  # a part of what each page promises
    "own-folder": ["look/index.html", "look/task.yaml", "runs/own/evaluation/report.html", "compared/report.html"],
    "membranes": ["membranes.png", "bundles/em_neuron_boundary/output/model.pt"],
    "large-volume": ["large-volume.png", "scores/merges.csv", "run/scores/merges.csv"],
    "evaluate-predictions": ["OUT/report.html", "COMPARED/report.html"],
    "other-programs": ["label/wmh_mri_boundary/models/settings.json", "label/wmh_mri_boundary/configs/inference.yaml"],
}


def do(line: str, here: Path) -> None:
    """Run one command as a shell would, with a short training and no more than one worker."""
    words = shlex.split(line)
    if words[0] in ("mkdir", "cp"):
        if words[0] == "mkdir":
            (here / words[1]).mkdir()
        for name in words[1:-1]:
            shutil.copy(here / name, here / words[-1])
        return
    words = ["monai_boundary", *words[1:]] if words[0] == "monai-boundary" else words[2:]  # after "python -m"
    if "--workers" in words:
        words[words.index("--workers") + 1] = "1"
    elif words[:2] in (["monai_boundary", "inspect"], ["monai_boundary", "evaluate"]):
        words += ["--workers", "1"]
    if any("configs/train.yaml" in word for word in words):  # of volumes so long that no noise is scored
        words += [*SHORT, "--iterations", "40" if "volume_boundary" in line else "2"]
    run = WarmRun(words, here)
    assert run.wait() == 0, f"{line}\n{run.output[-3000:]}"


def is_run(block: Block) -> bool:
    return block.name in ("python", "shell") and not block.mark


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKED, ids=lambda page: Path(page).stem)
def test_a_page_does_what_it_says(page: str, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = shutil.ignore_patterns("output", "parts", "__pycache__")
    shutil.copytree(repo / "bundles", tmp_path / "bundles", ignore=kept)  # a training writes beside its configuration
    stem = Path(page).stem
    if stem == "large-volume" and sys.version_info < (3, 11):
        pytest.skip("its stores are written with zarr 3")
    BEFORE.get(stem, lambda _: None)(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(filter(is_run, blocks((repo / page).read_text(encoding="utf-8"))), 1):
        if block.name == "python":
            exec(compile(block.text, f"{page}, block {number}", "exec"), names)
        else:
            for line in lines_of(block):
                do(line, tmp_path)
    assert [name for name in LEFT[stem] if not (tmp_path / name).is_file()] == []
