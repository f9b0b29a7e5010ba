# SPDX-License-Identifier: Apache-2.0
"""The lesion bundles as their users run them: train, evaluate, infer; killed, resumed; tracked; in two processes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_boundary._tables import read_table
from monai_boundary.data import write_lesion_phantom, write_stroke_phantom
from monai_boundary.handlers import save_atomically
from monai_boundary.metrics.lesion_scores import LesionScores, compute_lesion_scores
from monai_boundary.metrics.mask_score_names import LESION_SCORES
from tests.bundles.bundle_runs import (
    BUNDLES,
    as_if_untrained,
    call,
    causes,
    command,
    kill_at,
    quiet_process,
    run,
)

WMH, ISLES = "wmh_mri_boundary", "isles_stroke_boundary"
both = pytest.mark.parametrize("bundle", [WMH, ISLES])
TERMS = {"loss/region", "loss/boundary", "loss/weight_region", "loss/weight_boundary", "loss/total"}
NETWORK: dict[str, Any] = {"network_def::channels": [8, 16], "network_def::strides": [2]}
SMALL: dict[str, Any] = {**NETWORK, "patch_size": [32, 32], "num_folds": 3}
TINY: dict[str, Any] = {**SMALL, "epochs": 2, "iterations": 3, "crops": 2, "batch_size": 4}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three patients for each bundle; of the WMH ones the first has other pathology."""
    folders = {name: tmp_path_factory.mktemp(name) for name in (WMH, ISLES)}
    write_lesion_phantom(folders[WMH], patients=3, shape=(32, 32, 8), imbalance=200)
    write_stroke_phantom(folders[ISLES], patients=3, shape=(32, 32, 8))
    return folders


