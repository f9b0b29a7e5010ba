# SPDX-License-Identifier: Apache-2.0
"""The brain-tumour bundle as its users run it, in both settings, on both label conventions, with its comparators."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_boundary._tables import read_table
from monai_boundary.data import write_tumour_phantom
from monai_boundary.metrics import TumourScoresMetric, compute_tumour_scores
from monai_boundary.metrics.mask_score_names import STRUCTURE_SCORES
from monai_boundary.ops import tumour_regions
from monai_boundary.workflows.volumes.load import LoadVolumed
from tests.bundles.bundle_runs import BUNDLES, as_if_untrained, call, command, kill_at, quiet_process, run
from tests.gloo import in_two_processes

BRATS = "brats_mri_boundary"
CONFIGS = BUNDLES / BRATS / "configs"
SHAPE = (32, 32, 16)
NETWORK: dict[str, Any] = {"boundary_aware::channels": [8, 16]}
VOLUMES: dict[str, Any] = {**NETWORK, "window": [32, 32, 16], "num_folds": 3}
PAPER: dict[str, Any] = {
    **yaml.safe_load((CONFIGS / "paper.yaml").read_text()),
    **NETWORK,
    "window": [32, 32],
    "slices": 2,
    "num_folds": 3,
}
TINY: dict[str, Any] = {"epochs": 2, "iterations": 2, "val_interval": 1}
SETTINGS = {"volumes": {**VOLUMES, "patch_size": [16, 16, 16]}, "paper": {**PAPER, "batch_size": 4}}
TERMS = {"loss/region", "loss/region.dice", "loss/region.weight_dice", "loss/edge_dice", "loss/edge_bce", "loss/total"}
both = pytest.mark.parametrize("setting", ["volumes", "paper"])
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same three patients in the layouts of 2021 (label 4, uint8) and of 2023 (label 3, float32)."""
    folders = {layout: tmp_path_factory.mktemp(layout) for layout in ("brats2021", "brats2023")}
    for layout, folder in folders.items():
        write_tumour_phantom(folder, layout=layout, patients=3, shape=SHAPE)
    return folders


@pytest.fixture(scope="module")
def trained(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    outputs = {setting: tmp_path_factory.mktemp(setting) for setting in SETTINGS}
    for setting, output in outputs.items():
        common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(output), "cache": "memory"}
        run(BRATS, "train.yaml", "train", **{**SETTINGS[setting], **TINY, **common})
    return outputs


def used(setting: str) -> dict[str, Any]:
    """The overrides that evaluation and inference know."""
    unknown = ("patch_size", "batch_size", "num_folds")
    return {key: value for key, value in SETTINGS[setting].items() if key not in unknown}


@both
def test_training_leaves_network_numbers_and_pictures(trained: dict[str, Path], setting: str) -> None:
    output = trained[setting]
    regions = PAPER["regions"] if setting == "paper" else ("wt", "tc", "et")
    rows = read_table(output / "metrics.csv")
    assert [set(row) for row in rows] == [{"epoch", *TERMS, *TumourScoresMetric(regions).score_names}] * 2
    for row in rows:
        total = row["loss/region"] + 0.5 * row["loss/edge_dice"] + 0.1 * row["loss/edge_bce"]
        assert row["loss/total"] == pytest.approx(total, rel=1e-4)
        assert row["loss/region"] == pytest.approx(row["loss/region.dice"], rel=1e-4)
    summary = json.loads((output / "metrics.json").read_text())
    assert summary["key_metric"] == "dice"
    assert (output / "pictures" / "epoch_0001_case_0.png").is_file()
    events = EventAccumulator(str(output / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) >= {"loss/edge_bce", "dice", "tc_hd95_mm"}
    lr = torch.load(output / "checkpoint.pt", weights_only=True)["lr_scheduler"]["_last_lr"]
    assert lr == [0.0], "polynomial decay ends at 0"


@pytest.mark.usefixtures("_no_pictures")
def test_the_rate_decays_as_the_papers(data: dict[str, Path], tmp_path: Path) -> None:
    common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(tmp_path)}
    options = {**SETTINGS["paper"], **TINY, **common, "epochs": 4, "iterations": 1, "val_interval": 9, "patience": 0}
    run(BRATS, "train.yaml", "train", **{**options, "train::trainer::max_epochs": 2})
    (rate,) = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["lr_scheduler"]["_last_lr"]
    assert rate == pytest.approx(1e-3 * (1 - 2 / 4) ** 0.9)


