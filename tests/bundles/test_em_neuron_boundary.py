# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users run it: train, evaluate, infer; killed and resumed; tracked; in two processes."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from skimage import measure

from monai_boundary._tables import read_table
from monai_boundary.data import read_em_source, write_em_phantom
from monai_boundary.metrics import compute_cremi_score
from monai_boundary.workflows.evaluation.threshold import METHOD
from tests.bundles import bundle_runs
from tests.bundles.bundle_runs import BUNDLES, as_if_untrained, call, kill_at, quiet_process

NAME = "em_neuron_boundary"
BUNDLE = BUNDLES / NAME
CONFIGS = BUNDLE / "configs"
CREMI = {"voi_split", "voi_merge", "ari", "arand", "cremi_score"}
SCORES = {*CREMI, "pq", "missed_instances"}
TINY: dict[str, Any] = {"epochs": 2, "warmup_epochs": 1, "iterations": 2, "batch_size": 2, "patch_size": [32, 32]}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_em_phantom(folder, shape=(6, 64, 64), seed=1)
    return folder


run = partial(bundle_runs.run, NAME)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("output")
    run(
        "train.yaml",
        "train",
        dataset_dir=str(data),
        output_dir=str(output),
        pictures_interval=1,
        scores=["pq", "missed_instances"],
        **TINY,
    )
    return output


def command(output: Path, **overrides: Any) -> list[str]:
    """Return the command line of a training."""
    return bundle_runs.command(NAME, output_dir=output, **overrides)