@pytest.fixture(scope="module")
def trained(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    outputs = {name: tmp_path_factory.mktemp("output") for name in data}
    for name, output in outputs.items():
        run(name, "train.yaml", "train", dataset_dir=str(data[name]), output_dir=str(output), **TINY)
    return outputs


@both
def test_training_leaves_network_numbers_and_pictures(trained: dict[str, Path], bundle: str) -> None:
    output = trained[bundle]
    rows = read_table(output / "metrics.csv")
    assert [set(row) for row in rows] == [{"epoch", *TERMS, *LesionScores._fields}] * 2
    weights = [(row["loss/weight_region"], row["loss/weight_boundary"]) for row in rows]
    assert np.allclose(weights, [(1.0, 0.01), (0.99, 0.02)]), "rebalance, from the first epoch on"
    for row, (region, boundary) in zip(rows, weights, strict=True):
        assert row["loss/total"] == pytest.approx(
            region * row["loss/region"] + boundary * row["loss/boundary"], rel=1e-4
        )
    summary = json.loads((output / "metrics.json").read_text())
    assert summary["key_metric"] == "dice"
    assert summary["best"]["dice"] == max(row["dice"] for row in rows)
    assert [p.name for p in (output / "pictures").glob("*.png")] == ["epoch_0001_case_0.png"]
    assert [p.name for p in (output / "pictures" / "best").iterdir()] == ["case_0.png"]
    events = EventAccumulator(str(output / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) >= {*TERMS, "dice", "hd95_mm", "lesion_f1"}
    assert [event.value for event in events.Scalars("loss/weight_boundary")] == pytest.approx([0.01, 0.02])


@both
def test_evaluation_scores_whole_patients(
    trained: dict[str, Path], data: dict[str, Path], tmp_path: Path, bundle: str
) -> None:
    """The scores equal those of the files that inference writes, against the files of the data set."""
    common = {"output_dir": str(trained[bundle]), **NETWORK}
    run(bundle, "evaluate.yaml", "eval", **common)  # all else is read from beside the network
    run(bundle, "inference.yaml", "infer", **common, dataset_dir=str(data[bundle]), save_probability=True)
    result = json.loads((trained[bundle] / "evaluation" / "evaluation.json").read_text())
    best = json.loads((trained[bundle] / "metrics.json").read_text())["best"]
    (row,) = read_table(trained[bundle] / "evaluation" / "evaluation_cases.csv")
    assert result["mean"]["dice"] == pytest.approx(best["dice"]) == pytest.approx(row["dice"])
    item = next(item for item in cases(bundle, data[bundle]) if item["case"] == row["case"])
    truth = nibabel.load(item["label"])
    mask = nibabel.load(trained[bundle] / "segmentation" / f"{row['case']}_lesions.nii.gz")
    assert mask.shape == truth.shape
    np.testing.assert_allclose(mask.affine, truth.affine, atol=1e-4)
    options: dict[str, Any] = {"both_empty": "perfect", "f1_rule": "isles2022"}
    if bundle == WMH:
        options = {"ignore_labels": (2,), "section_axis": 2}
    spacing = np.linalg.norm(truth.affine[:3, :3], axis=0).tolist()
    expected = compute_lesion_scores(np.asarray(mask.dataobj), np.asarray(truth.dataobj), spacing=spacing, **options)
    for name, value in expected._asdict().items():
        assert row[name] == pytest.approx(value, rel=1e-4, nan_ok=True), name
    probability = nibabel.load(trained[bundle] / "segmentation" / f"{row['case']}_probability.nii.gz").get_fdata()
    np.testing.assert_array_equal(probability > 0.5, np.asarray(mask.dataobj) > 0)
    assert len(list((trained[bundle] / "segmentation").glob("*_lesions.nii.gz"))) == 3
    assert len(list((trained[bundle] / "evaluation" / "pictures").iterdir())) == 1
    (reported,) = read_table(trained[bundle] / "evaluation" / "report" / "cases.csv")
    assert (reported["case"], reported["dice"]) == (row["case"], pytest.approx(row["dice"]))
    assert 'class="drawing"' in (trained[bundle] / "evaluation" / "report.html").read_text()
    # the same patient as a test set of one: the same scores, and no split of the training's data is needed
    test = one_case(item, data[bundle], tmp_path / "test")
    places = {"output_dir": str(trained[bundle]), "evaluation_dir": str(tmp_path / "evaluation")}
    scores = [*LESION_SCORES, "nsd_2mm"]
    run(
        bundle,
        "evaluate.yaml",
        "eval",
        **places,
        **NETWORK,
        patch_size=[32, 32],
        test_dir=[str(test)],
        report=False,
        scores=scores,
    )
    (again,) = read_table(tmp_path / "evaluation" / "evaluation_cases.csv")
    assert 0 <= again.pop("nsd_2mm") <= 1
    assert again == pytest.approx(row, nan_ok=True)
    settings = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["settings"]
    assert settings["part"] == "test"


def one_case(item: dict[str, Any], folder: Path, target: Path) -> Path:
    """Copy the files of one case, in their places, to a data set of its own."""
    for value in item.values():
        for path in (Path(str(value)), *(Path(str(part)) for part in (value if isinstance(value, list) else ()))):
            if path.is_file():
                copied = target / path.relative_to(folder)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copied)
    return target


@both
def test_another_split_or_network_is_refused(trained: dict[str, Path], bundle: str) -> None:
    """With another fold a patient of the training would be scored."""
    output = {"output_dir": str(trained[bundle])}
    for given, message in [
        ({**NETWORK, "fold": 1}, "`fold` needs that of the training, 0, got 1"),
        ({**NETWORK, "spatial_dims": 3}, "`ckpt_path` needs weights of this UNet"),
        ({}, "`ckpt_path` needs weights of this UNet"),
    ]:
        with pytest.raises(RuntimeError) as error:
            run(bundle, "evaluate.yaml", "eval", **output, **given)
        assert message in causes(error.value)[-1]
        assert len(causes(error.value)[-1].splitlines()) == 1
    before = json.loads((trained[bundle] / "settings.json").read_text())
    assert before["architecture"].startswith("UNet, ")
    assert {"seed", "iterations", "amp", "crops", "val_interval"} <= set(before)


def cases(bundle: str, folder: Path) -> list[dict[str, Any]]:
    if bundle == WMH:
        return write_lesion_phantom(folder, patients=3, shape=(32, 32, 8), imbalance=200)
    return write_stroke_phantom(folder, patients=3, shape=(32, 32, 8))


@pytest.mark.usefixtures("_no_pictures")
def test_flair_alone_patches_and_a_cache_on_disk_by_overrides(data: dict[str, Path], tmp_path: Path) -> None:
    common = {
        "dataset_dir": str(data[WMH]),
        "output_dir": str(tmp_path),
        "modalities": ["flair"],
        "spatial_dims": 3,
        "patch_size": [16, 16, 8],
        **NETWORK,
    }
    options = {**TINY, **common, "epochs": 1, "val_interval": 4}  # fewer epochs than that: still a model.pt
    run(WMH, "train.yaml", "train", **options, cache="disk", schedule="increase", alpha=0.05, map_axis=2)
    (row,) = read_table(tmp_path / "metrics.csv")
    assert (row["loss/weight_region"], row["loss/weight_boundary"]) == pytest.approx((1, 0.05))
    assert len(list((tmp_path / "cache").glob("*.pt"))) == 3
    run(WMH, "evaluate.yaml", "eval", **common, num_folds=3, part="training")
    assert json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["cases"] == 2
    weight = next(iter(torch.load(tmp_path / "model.pt", weights_only=True).values()))
    assert weight.shape[1:] == (1, 3, 3, 3), "one modality, three dimensions"


@pytest.mark.usefixtures("_no_pictures")
def test_perfusion_of_isles_2018_and_generalised_dice_alone(tmp_path: Path) -> None:
    write_stroke_phantom(tmp_path / "data", layout="isles2018", patients=2, shape=(32, 32, 8))
    common = {"dataset_dir": str(tmp_path / "data"), "output_dir": str(tmp_path), "layout": "isles2018"}
    run(
        ISLES, "train.yaml", "train", **{**TINY, "epochs": 1, "val_interval": 4}, **common, schedule="constant", alpha=0
    )
    (row,) = read_table(tmp_path / "metrics.csv")
    assert "loss/boundary" not in row
    assert row["loss/total"] == pytest.approx(row["loss/region"])
    weight = next(iter(torch.load(tmp_path / "model.pt", weights_only=True).values()))
    assert weight.shape[1] == 4


@pytest.mark.usefixtures("_no_pictures")
def test_equipotential_by_one_override(data: dict[str, Path], tmp_path: Path) -> None:
    common = {"dataset_dir": str(data[WMH]), "output_dir": str(tmp_path)}
    run(WMH, "train.yaml", "train", **TINY, **common, loss="equipotential", loss_options={"w": 5})
    for row in read_table(tmp_path / "metrics.csv"):
        assert (row["loss/weight_region"], row["loss/weight_boundary"]) == (1, 1), "constant"
        assert row["loss/total"] == pytest.approx(row["loss/region"] + row["loss/boundary"], rel=1e-4)
        parts = 0.1 * row["loss/boundary.point"] + 0.2 * row["loss/boundary.line"]
        assert row["loss/boundary"] == pytest.approx(parts, rel=1e-4)


@pytest.mark.usefixtures("_no_pictures")
def test_other_pathology_changes_neither_loss_nor_scores(tmp_path: Path) -> None:
    """Half of the head is labelled 2, and dark or bright there: loss and scores are the same."""
    # a network of one voxel's view, so that the pathology cannot change what is predicted beside it
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 2, "out_channels": 2, "kernel_size": 1}
    options = {key: value for key, value in TINY.items() if key not in NETWORK}
    options |= {"network_def": network, "lr": 0.0, "percentiles": [0, 100], "lesion_share": 1.0}
    rows = []
    for name, share in (("dark", 0.0), ("bright", 1.0)):
        (item,) = write_lesion_phantom(tmp_path / name, patients=1, shape=(32, 32, 8), imbalance=200)
        image = nibabel.load(item["flair"])
        voxels = np.asarray(image.dataobj).copy()
        label = np.asarray(nibabel.load(item["label"]).dataobj).copy()
        label[16:] = 2
        voxels[16:] = share * voxels.max()
        voxels[0, 0, 0] = 2000.0  # the grey range is the same
        nibabel.Nifti1Image(voxels, image.affine).to_filename(item["flair"])
        nibabel.Nifti1Image(label, image.affine).to_filename(item["label"])
        output = tmp_path / f"out_{name}"
        run(WMH, "train.yaml", "train", dataset_dir=str(tmp_path / name), output_dir=str(output), **options)
        rows.append(read_table(output / "metrics.csv"))
    for a, b in zip(*rows, strict=True):
        assert a == pytest.approx(b, rel=1e-4, nan_ok=True)