def test_evaluation_and_inference_of_volumes_agree(
    trained: dict[str, Path], data: dict[str, Path], tmp_path: Path
) -> None:
    """The scores equal those of the files that inference writes, against the files of the data set."""
    output = trained["volumes"]
    common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(output)}
    run(BRATS, "evaluate.yaml", "eval", **common, **used("volumes"), num_folds=3)
    run(BRATS, "inference.yaml", "infer", **common, **used("volumes"), save_probability=True)
    result = json.loads((output / "evaluation" / "evaluation.json").read_text())
    best = json.loads((output / "metrics.json").read_text())["best"]
    (row,) = read_table(output / "evaluation" / "evaluation_cases.csv")
    assert result["mean"]["wt_dice"] == pytest.approx(best["wt_dice"]) == pytest.approx(row["wt_dice"])
    truth = nibabel.load(data["brats2021"] / row["case"] / f"{row['case']}_seg.nii.gz")
    found = nibabel.load(output / "segmentation" / f"{row['case']}_seg.nii.gz")
    assert found.shape == truth.shape
    np.testing.assert_allclose(found.affine, truth.affine, atol=1e-4)
    assert set(np.unique(found.dataobj)) <= {0, 1, 2, 4}
    probability = nibabel.load(output / "segmentation" / f"{row['case']}_probability.nii.gz").get_fdata()
    assert probability.shape == (*SHAPE, 3)
    spacing = np.linalg.norm(truth.affine[:3, :3], axis=0).tolist()
    label = np.asarray(found.dataobj)
    masks = np.stack([label > 0, np.isin(label, (1, 4)), label == 4])  # nested, as written: WT, TC, ET
    raw = np.moveaxis(probability, -1, 0) > 0.5
    assert not np.array_equal(raw, masks), "a network that hardly learned has channels that are not nested"
    scores = compute_tumour_scores(masks, tumour_regions(np.asarray(truth.dataobj)), spacing=spacing)
    for region, score in scores.items():
        assert [row[f"{region}_{name}"] for name in score._fields] == pytest.approx(list(score), rel=1e-4, nan_ok=True)
    assert len(list((output / "segmentation").glob("*_seg.nii.gz"))) == 3
    reported = {entry["class"]: entry for entry in read_table(output / "evaluation" / "report" / "cases.csv")}
    assert [reported[r]["dice"] for r in scores] == pytest.approx([row[f"{r}_dice"] for r in scores])
    assert all("lesion_wise_dice" in entry for entry in reported.values())
    assert (output / "evaluation" / "report.html").is_file()
    # the same case as a test set of one: the same scores, and no split of the training's data is needed
    shutil.copytree(data["brats2021"] / row["case"], tmp_path / "test" / row["case"])
    places = {"output_dir": str(output), "evaluation_dir": str(tmp_path / "evaluation")}
    scores = [*STRUCTURE_SCORES, "trimap_iou_2mm"]
    run(BRATS, "evaluate.yaml", "eval", **places, **used("volumes"), test_dir=str(tmp_path / "test"), scores=scores)
    (again,) = read_table(tmp_path / "evaluation" / "evaluation_cases.csv")
    extra = [f"{name}trimap_iou_2mm" for name in ("", "wt_", "tc_", "et_")]
    assert again.pop(extra[1]) > 0
    for name in extra:
        again.pop(name, None)  # there is none where a region is empty
    assert again == pytest.approx(row, nan_ok=True)


def test_evaluation_and_inference_of_slices(trained: dict[str, Path], data: dict[str, Path]) -> None:
    output = trained["paper"]
    common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(output)}
    run(BRATS, "evaluate.yaml", "eval", **common, **used("paper"), num_folds=3)
    rows = read_table(output / "evaluation" / "evaluation_cases.csv")
    assert len(rows) == 2, "two slices of one patient"
    assert rows[0]["slice"] < rows[1]["slice"]
    assert json.loads((output / "evaluation" / "evaluation.json").read_text())["cases"] == 2
    run(BRATS, "inference.yaml", "infer", **common, **used("paper"), et_label=3)
    found = nibabel.load(next((output / "segmentation").glob("*_seg.nii.gz")))
    assert found.shape == SHAPE, "a 2-D network goes through the volume"
    assert set(np.unique(found.dataobj)) <= {0, 1}
    run(BRATS, "evaluate.yaml", "eval", **{**common, **used("paper"), "num_folds": 3, "slices": 0, "part": "training"})
    assert [row["case"] for row in read_table(output / "evaluation" / "evaluation_cases.csv")] != []
    assert json.loads((output / "evaluation" / "evaluation.json").read_text())["cases"] == 2


