# SPDX-License-Identifier: Apache-2.0
"""The bundle for data of one's own: trained, killed, resumed, evaluated, applied; and what is wrong with the data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from monai_boundary._tables import read_table
from monai_boundary.data.phantoms.organ import write_organ_phantom
from monai_boundary.report import evaluate_folders
from tests.bundles.bundle_runs import BUNDLES, as_if_untrained, causes, command, kill_at, quiet_process, run
from tests.data.volume_layouts import save

NAME = "volume_boundary"
CONFIGS = BUNDLES / NAME / "configs"
TINY: dict[str, Any] = {
    "epochs": 2,
    "iterations": 3,
    "num_folds": 2,
    "network_channels": [4, 8, 8],
    "network_strides": [2, 1],
}
LONGER = {**TINY, "epochs": 3}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients with oblique headers, in a folder with a space and a letter of another script."""
    folder = write_organ_phantom(tmp_path_factory.mktemp("own") / "Ä b", patients=4, shape=(16, 20, 12))
    turn = np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    for path in folder.glob("*Tr/*.nii.gz"):
        image = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), turn @ image.affine), path)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("output")
    run(NAME, "train.yaml", "train", dataset_dir=str(data), output_dir=str(output), **LONGER)
    return output


def test_training_keeps_its_task_beside_the_network(trained: Path) -> None:
    settings = json.loads((trained / "settings.json").read_text())
    assert settings["task"]["channels"] == {"MRI": "zscore"}
    assert settings["task"]["labels"] == {"background": 0, "anterior": 1, "posterior": 2}
    assert settings["patch_size"] == [16, 20, 12], "the median image, in steps of 2"
    rows = read_table(trained / "metrics.csv")
    assert {"dice", "anterior_dice", "posterior_dice", "loss/region.dice"} <= set(rows[0])
    assert len(list((trained / "pictures").glob("*.png"))) == 2