@pytest.mark.usefixtures("_no_pictures")
def test_the_same_command_goes_on_and_another_is_refused(data: dict[str, Path], tmp_path: Path) -> None:
    common = {**TINY, "dataset_dir": str(data[WMH]), "output_dir": str(tmp_path)}
    run(WMH, "train.yaml", "train", **{**common, "epochs": 1})
    # let the first epoch have been better than any can be: what follows is worse
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    checkpoint["training"]["best"] = [2.0, 1]
    save_atomically(checkpoint, tmp_path / "checkpoint.pt")
    best = torch.load(tmp_path / "model.pt", weights_only=True)
    run(WMH, "train.yaml", "train", **{**common, "epochs": 2})
    assert [row["epoch"] for row in read_table(tmp_path / "metrics.csv")] == [1, 2]
    torch.testing.assert_close(torch.load(tmp_path / "model.pt", weights_only=True), best, rtol=0, atol=0)
    last = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert last["training"]["best"] == [2.0, 1]
    assert any(not torch.equal(last["network"][key], best[key]) for key in best), "it did train"
    with pytest.raises(RuntimeError) as error:
        run(WMH, "train.yaml", "train", **{**common, "schedule": "constant"})
    assert "schedule: 'rebalance' there, 'constant' now" in str(error.value.__cause__)
    with pytest.raises(RuntimeError) as error:
        run(ISLES, "train.yaml", "train", **{**common, "dataset_dir": str(data[ISLES])})
    assert "bundle: 'wmh_mri_boundary' there, 'isles_stroke_boundary' now" in str(error.value.__cause__)