@both
@pytest.mark.usefixtures("_no_pictures")
def test_2021_and_2023_train_alike(
    trained: dict[str, Path], data: dict[str, Path], tmp_path: Path, setting: str
) -> None:
    """The copy with other names and label 3 in float32, with the same configuration: the same numbers."""
    common = {"dataset_dir": str(data["brats2023"]), "output_dir": str(tmp_path), "cache": "memory"}
    run(BRATS, "train.yaml", "train", **{**SETTINGS[setting], **TINY, **common})
    rows = [read_table(folder / "metrics.csv") for folder in (trained[setting], tmp_path)]
    for a, b in zip(*rows, strict=True):
        assert a == pytest.approx(b, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("override", "terms", "parameters"),
    [
        ({"network_def": "@unet", "unet::features": [4, 4, 4, 8, 8, 4]}, {"loss/region.dice"}, "conv_0"),
        ({"network_def": "@vnet"}, {"loss/region.dice"}, "in_tr"),
        ({"edge_losses": False}, {"loss/region.dice"}, "edge_head"),
        ({"alpha": 0.01}, {"loss/region.boundary", "loss/edge_bce"}, "edge_head"),
        ({"loss": "lovasz"}, {"loss/region.lovasz", "loss/edge_bce"}, "edge_head"),
        ({"loss": "boundary"}, {"loss/region.dice", "loss/region.boundary", "loss/edge_bce"}, "edge_head"),
    ],
    ids=["unet", "vnet", "no edge losses", "signed distance", "another region loss", "boundary by name"],
)
def test_comparators_by_one_override(
    data: dict[str, Path], tmp_path: Path, override: dict[str, Any], terms: set[str], parameters: str
) -> None:
    common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(tmp_path), "epochs": 1}
    few = {"iterations": 1, "val_interval": 5}  # fewer epochs than that: there is a model.pt all the same
    run(BRATS, "train.yaml", "train", **{**SETTINGS["paper"], **TINY, **common, **few, **override})
    (row,) = read_table(tmp_path / "metrics.csv")
    assert terms <= set(row)
    assert ("loss/edge_bce" in row) == ("loss/edge_bce" in terms)
    assert ("loss/region.boundary" in row) == ("loss/region.boundary" in terms)
    assert any(name.startswith(parameters) for name in torch.load(tmp_path / "model.pt", weights_only=True))


@pytest.mark.usefixtures("_no_pictures")
def test_patches_with_distance_maps_edges_in_mm_and_a_cache_on_disk(data: dict[str, Path], tmp_path: Path) -> None:
    common = {"dataset_dir": str(data["brats2023"]), "output_dir": str(tmp_path), "epochs": 1, "cache": "disk"}
    options = {
        "alpha": 0.01,
        "edges": {"side": "inner", "thickness": 3.0, "unit": "mm"},
        "regions": ["wt", "et"],
    }
    run(
        BRATS,
        "train.yaml",
        "train",
        **{**SETTINGS["volumes"], **TINY, **common, **options, "modalities": ["flair", "t1c"]},
    )
    (row,) = read_table(tmp_path / "metrics.csv")
    assert {"wt_dice", "et_hd95_mm", "loss/region.boundary"} <= set(row)
    assert "tc_dice" not in row
    assert len(list((tmp_path / "cache").glob("*.pt"))) == 3
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    assert next(iter(weights.values())).shape[1] == 2


@pytest.mark.usefixtures("_no_pictures")
def test_a_killed_training_goes_on_where_it_was(data: dict[str, Path], tmp_path: Path) -> None:
    options = {**SETTINGS["paper"], **TINY, "epochs": 3, "iterations": 3, "dataset_dir": data["brats2021"]}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = command(BRATS, **options, output_dir=killed)
    kill_at(5, arguments, tmp_path)
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == [1]
    assert "Resuming after epoch 1 of 3" in call(arguments, tmp_path)
    run(BRATS, "train.yaml", "train", **{**options, "dataset_dir": str(data["brats2021"])}, output_dir=str(whole))
    rows = [read_table(folder / "metrics.csv") for folder in (killed, whole)]
    assert [row["epoch"] for row in rows[0]] == [1, 2, 3]
    for a, b in zip(*rows, strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("edge_losses", [True, False])
def test_two_processes_train_one_network(data: dict[str, Path], tmp_path: Path, edge_losses: bool) -> None:
    options = {**SETTINGS["paper"], **TINY, "epochs": 1, "edge_losses": edge_losses}
    options |= {"dataset_dir": str(data["brats2021"]), "output_dir": str(tmp_path)}

    def train(_: int) -> None:
        run(BRATS, ["train.yaml", "multi_gpu_train.yaml"], "train", **options)

    assert in_two_processes(train, tmp_path / "job", seconds=200) == [None, None]
    (row,) = read_table(tmp_path / "metrics.csv")
    assert np.isfinite(row["dice"])
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in state), "it loads without DDP"
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1, "one writer of logs"