@pytest.mark.usefixtures("_no_pictures")
def test_a_killed_training_goes_on_where_it_was(
    trained: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGKILL of a process in its second epoch; the same training again ends as the one that was left alone."""
    options = {**LONGER, "dataset_dir": data, "output_dir": tmp_path / "killed"}
    kill_at(5, command(NAME, **options), tmp_path)
    assert [row["epoch"] for row in read_table(tmp_path / "killed" / "metrics.csv")] == [1]
    run(NAME, "train.yaml", "train", **{key: str(v) if isinstance(v, Path) else v for key, v in options.items()})
    assert "Resuming after epoch 1 of 3" in caplog.text
    rows = [read_table(folder / "metrics.csv") for folder in (tmp_path / "killed", trained)]
    assert [row["epoch"] for row in rows[0]] == [1, 2, 3]
    for a, b in zip(*rows, strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-4, nan_ok=True)
    a, b = (torch.load(f / "checkpoint.pt", weights_only=True)["network"] for f in (tmp_path / "killed", trained))
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_longer_training_keeps_the_interval_of_its_validations(trained: Path) -> None:
    """It follows from the epochs where a training begins, and is among the settings that may not change."""
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "train.yaml"))
    found = {}
    for resume in (True, False):
        parser.update({"output_dir": str(trained), "epochs": 40, "resume": resume})
        found[resume] = parser.get_parsed_content("val_interval")
    assert found == {True: 1, False: 10}


def test_the_edge_network_sees_the_labels_of_the_training(data: Path, tmp_path: Path) -> None:
    """On their grid and across their slices: an edge of a thick slice is another one."""
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "train.yaml"))
    parser.update({"dataset_dir": str(data), "output_dir": str(tmp_path), "spacing": [2.0, 2.0, 2.0], "slice_axis": 1})
    seen = parser.get_parsed_content("edge_net::labels")[0]["label"]
    kept = parser.get_parsed_content("train::dataset")._cache[0]["label"]
    assert seen.shape == kept.shape != (1, 16, 20, 12)
    assert parser.get_parsed_content("edge_net::slice_axis") == 1


def test_what_is_scored_is_what_is_written(trained: Path, data: Path, tmp_path: Path) -> None:
    run(NAME, "evaluate.yaml", "eval", output_dir=str(trained))
    run(NAME, "inference.yaml", "infer", output_dir=str(trained), dataset_dir=str(data), save_probability=True)
    assert (trained / "evaluation" / "report.html").is_file()
    rows = read_table(trained / "evaluation" / "evaluation_cases.csv")
    assert len(rows) == 2
    row = rows[0]
    assert {"posterior_nsd_1mm", "nsd_2mm", "assd_mm", "hd95_mm", "boundary_iou"} <= set(row)
    truth = nibabel.load(data / "labelsTr" / f"{row['case']}.nii.gz")
    written = nibabel.load(trained / "segmentation" / f"{row['case']}_seg.nii.gz")
    np.testing.assert_allclose(written.affine, truth.affine, atol=1e-5)
    values, ids = np.asarray(written.dataobj), np.asarray(truth.dataobj)
    for k, name in ((1, "anterior"), (2, "posterior")):
        dice = 2 * ((values == k) & (ids == k)).sum() / ((values == k).sum() + (ids == k).sum())
        assert row[f"{name}_dice"] == pytest.approx(dice, abs=1e-6)
    probability = nibabel.load(trained / "segmentation" / f"{row['case']}_probability.nii.gz").get_fdata()
    np.testing.assert_array_equal(probability.argmax(-1), values)
    # the command for any folder finds it on the same grid, and the same scores
    report = evaluate_folders(
        trained / "segmentation", data / "labelsTr", tmp_path, page=False, pred_pattern="*_seg.nii.gz"
    )
    assert report.failed == []
    of_case = {(found["case"], found["class"]): found for found in report.tables.rows}
    for scored in rows:
        for k, name in ((1, "anterior"), (2, "posterior")):
            assert of_case[scored["case"], str(k)]["dice"] == pytest.approx(scored[f"{name}_dice"], abs=1e-6)
    # the same case as a test set of one, in another layout: the same scores, without the training's split
    for part in ("images", "labels"):
        (tmp_path / "test" / part).mkdir(parents=True)
        shutil.copy(data / f"{part}Tr" / f"{row['case']}.nii.gz", tmp_path / "test" / part)
    places = {"test_dir": str(tmp_path / "test"), "evaluation_dir": str(tmp_path / "evaluation")}
    run(NAME, "evaluate.yaml", "eval", output_dir=str(trained), **places, report=False)
    (again,) = read_table(tmp_path / "evaluation" / "evaluation_cases.csv")
    assert again == pytest.approx(row, nan_ok=True)


def test_a_known_task_in_slices_across_the_first_axis(data: Path, tmp_path: Path) -> None:
    """Its options reach the task, and training, scores, pictures and files go along the same axis."""
    output = {"output_dir": str(tmp_path)}
    options = {**TINY, "epochs": 1, "known_task": "hippocampus", "spatial_dims": 2, "slice_axis": 0, "flips": [2]}
    options["scores"] = ["nsd_2mm", "betti_error", "component_hd95"]
    run(NAME, "train.yaml", "train", dataset_dir=str(data), **options, **output)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert {key: settings["task"][key] for key in ("slice_axis", "flips")} == {"slice_axis": 0, "flips": [2]}
    assert settings["patch_size"] == [20, 12], "a slice has the other two axes"
    names = {"dice", "nsd_2mm", "betti_error", "component_hd95_mm"}
    (validated,) = read_table(tmp_path / "metrics.csv")
    assert names <= set(validated)
    assert "hd95_mm" not in validated
    run(NAME, "evaluate.yaml", "eval", **output)
    run(NAME, "inference.yaml", "infer", dataset_dir=str(data), **output)
    for row in read_table(tmp_path / "evaluation" / "evaluation_cases.csv"):
        assert names <= set(row), "the training's choice reaches the evaluation"
        assert "hd95_mm" not in row
        ids = np.asarray(nibabel.load(data / "labelsTr" / f"{row['case']}.nii.gz").dataobj)
        values = np.asarray(nibabel.load(tmp_path / "segmentation" / f"{row['case']}_seg.nii.gz").dataobj)
        for k, name in ((1, "anterior"), (2, "posterior")):
            dice = 2 * ((values == k) & (ids == k)).sum() / ((values == k).sum() + (ids == k).sum())
            assert row[f"{name}_dice"] == pytest.approx(dice, abs=1e-6)


@pytest.mark.usefixtures("_no_pictures")
def test_regions_on_another_grid_with_a_boundary_loss_in_slices(data: Path, tmp_path: Path) -> None:
    """MHA and NRRD, overlapping regions, an ignored id, a resampled grid, 2-D: all by options; ids come back."""
    for part, suffix in (("images", ".mha"), ("labels", ".nrrd")):
        for path in (data / f"{part}Tr").glob("*.nii.gz"):
            image = nibabel.load(path)
            values = np.asarray(image.dataobj).copy()
            if part == "labels" and path.name.startswith("organ_00"):
                values[0] = 7
            save(tmp_path / "data" / part / path.name.replace(".nii.gz", suffix), values, image.affine)
    output = {"output_dir": str(tmp_path / "out")}
    options = {**TINY, "epochs": 1, "labels": {"whole": [1, 2], "back": [2]}, "ignore_label": 7, "spatial_dims": 2}
    options |= {"spacing": [1.5, 1.5, 1.5], "patch_size": [32, 32], "loss": "boundary", "crops": 2, "batch_size": 2}
    options |= {"balance": "share", "alpha": 0.25}
    run(NAME, "train.yaml", "train", dataset_dir=str(tmp_path / "data"), **options, **output)
    (row,) = read_table(tmp_path / "out" / "metrics.csv")
    assert {"whole_dice", "back_dice", "loss/boundary"} <= set(row)
    assert row["loss/share_boundary"] == pytest.approx(0.25, rel=1e-4), "of the first step, with the first weight"
    assert -1 <= row["loss/cosine_boundary"] <= 1
    kept = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["loss"]["_extra_state"]
    assert (kept["shares"], kept["steps"]) == ({"boundary": 0.25}, 3)
    run(NAME, "evaluate.yaml", "eval", **output)
    run(NAME, "inference.yaml", "infer", dataset_dir=str(tmp_path / "data" / "images"), **output)
    written = nibabel.load(tmp_path / "out" / "segmentation" / "organ_01_seg.nii.gz")
    assert written.shape == (16, 20, 12)
    np.testing.assert_allclose(written.affine, nibabel.load(data / "imagesTr" / "organ_01.nii.gz").affine, atol=1e-4)
    assert set(np.unique(written.dataobj)) <= {0, 1, 2}


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("edge_losses", [True, False])
def test_the_boundary_aware_network(data: Path, tmp_path: Path, edge_losses: bool) -> None:
    """Its edges are learned beside a boundary term with a share, or not at all; evaluation takes it too."""
    chosen = {"output_dir": str(tmp_path), "network_def": "@boundary_aware"}
    options = {**TINY, "epochs": 1, "val_interval": 2, "edge_losses": edge_losses, "cache": "disk"}
    options["network_channels"] = [8, 8, 8]
    options |= {"loss": "boundary", "balance": "share"}
    run(NAME, "train.yaml", "train", dataset_dir=str(data), **options, **chosen)
    (row,) = read_table(tmp_path / "metrics.csv")
    assert {"loss/region.region.dice", "loss/region.boundary"} <= set(row)
    assert {name for name in row if name.startswith("loss/edge")} == (
        {"loss/edge_dice", "loss/edge_bce"} if edge_losses else set()
    )
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["edge_losses"] is edge_losses
    assert settings["edges"] == ({"side": "both", "thickness": 1, "unit": "voxel"} if edge_losses else None)
    if edge_losses:
        run(NAME, "evaluate.yaml", "eval", **chosen)
        assert read_table(tmp_path / "evaluation" / "evaluation_cases.csv")
        with pytest.raises(RuntimeError) as error:
            run(NAME, "evaluate.yaml", "eval", output_dir=str(tmp_path))
        assert "Give --spatial_dims, --modalities and --network_def as in the training." in "\n".join(
            causes(error.value)
        )


def start(data: Path, output: Path, **overrides: Any) -> str:
    """Start a training on data with a fault, and return what the error and its causes say."""
    with pytest.raises(RuntimeError) as error:
        run(NAME, "train.yaml", "train", **{**TINY, "dataset_dir": str(data), "output_dir": str(output), **overrides})
    return "\n".join(causes(error.value))


def _without_description(folder: Path) -> None:
    for name in ("dataset.json", "phantom.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "labelsTr")


def _without_a_file(folder: Path) -> None:
    (folder / "imagesTr" / "organ_01.nii.gz").unlink()


def _change(folder: Path, part: str, make: Callable[[np.ndarray], np.ndarray]) -> None:
    path = folder / part / "organ_01.nii.gz"
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(make(np.asarray(image.dataobj)), image.affine), path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_description, "`dataset_dir` needs a dataset.json (the Decathlon's or nnU-Net's), two folders"),
        (_without_a_file, "missing files (1):"),
        (lambda f: _change(f, "imagesTr", lambda v: np.stack([v, v], -1)), "cases of another number of channels (1)"),
        (lambda f: _change(f, "imagesTr", lambda v: v[..., 0]), "images of two dimensions among volumes (1)"),
        (lambda f: _change(f, "labelsTr", lambda v: v * 3), "ids that are not declared (1)"),
        (lambda f: _change(f, "labelsTr", lambda v: v * np.float32(0.5)), "labels that hold no ids (1)"),
        (lambda f: _change(f, "labelsTr", lambda v: v[1:]), "labels on another grid than the image (1)"),
    ],
)
def test_what_is_wrong_with_the_data_is_named_before_the_first_epoch(
    data: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    shutil.copytree(data, tmp_path / "Ö a")
    spoil(tmp_path / "Ö a")
    text = start(tmp_path / "Ö a", tmp_path / "out")
    assert message in text
    assert "organ_01" in text or "dataset.json" in text
    assert not (tmp_path / "out" / "metrics.csv").exists()


def test_options_that_do_not_fit(data: Path, tmp_path: Path) -> None:
    assert "`fold` needs 0..1, got 4" in start(data, tmp_path, fold=4)
    assert "`channels` needs 1 names (MRI in" in start(data, tmp_path, channels={"t1": "zscore", "t2": "zscore"})
    assert "`patch_size` needs multiples of [2, 2, 2]" in start(data, tmp_path, patch_size=[16, 15, 12])
    with pytest.raises(RuntimeError) as error:
        run(NAME, "evaluate.yaml", "eval", output_dir=str(tmp_path))
    assert "run configs/train.yaml first" in "\n".join(causes(error.value))


@pytest.mark.usefixtures("_no_pictures")
def test_a_patch_larger_than_the_images_is_named_and_padded(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(
        NAME,
        "train.yaml",
        "train",
        **{**TINY, "epochs": 1},
        dataset_dir=str(data),
        output_dir=str(tmp_path),
        patch_size=[32] * 3,
    )
    assert (tmp_path / "model.pt").is_file()
    assert "2 of 2 images are smaller than the patch [32, 32, 32] and are padded: organ_" in caplog.text
    assert "No image is larger than [16, 20, 12]" in caplog.text


def test_the_configurations_agree_where_they_repeat_each_other() -> None:
    train, evaluated, segmented = (
        as_if_untrained(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")))
        for name in ("train", "evaluate", "inference")
    )
    for key in ("network_def", "boundary_aware", "overlap", "spatial_dims", "network_channels", "network_strides"):
        assert train[key] == evaluated[key] == segmented[key], key
    assert evaluated["inferer"] == train["validate"]["inferer"]
    assert evaluated["preprocessing"] == train["validate"]["preprocessing"]
    assert evaluated["postprocessing"] == train["validate"]["postprocessing"]