@pytest.mark.usefixtures("_no_pictures")
def test_a_killed_training_goes_on_where_it_was(data: dict[str, Path], tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch; the same command again ends as a run that was left alone.

    The one that is left alone runs in this process, with one thread as they, so that they compute the same. No Dice is
    better by 2, so the rate is halved on the way, by a state that has to survive too.
    """
    plateau = {"lr_patience": 0, "lr_scheduler::threshold": 2.0, "lr_scheduler::threshold_mode": "abs"}
    options = {**TINY, "epochs": 3, "iterations": 4, **plateau, "dataset_dir": data[WMH]}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = command(WMH, **options, output_dir=killed)
    kill_at(6, arguments, tmp_path)
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == [1]
    output = call(arguments, tmp_path)
    assert "Resuming after epoch 1 of 3" in output
    assert "loss/weight_boundary: 0.0300" in output, "the third epoch's weight, on the console"
    run(WMH, "train.yaml", "train", **{**options, "dataset_dir": str(data[WMH])}, output_dir=str(whole))
    rows = [read_table(folder / "metrics.csv") for folder in (killed, whole)]
    assert [row["epoch"] for row in rows[0]] == [1, 2, 3]
    assert [row["loss/weight_boundary"] for row in rows[0]] == pytest.approx([0.01, 0.02, 0.03])
    for a, b in zip(*rows, strict=True):
        assert a == pytest.approx(b, rel=1e-3, nan_ok=True)
    a, b = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (killed, whole))
    for part in ("network", "optimizer"):
        torch.testing.assert_close(a[part], b[part], rtol=1e-3, atol=1e-5)
    assert a["lr_scheduler"]["best"] == pytest.approx(b["lr_scheduler"]["best"], rel=1e-3)
    assert a["lr_scheduler"]["num_bad_epochs"] == b["lr_scheduler"]["num_bad_epochs"]
    assert a["lr_scheduler"]["_last_lr"] == b["lr_scheduler"]["_last_lr"] < [0.001]
    assert a["training"]["best"] == pytest.approx(b["training"]["best"], rel=1e-3)
    models = [torch.load(folder / "model.pt", weights_only=True) for folder in (killed, whole)]
    torch.testing.assert_close(*models, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated")  # MLflow's use of SQLAlchemy
def test_tracking_shows_every_term_and_weight(data: dict[str, Path], tmp_path: Path) -> None:
    common = {"dataset_dir": str(data[ISLES]), "output_dir": str(tmp_path), "tracking": "mlflow"}
    run(ISLES, "train.yaml", "train", **TINY, **common, pictures_interval=1)
    run(ISLES, "evaluate.yaml", "eval", **common, **NETWORK, part="training", pictures=1)
    run(ISLES, "inference.yaml", "infer", **common, **NETWORK)
    with sqlite3.connect(tmp_path / "mlruns.db") as base:
        metrics = {key for (key,) in base.execute("select distinct key from metrics")}
        runs = dict(base.execute("select name, status from runs").fetchall())
        params = dict(base.execute("select key, value from params").fetchall())
        tags = base.execute("select key, value from tags").fetchall()
    base.close()
    assert metrics >= {*TERMS, "train_loss", "lr", "dice", "hd95_mm", "lesion_recall", "lesion_f1"}
    folders = (tmp_path, tmp_path / "evaluation", tmp_path / "segmentation")
    names = [(folder / "run_name.txt").read_text().strip() for folder in folders]
    assert runs == dict.fromkeys(names, "FINISHED"), "a run for each"
    assert params["seed"] == "0"
    assert {"epochs", "architecture", "schedule"} <= params.keys()
    parents = {value for key, value in tags if key == "mlflow.parentRunId"}
    assert len(parents) == 1, "the evaluation's and the inference's is the training"
    assert tags.count(("training", names[0])) == 2
    assert {value for key, value in tags if key == "stage"} == {"train", "evaluate", "inference"}
    artifacts = {path.name for path in (tmp_path / "mlruns").rglob("*") if path.is_file()}
    assert artifacts >= {"epoch_0001_case_0.png", "model.pt", "checkpoint.pt", "evaluation.json", "report.html"}
    assert len([name for name in artifacts if name.startswith("config_")]) >= 1


@both
def test_errors_say_what_to_do(data: dict[str, Path], tmp_path: Path, bundle: str) -> None:
    common = {"dataset_dir": str(data[bundle]), "output_dir": str(tmp_path)}
    for config, kind in [("evaluate.yaml", "eval"), ("inference.yaml", "infer")]:
        with pytest.raises(RuntimeError, match="Failed to evaluate") as error:
            run(bundle, config, kind, **common)
        assert "run configs/train.yaml first" in str(error.value.__cause__)
    for overrides, message in [
        ({"patch_size": [40, 24]}, r"`patch_size` needs multiples of 16"),
        ({"crops": 3}, "`batch_size` needs a multiple of `crops`"),
        ({"schedule": "linear"}, "`schedule` needs one of"),
        ({"modalities": ["pet"]}, "`modalities` needs one file of 'pet' for patient"),
    ]:
        options = {**TINY, **common, **overrides}
        if "patch_size" in overrides:
            options = {key: value for key, value in options.items() if key not in NETWORK}
        with pytest.raises(RuntimeError) as error:
            run(bundle, "train.yaml", "train", **options)
        found = causes(error.value)
        assert any(message in text for text in found), found


def test_the_configurations_agree_where_they_repeat_each_other() -> None:
    parts = {
        (bundle, name): as_if_untrained(yaml.safe_load((BUNDLES / bundle / "configs" / f"{name}.yaml").read_text()))
        for bundle in (WMH, ISLES)
        for name in ("train", "evaluate", "inference", "multi_gpu_train")
    }
    for bundle in (WMH, ISLES):
        train = parts[bundle, "train"]
        for name in ("evaluate", "inference"):
            for key in ("network_def", "patch_size", "percentiles", "modalities", "layout", "overlap", "reference"):
                assert parts[bundle, name][key] == train[key], (bundle, name, key)
        evaluated = parts[bundle, "evaluate"]
        segmented = parts[bundle, "inference"]
        assert evaluated["inferer"] == train["validate"]["inferer"]
        assert evaluated["inferer"] == {k: v for k, v in segmented["inferer"].items() if k != "progress"}
        assert evaluated["data"] == train["data"] + " if @dataset_dir or not @test_dir else None"
        assert evaluated["preprocessing"] == train["validate"]["preprocessing"]
        scored = {k: v for k, v in evaluated["key_metric"]["dice"].items() if k != "missed_mm"}
        assert scored == train["validate"]["key_metric"]["dice"]
    assert [parts[bundle, "train"]["settings"].pop("bundle") for bundle in (WMH, ISLES)] == [WMH, ISLES]
    for key in (
        "network_def",
        "optimizer",
        "lr_scheduler",
        "loss",
        "loss_spec",
        "loss_with_targets",
        "edge_net",
        "settings",
        "train",
    ):
        assert parts[WMH, "train"][key] == parts[ISLES, "train"][key], key
    assert parts[WMH, "multi_gpu_train"] == parts[ISLES, "multi_gpu_train"]