def test_a_volume_is_read_once_for_all_of_its_slices(
    data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, of a data set: slices are few megabytes, and the volume behind them a second or more."""
    read: list[str] = []
    load = LoadVolumed.__call__
    monkeypatch.setattr(LoadVolumed, "__call__", lambda self, item: read.append(item["case"]) or load(self, item))
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{name}.yaml") for name in ("train", "paper")])
    parser.update({"dataset_dir": str(data["brats2021"]), "output_dir": str(tmp_path), "num_folds": 3})
    parser.update({"window": [32, 32], "slices": 3})
    for part, cases in (("train", 2), ("validate", 1)):
        dataset = parser.get_parsed_content(f"{part}::dataset")
        assert len(dataset) == 3 * cases
        for _ in range(2):
            assert all(dataset[number]["image"].shape == (1, 32, 32) for number in range(len(dataset)))
    assert len(read) == len(set(read)) == 3


def test_the_paper_is_one_file_more(data: dict[str, Path], tmp_path: Path) -> None:
    options = {"dataset_dir": data["brats2021"], "output_dir": tmp_path, "num_folds": 3, "window": [32, 32], **NETWORK}
    budget = {"epochs": 1, "iterations": 1, "batch_size": 2, "val_interval": 1, "cache": "memory"}
    call(command(BRATS, ["train.yaml", "paper.yaml"], **options, **budget), tmp_path)
    out = call(command(BRATS, ["evaluate.yaml", "paper.yaml"], **options), tmp_path)
    assert "Mean scores of 8 cases:" in out
    assert "TC HD95 (mm)" in out
    settings = json.loads((tmp_path / "metrics.json").read_text())["settings"]
    assert (settings["modalities"], settings["regions"], settings["spatial_dims"]) == (["t1c"], ["tc"], 2)


def test_errors_say_what_to_do(data: dict[str, Path], tmp_path: Path) -> None:
    common = {"dataset_dir": str(data["brats2021"]), "output_dir": str(tmp_path)}
    for config, kind in [("evaluate.yaml", "eval"), ("inference.yaml", "infer")]:
        with pytest.raises(RuntimeError, match="Failed to evaluate") as error:
            run(BRATS, config, kind, **common)
        assert "run configs/train.yaml first" in str(error.value.__cause__)
    wrong = tmp_path / "wrong"
    (item,) = write_tumour_phantom(wrong, patients=1, shape=SHAPE)
    label = nibabel.load(item["label"])
    voxels = np.asarray(label.dataobj).copy()
    voxels[0, 0, :2] = (7, 9)
    nibabel.Nifti1Image(voxels, label.affine).to_filename(item["label"])
    for overrides, message in [
        ({"patch_size": [17, 16, 16]}, "`patch_size` needs multiples of 2"),
        ({"batch_size": 3}, "`batch_size` needs a multiple of `crops`"),
        ({"modalities": ["t1c", "pet"]}, "`modalities` needs one file of 'pet' for patient 'BraTS2021_00000'"),
        ({"dataset_dir": str(wrong)}, "needs the values 0, 1, 2, 3, 4, got 0, 1, 2, 4, 7, 9."),
    ]:
        with pytest.raises((RuntimeError, ValueError)) as error:
            run(BRATS, "train.yaml", "train", **{**SETTINGS["volumes"], **TINY, **common, **overrides})
        causes = [str(error.value)]
        cause: BaseException | None = error.value.__cause__
        while cause is not None:
            causes.append(str(cause))
            cause = cause.__cause__
        assert any(message in text for text in causes), causes


def test_the_configurations_agree_where_they_repeat_each_other() -> None:
    train, evaluate, infer = (
        as_if_untrained(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))
        for name in ("train", "evaluate", "inference")
    )
    for other in (evaluate, infer):
        for key in (
            "network_def",
            "boundary_aware",
            "unet",
            "vnet",
            "modalities",
            "regions",
            "window",
            "intensities",
            "overlap",
        ):
            assert other[key] == train[key], key
    assert evaluate["data"] == train["data"] + " if @dataset_dir or not @test_dir else None"
    assert evaluate["preprocessing"] == train["validate"]["preprocessing"]
    assert evaluate["inferer"] == train["validate"]["inferer"]
    assert evaluate["inferer"] == {k: v for k, v in infer["inferer"].items() if k != "progress"}
    assert evaluate["postprocessing"] == train["validate"]["postprocessing"]
    scored = {k: v for k, v in evaluate["key_metric"]["dice"].items() if k not in ("missed_mm", "both_empty")}
    assert scored == train["validate"]["key_metric"]["dice"]