def test_training_leaves_network_numbers_and_pictures(trained: Path) -> None:
    rows = read_table(trained / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert set(rows[0]) == {"epoch", "loss/bce", "loss/total", *SCORES}, "no boundary term in the warm-up"
    assert set(rows[1]) - set(rows[0]) == {"loss/boundary"}
    assert rows[1]["loss/total"] == pytest.approx(rows[1]["loss/bce"] + 0.1 * rows[1]["loss/boundary"], rel=1e-5)
    best = json.loads((trained / "metrics.json").read_text())["best"]
    assert best["cremi_score"] == min(row["cremi_score"] for row in rows)
    assert sorted(p.name for p in (trained / "pictures" / "best").iterdir()) == ["case_0.png", "case_1.png"]
    names = sorted(p.name for p in (trained / "pictures").glob("*.png"))
    assert names == [f"epoch_{epoch:04d}_case_{case}.png" for epoch in (1, 2) for case in (0, 1)]
    assert list((trained / "tensorboard").iterdir())
    assert not list(trained.glob("*.part"))


def test_evaluation_reports_thresholds_and_cases(trained: Path, data: Path) -> None:
    run("evaluate.yaml", "eval", dataset_dir=str(data), output_dir=str(trained), patch_size=[32, 32])
    result = json.loads((trained / "evaluation" / "evaluation.json").read_text())
    best = json.loads((trained / "metrics.json").read_text())["best"]
    for name in ("voi_split", "voi_merge", "ari", "cremi_score"):
        assert result["fixed_threshold"][name] == pytest.approx(best[name], abs=1e-6), (
            "the same network, the same scores"
        )
    assert result["validation"]["thresholds"] == [0.2, 0.8]
    assert 0.2 <= result["best_training_threshold"]["threshold"] <= 0.8
    assert result["scored"]["source"] == "the best of the training part"
    for name in ("threshold", "voi_split", "voi_merge", "ari", "cremi_score"):
        assert result["scored"][name] == pytest.approx(result["best_training_threshold"][name], abs=1e-6), (
            "the instances that are scored are those of the curve at its threshold"
        )
    assert set(result["validation"]["area"]) == {"ari", "cremi_score"}
    cases = (trained / "evaluation" / "evaluation_cases.csv").read_text().splitlines()
    assert len(cases) == 3, "a third of six sections, and the header"
    assert len((trained / "evaluation" / "threshold_curve.csv").read_text().splitlines()) == 1 + 2 * 13
    assert len(list((trained / "evaluation" / "pictures").iterdir())) == 2
    kept = json.loads((trained / "model_evaluated.json").read_text())
    assert kept["threshold"] == result["scored"]["threshold"]
    reported = read_table(trained / "evaluation" / "report" / "cases.csv")
    for name in ("voi_split", "ari", "cremi_score", "pq"):  # the training asked for PQ, and so does its evaluation
        mean = sum(row[name] for row in reported) / len(reported)
        assert mean == pytest.approx(result["scored"][name], abs=1e-6), "the page has the scores of the evaluation"
    assert result["scored"]["method"] == result["settings"]["method"] == "watershed"
    page = read_table(trained / "evaluation" / "report" / "thresholds.csv")
    curve = [row for row in read_table(trained / "evaluation" / "threshold_curve.csv") if row["part"] == "validation"]
    on_page = {row["threshold"]: row["cremi_score"] for row in page}
    assert len(on_page) == 19
    for row in curve:
        assert on_page[row["threshold"]] == pytest.approx(row["cremi_score"], abs=1e-9), "the page's is the same curve"
    assert (trained / "evaluation" / "report.html").is_file()


@pytest.mark.parametrize(("threshold", "method"), [(None, None), (0.35, "components")])
def test_what_is_scored_is_what_is_written(
    trained: Path,
    data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    threshold: float | None,
    method: str | None,
) -> None:
    """Evaluation and inference of the same file: the scores are those of the file that inference writes."""
    test, common = tmp_path / "test", {"output_dir": str(trained), "patch_size": [32, 32]}
    for part in ("image", "label"):
        (test / part).mkdir(parents=True)
        shutil.copy(data / part / "05.png", test / part / "05.png")
    options = {**common, "dataset_dir": str(data), "evaluation_dir": str(tmp_path / "evaluation")}
    run(
        "evaluate.yaml",
        "eval",
        **options,
        test_dir=str(test),
        thresholds=[0.4, 0.45, 0.55],
        threshold=threshold,
        method=method,
    )
    (row,) = read_table(tmp_path / "evaluation" / "evaluation_cases.csv")
    scored = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["scored"]
    assert scored["threshold"] in ((0.4, 0.45, 0.55) if threshold is None else (threshold,))
    with caplog.at_level(logging.INFO):
        place = {"dataset_dir": str(test / "image" / "05.png"), "segmentation_dir": str(tmp_path / "written")}
        run("inference.yaml", "infer", **common, **place)
    assert f"Instances by {method or 'watershed'} at threshold {scored['threshold']:g}" in caplog.text
    assert len(read_table(tmp_path / "evaluation" / "report" / "thresholds.csv")) == 19
    page = (tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert f"Instances at each threshold by {method or 'watershed'}." in page
    (path,) = (tmp_path / "written").glob("*instances*")
    found = read_em_source(path)[0].astype(np.int64)
    truth = measure.label(read_em_source(test / "label" / "05.png")[0], connectivity=1)
    expected = compute_cremi_score(found, truth)
    for name in ("voi_split", "voi_merge", "ari", "cremi_score"):
        assert row[name] == pytest.approx(getattr(expected, name), abs=1e-9), name


@pytest.mark.parametrize("extension", [".tif", ".nii.gz", ".h5"])
def test_inference_writes_a_stack_with_its_geometry(trained: Path, data: Path, tmp_path: Path, extension: str) -> None:
    run(
        "inference.yaml",
        "infer",
        dataset_dir=str(data),
        output_dir=str(trained),
        segmentation_dir=str(tmp_path),
        extension=extension,
        patch_size=[32, 32],
    )
    written = {path.name.split(".")[0].rsplit("_", 1)[1]: path for path in tmp_path.iterdir()}
    assert set(written) == {"instances", "membrane"}
    for path in written.values():
        array, geometry = read_em_source(path)
        assert array.shape == (6, 64, 64)
        assert geometry.spacing == pytest.approx((50.0, 4.0, 4.0))
    instances, _ = read_em_source(written["instances"])
    found = [set(np.unique(section[section > 0])) for section in instances]
    assert not any(a & b for a, b in pairwise(found)), "every section has its own ids"


def test_inference_of_one_picture(trained: Path, data: Path, tmp_path: Path) -> None:
    run(
        "inference.yaml",
        "infer",
        dataset_dir=str(data / "image" / "00.png"),
        output_dir=str(trained),
        segmentation_dir=str(tmp_path),
        save_membrane=False,
        method="watershed",
        patch_size=[32, 32],
    )
    (path,) = tmp_path.iterdir()
    assert read_em_source(path)[0].shape == (64, 64)


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, data: Path) -> None:
    for config, kind in [("evaluate.yaml", "eval"), ("inference.yaml", "infer")]:
        with pytest.raises(RuntimeError, match="Failed to evaluate") as error:
            # without this it would be the network that comes with the bundle
            run(config, kind, dataset_dir=str(data), output_dir=str(tmp_path), ckpt_path=str(tmp_path / "model.pt"))
        assert "run configs/train.yaml first" in str(error.value.__cause__)


def test_three_dimensions_from_ids(tmp_path: Path) -> None:
    write_em_phantom(tmp_path / "data", layout="hdf5", shape=(24, 64, 64), spacing=(10.0, 10.0, 10.0), seed=2)
    common = {
        "dataset_dir": str(tmp_path / "data"),
        "output_dir": str(tmp_path / "out"),
        "spatial_dims": 3,
        "num_folds": 2,
        "patch_size": [8, 32, 32],
        "network_def::channels": [8, 8, 16],
        "network_def::strides": [2, 2],
    }
    options = {**TINY, "epochs": 1, "warmup_epochs": 0, "batch_size": 1, **common}
    run("train.yaml", "train", **options, contour="leak")
    run("evaluate.yaml", "eval", **common, method="watershed", min_size=4, thresholds=[0.4, 0.6])
    run("inference.yaml", "infer", **common, extension=".h5")
    scored = json.loads((tmp_path / "out" / "evaluation" / "evaluation.json").read_text())["scored"]
    assert (scored["method"], scored["min_size"]) == ("watershed", 4)
    kept = json.loads((tmp_path / "out" / "model_evaluated.json").read_text())
    assert (kept["method"], kept["min_size"], kept["threshold"]) == ("watershed", 4, scored["threshold"])
    assert set(read_table(tmp_path / "out" / "metrics.csv")[0]) >= {"loss/bce", "loss/boundary", *CREMI}
    (path,) = (tmp_path / "out" / "segmentation").glob("*instances*")
    array, geometry = read_em_source(path)
    assert array.shape == (24, 64, 64)
    assert geometry.spacing == (10.0, 10.0, 10.0)


@pytest.mark.usefixtures("_no_pictures")
def test_a_boundary_aware_training_starts_from_a_cross_entropy_one(trained: Path, data: Path, tmp_path: Path) -> None:
    start = trained / "model.pt"
    common = {**TINY, "epochs": 1, "dataset_dir": str(data), "init_checkpoint": str(start), "lr": 0.0}
    run(
        "train.yaml",
        "train",
        output_dir=str(tmp_path),
        contour="per_region",
        contour_width=3,
        **{**common, "warmup_epochs": 0, "val_interval": 4},  # fewer epochs than that: still a model.pt
    )
    row = read_table(tmp_path / "metrics.csv")[0]
    assert "loss/boundary" in row
    torch.testing.assert_close(torch.load(tmp_path / "model.pt"), torch.load(start), rtol=0, atol=0)


@pytest.mark.usefixtures("_no_pictures")
def test_in_2d_it_is_the_papers_cut_of_whole_sections(data: Path, tmp_path: Path) -> None:
    options = {"epochs": 1, "warmup_epochs": 0, "iterations": 1, "dataset_dir": str(data), "output_dir": str(tmp_path)}
    run("train.yaml", "train", **options)
    settings = json.loads((tmp_path / "settings.json").read_text())
    names = ("alpha", "contour", "contour_width", "region_reduction", "patch_size", "batch_size")
    assert [settings[name] for name in names] == [0.1, "per_region", 7, "sum", [512, 512], 1]
    (row,) = read_table(tmp_path / "metrics.csv")
    assert row["loss/total"] == pytest.approx(row["loss/bce"] + 0.1 * row["loss/boundary"], rel=1e-5)
    with pytest.raises(RuntimeError) as error:  # another loss than the default's, though it has its name and width
        run("train.yaml", "train", **options, contour="per_region", contour_width=7)
    assert "region_reduction: 'sum' there, None now" in str(error.value.__cause__)


@pytest.mark.usefixtures("_no_pictures")
def test_the_same_command_goes_on_and_another_is_refused(data: Path, tmp_path: Path) -> None:
    common = {**TINY, "dataset_dir": str(data), "output_dir": str(tmp_path)}
    del common["warmup_epochs"]  # it follows from the epochs: 0, then 1
    run("train.yaml", "train", **{**common, "epochs": 1})
    run("train.yaml", "train", **{**common, "epochs": 2})
    assert [row["epoch"] for row in read_table(tmp_path / "metrics.csv")] == [1, 2]
    assert json.loads((tmp_path / "settings.json").read_text())["warmup_epochs"] == 0, "a longer run keeps its warm-up"
    with pytest.raises(RuntimeError) as error:
        run("train.yaml", "train", **{**common, "alpha": 0.7})
    assert "alpha: 0.1 there, 0.7 now" in str(error.value.__cause__)


@pytest.mark.usefixtures("_no_pictures")
def test_semeda_by_one_override_fits_its_edge_network_once(data: Path, tmp_path: Path) -> None:
    common = {**TINY, "dataset_dir": str(data), "output_dir": str(tmp_path), "semantic_edge_cache": str(tmp_path / "e")}
    run("train.yaml", "train", **{**common, "epochs": 1, "warmup_epochs": 0}, loss="semeda")
    (row,) = read_table(tmp_path / "metrics.csv")
    assert row["loss/total"] == pytest.approx(row["loss/bce"] + row["loss/boundary"], rel=1e-5)
    layers = 2 * row["loss/boundary.layer1"] + 4 * row["loss/boundary.layer2"]
    assert row["loss/boundary"] == pytest.approx(layers, rel=1e-5)
    (net,) = (tmp_path / "e").glob("semantic_edge_net_*.pt")
    written = net.stat().st_mtime_ns
    run("train.yaml", "train", **{**common, "epochs": 2, "warmup_epochs": 0}, loss="semeda")
    assert [row["epoch"] for row in read_table(tmp_path / "metrics.csv")] == [1, 2]
    assert net.stat().st_mtime_ns == written, "read again"
    with pytest.raises(RuntimeError) as error:
        run("train.yaml", "train", **common, loss="dice")
    assert "loss: 'semeda' there, 'dice' now" in str(error.value.__cause__)


@pytest.mark.usefixtures("_no_pictures")
def test_a_definition_is_the_loss_as_it_is(data: Path, tmp_path: Path) -> None:
    own = {"_target_": "monai_boundary.losses.SignedDistanceLoss", "sigmoid": True}
    common = {**TINY, "epochs": 1, "dataset_dir": str(data), "output_dir": str(tmp_path)}
    run("train.yaml", "train", **common, loss=own)
    (row,) = read_table(tmp_path / "metrics.csv")
    assert row["loss/total"] == pytest.approx(row["loss/given"])
    title, digest = json.loads((tmp_path / "metrics.json").read_text())["settings"]["loss"]
    assert title.startswith("SignedDistanceLoss(")
    assert "include_background=False" in title
    assert digest.startswith("#")


def test_an_unknown_loss_names_those_that_are_known(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as error:
        run("train.yaml", "train", **TINY, dataset_dir=str(data), output_dir=str(tmp_path), loss="hausdorff")
    assert "`loss` needs one of cross_entropy, weighted_bce" in str(error.value.__cause__)


@pytest.mark.usefixtures("_no_pictures")
def test_a_killed_process_resumes(data: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch; the same command again ends with the weights of a run that was left alone.

    With a share: its running means are in the checkpoint, and are taken again in the 20th step.
    """
    tiny = {
        "balance": "share",
        "epochs": 4,
        "warmup_epochs": 1,
        "iterations": 6,
        "batch_size": 2,
        "patch_size": "[32,32]",
        "dataset_dir": data,
    }
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    kill_at(15, command(killed, **tiny), tmp_path)
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == [1, 2]
    output = call(command(killed, **tiny), tmp_path)
    assert "Resuming after epoch 2 of 4" in output
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == [1, 2, 3, 4]
    own = {**tiny, "patch_size": [32, 32], "dataset_dir": str(data)}
    run("train.yaml", "train", **own, output_dir=str(whole))  # in this process: its hashes and imports are others
    for name in ("checkpoint.pt", "model.pt"):
        a, b = (torch.load(folder / name, weights_only=True) for folder in (killed, whole))
        network = (lambda c: c["network"]) if name == "checkpoint.pt" else (lambda c: c)
        torch.testing.assert_close(network(a), network(b), rtol=0, atol=0)
    kept = [
        torch.load(folder / "checkpoint.pt", weights_only=True)["loss"]["_extra_state"] for folder in (killed, whole)
    ]
    assert kept[0] == kept[1]
    assert (kept[0]["steps"], kept[0]["norms"]["boundary"][1]) == (24, 2), "measured after the warm-up, and in the 20th"


def test_tracking_from_the_bundle_s_folder(data: Path, tmp_path: Path) -> None:
    """The command from inside the bundle, tracked by MLflow in SQLite: metrics apart, pictures as artifacts."""
    arguments = command(tmp_path, **{**TINY, "patch_size": "[32,32]", "dataset_dir": data, "tracking": "mlflow"})
    arguments[arguments.index("--config_file") + 1] = "configs/train.yaml"
    out = call(arguments, BUNDLE, pictures=True)
    assert re.search(r"^ +CREMI +[\d.]+", out, re.M), out
    assert [line.split(",")[0] for line in re.findall(r"Epoch \d of .*", out)] == ["Epoch 1 of 2", "Epoch 2 of 2"]
    assert "it/s" not in out, "no progress bar into a file"
    assert len(out.splitlines()) < 80, out
    assert "evaluate.yaml --output_dir" in out
    with sqlite3.connect(tmp_path / "mlruns.db") as base:
        metrics = {key for (key,) in base.execute("select distinct key from metrics")}
        runs = base.execute("select name, status from runs").fetchall()
    base.close()
    assert metrics >= {"loss/bce", "loss/boundary", "loss/total", "train_loss", *CREMI}
    assert runs == [((tmp_path / "run_name.txt").read_text().strip(), "FINISHED")], "one run, and it is closed"
    artifacts = {path.name for path in (tmp_path / "mlruns").rglob("*") if path.is_file()}
    assert "epoch_0001_case_0.png" in artifacts
    assert any(name.startswith("config_") for name in artifacts)


def test_the_configurations_agree_where_they_repeat_each_other() -> None:
    parts = {
        name: as_if_untrained(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))
        for name in ("train", "evaluate", "inference")
    }
    for name in ("evaluate", "inference"):
        assert parts[name]["network_def"] == parts["train"]["network_def"]
        assert parts[name]["patch_size"] == parts["train"]["patch_size"]
        assert parts[name]["overlap"] == parts["train"]["overlap"]
    windows = {
        **parts["evaluate"]["inferer"],
        "_target_": "monai_boundary.workflows.SectionwiseInferer",
        "progress": True,
    }
    assert parts["inference"]["inferer"] == windows
    assert parts["evaluate"]["inferer"] == parts["train"]["validate"]["inferer"]
    assert parts["evaluate"]["training_part"]["curve"]["method"] == f"$@method or '{METHOD}'"
    unless = " if @dataset_dir or not @test_dir else None"
    assert parts["evaluate"]["data"] == parts["train"]["data"] + unless
