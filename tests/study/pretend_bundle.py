# SPDX-License-Identifier: Apache-2.0
"""A bundle whose training is a script of some lines: what a study needs of a bundle, in a tenth of a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_boundary.study import runs

TRAIN = """
seed: 0
fold: 0
output_dir: null
dataset_dir: null
effect: 0.0      # what the arm adds to the score
epochs: 3
delay: 0.0       # seconds of an epoch
hold: ""         # a run goes no further than its second epoch while there is a file of this name and its own
fail: false
init_checkpoint: null
train: {handlers: []}
"""

# takes the layers of `monai.bundle run`, goes on where metrics.csv ends, and scores by seed, fold and effect
TRAINER = """
import ast, csv, json, os, pathlib, random, sys, time
import yaml

config = {}
for name in ast.literal_eval(sys.argv[sys.argv.index("--config_file") + 1]):
    config.update(yaml.safe_load(open(name)))
out = pathlib.Path(config["output_dir"])
if config.get("kind") == "evaluate":
    place = pathlib.Path(config["evaluation_dir"] or out / "evaluation")
    place.mkdir(exist_ok=True)
    left = out / "model_evaluated.json"
    offset = json.loads(left.read_text())["offset"] if config["takes_over"] else config["offset"]
    left.write_text(json.dumps({"offset": offset}))
    json.dump({"mean": {"area": config["seed"] + 0.5 + offset}}, open(place / "evaluation.json", "w"))
    sys.exit()
if config["fail"]:
    print("starting\\nrate 1\\rrate 2", flush=True)
    raise ValueError("the images have no label")
start = 0.0
if config["init_checkpoint"]:
    start = float(open(config["init_checkpoint"]).read())
table = out / "metrics.csv"
rows = list(csv.DictReader(open(table))) if table.exists() else []
print(f"begins after epoch {len(rows)}, threads {os.environ['OMP_NUM_THREADS']}, "
      f"device {os.environ.get('CUDA_VISIBLE_DEVICES')}, handlers {config.get('+train::handlers')}", flush=True)
for epoch in range(len(rows) + 1, config["epochs"] + 1):
    time.sleep(config["delay"])
    while epoch == 3 and os.path.exists(f"{config['hold']}{out.name}"):
        time.sleep(0.01)
    noise = random.Random(f"{config['seed']} {config.get('fold')} {config['effect']}").gauss(0, 0.01)
    dice = 0.5 + start + 0.1 * config["seed"] + config["effect"] + noise
    rows.append({"epoch": epoch, "seconds_per_step": 0.25 / epoch, "loss/region": 1 / epoch, "dice": dice})
    with open(out / "part", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    os.replace(out / "part", table)
last = {**rows[-1], "hd95_mm": 10 * (1 - float(rows[-1]["dice"])), "empty": None}
(out / "metrics.json").write_text(json.dumps({"last": {k: v if v is None else float(v) for k, v in last.items()}}))
with open(out / "metrics_cases.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, ["epoch", "case", "dice", "hd95_mm"])
    writer.writeheader()
    for case, off in (("007", -0.1), ("008", 0.0), ("012", 0.1)):  # the mean is that of the run
        dice = float(rows[-1]["dice"]) + off * (1 + config["effect"])
        writer.writerow({"epoch": rows[-1]["epoch"], "case": case, "dice": dice, "hd95_mm": 10 * (1 - dice)})
(out / "pictures").mkdir(exist_ok=True)
(out / "pictures" / "case.png").write_bytes(b"picture")
(out / "model.pt").write_text("0.05")
"""


def make_bundle(folder: Path) -> Path:
    """Write the bundle, and its trainer beside it; return its folder."""
    configs = folder / "pretend" / "configs"
    configs.mkdir(parents=True)
    (configs / "train.yaml").write_text(TRAIN)
    (configs / "evaluate.yaml").write_text(
        "{kind: evaluate, seed: 0, output_dir: null, evaluation_dir: null, offset: 0.0, takes_over: false}\n"
    )
    (folder / "trainer.py").write_text(TRAINER)
    return configs.parent


def study(bundle: Path, /, **changes: Any) -> dict[str, Any]:
    """Return a study of three arms: one that is better, one that is not."""
    content: dict[str, Any] = {
        "bundle": str(bundle),
        "arms": {"plain": {}, "good loss": {"effect": 0.2}, "same": {"effect": 0.001}},
        "base": "plain",
        "seeds": [0, 1, 2],
        "metrics": {"dice": "higher", "hd95_mm": {"better": "lower", "title": "HD95 (mm)"}},
    }
    return {**content, **changes}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the bundle; the runs of this test's studies are run by its trainer."""
    folder = make_bundle(tmp_path)
    monkeypatch.setattr(runs, "COMMAND", [str(tmp_path / "trainer.py")])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return folder
