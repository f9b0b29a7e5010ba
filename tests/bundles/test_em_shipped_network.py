# SPDX-License-Identifier: Apache-2.0
"""The network that comes with the EM bundle: whole, small, and used where nobody has trained."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from skimage import measure

from monai_boundary.data import read_em_source, write_em_phantom
from monai_boundary.metrics import compute_cremi_score
from tests.bundles.bundle_runs import BUNDLES, quiet_process, run
from tests.zarr_stores import make_array

NAME = "em_neuron_boundary"
MODELS = BUNDLES / NAME / "models"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


def test_the_file_is_small_whole_and_holds_weights_alone() -> None:
    path = MODELS / "model.pt"
    assert path.stat().st_size < 3e6
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (MODELS / "model.pt.sha256").read_text() == f"{digest}  model.pt\n"
    evaluated = json.loads((MODELS / "model_evaluated.json").read_text())
    assert evaluated["network"] == digest, "the threshold is this network's"
    state = torch.load(path, weights_only=True)
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())
    for name in ("settings.json", "model_evaluated.json"):
        assert not re.search(r"/\w+/", (MODELS / name).read_text()), "no place of one machine"


def test_terms_of_its_data_are_stated() -> None:
    for name in ("README.md", "data_license.txt"):
        text = (BUNDLES / NAME / "docs" / name).read_text(encoding="utf-8")
        assert "FIB-25" in text
        assert "Creative Commons Attribution 3.0" in text
        assert "No trained weights" not in text
        assert "no trained network" not in text


def test_without_a_training_it_segments_and_a_line_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_em_phantom(tmp_path / "data", shape=(2, 64, 64))
    picture = tmp_path / "data" / "image" / "00.png"
    with caplog.at_level(logging.INFO):
        run(NAME, "inference.yaml", "infer", dataset_dir=str(picture), output_dir=str(tmp_path / "out"))
    lines = [line for line in caplog.messages if "the one that comes with the bundle" in line]
    assert len(lines) == 1
    assert str(MODELS / "model.pt") in lines[0]
    threshold = json.loads((MODELS / "model_evaluated.json").read_text())["threshold"]
    assert f"Instances by watershed at threshold {threshold:g}" in caplog.text
    assert read_em_source(tmp_path / "out" / "segmentation" / "00_instances.tif")[0].shape == (64, 64)


def test_a_store_by_one_override(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (2, 128, 128)).astype(np.uint8)
    make_array(tmp_path / "raw.zarr", data=values, chunks=(1, 64, 64))
    run(NAME, "inference.yaml", "infer", store=str(tmp_path / "raw.zarr"), output_dir=str(tmp_path / "out"), workers=1)
    made = tmp_path / "out" / "segmentation"
    assert sorted(path.name for path in made.iterdir()) == ["instances", "membrane", "store.json"]
    instances, _ = read_em_source(made / "instances" / "segmentation.zarr")
    about = json.loads((made / "store.json").read_text())
    evaluated = json.loads((MODELS / "model_evaluated.json").read_text())
    assert (about["threshold"], about["instances"]) == (evaluated["threshold"], int(instances.max()))
    assert not (tmp_path / "out" / "phantom").exists(), "nothing but the store is looked at"


def test_a_real_section_that_it_never_saw(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    """FIB-25, behind the sections for learning: nearer to the truth than one cell and than thresholds of the grey."""
    with h5py.File(real_data("em_fib25") / "fib25_z000-109.hdf") as file:
        image = file["volumes/raw"][104:105]
        truth = measure.label(file["volumes/labels/neuron_ids"][104].astype(np.int64), connectivity=1)
    with h5py.File(tmp_path / "section.h5", "w") as file:
        file.create_dataset("volumes/raw", data=image).attrs["resolution"] = [10.0, 10.0, 10.0]
    run(NAME, "inference.yaml", "infer", dataset_dir=str(tmp_path / "section.h5"), output_dir=str(tmp_path / "out"))
    (path,) = (tmp_path / "out" / "segmentation").glob("*instances*")
    found = read_em_source(path)[0].reshape(truth.shape).astype(np.int64)
    score = compute_cremi_score(found, truth).cremi_score
    greys = [measure.label(image[0] > level, connectivity=1) for level in range(60, 180, 10)]
    others = [compute_cremi_score(grey.astype(np.int64), truth).cremi_score for grey in [np.ones_like(truth), *greys]]
    assert score < min(others), (score, others)
