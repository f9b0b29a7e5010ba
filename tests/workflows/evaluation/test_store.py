# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.data import read_em_source
from monai_boundary.ops import membrane_to_instances
from monai_boundary.volumes.bundle_network import bundle_network
from monai_boundary.workflows import SectionwiseInferer
from monai_boundary.workflows.evaluation.store import segment_store
from monai_boundary.workflows.evaluation.threshold import InstanceRule
from monai_boundary.workflows.membranes.normalize import NormalizeSectionsd
from tests.zarr_stores import make_array

RULE = InstanceRule(0.35, "given")


def test_membrane_and_instances_are_those_in_memory(repo: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (3, 48, 80)).astype(np.uint8)
    store, bundle = tmp_path / "raw.zarr", repo / "bundles" / "em_neuron_boundary"
    make_array(store, data=values, chunks=(2, 32, 32), attributes={"resolution": [10, 10, 10]})
    weights = bundle / "models" / "model.pt"
    made = segment_store(store, tmp_path / "out", bundle, weights, RULE, (32, 32), 0.5, block=(2, 32, 40), workers=2)
    image = NormalizeSectionsd("image")({"image": torch.from_numpy(values.astype(np.float32))[None]})["image"]
    inferer = SectionwiseInferer((32, 32), sw_batch_size=4, overlap=0.5, mode="gaussian")
    with torch.no_grad():
        expected = torch.sigmoid(inferer(image[None], bundle_network(bundle).file.load("cpu")))[0, 0].numpy()
    membrane, geometry = read_em_source(tmp_path / "out" / "membrane" / "probability.zarr")
    assert geometry.spacing == (10, 10, 10)
    assert np.abs(membrane - expected * 255).max() < 0.501
    instances, _ = read_em_source(made)
    np.testing.assert_array_equal(
        instances, membrane_to_instances(membrane / np.float64(255), RULE.method, threshold=0.35, section_axis=0)
    )
    about = json.loads((tmp_path / "out" / "store.json").read_text())
    assert (about["instances"], about["threshold"]) == (int(instances.max()), 0.35)


def test_the_rule_of_the_evaluation_is_taken(repo: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    store, bundle = tmp_path / "raw.zarr", repo / "bundles" / "em_neuron_boundary"
    make_array(store, data=rng.integers(0, 255, (1, 32, 32)).astype(np.uint8), chunks=(1, 32, 32))
    rule = RULE._replace(method="components", min_size=3)
    made = segment_store(store, tmp_path / "out", bundle, bundle / "models" / "model.pt", rule, (32, 32), 0.5)
    membrane, _ = read_em_source(tmp_path / "out" / "membrane" / "probability.zarr")
    expected = membrane_to_instances(
        membrane / np.float64(255), "components", threshold=0.35, min_size=3, section_axis=0
    )
    np.testing.assert_array_equal(read_em_source(made)[0], expected)


def test_blocks_that_failed_are_named(repo: Path, tmp_path: Path) -> None:
    store, bundle = tmp_path / "raw.zarr", repo / "bundles" / "em_neuron_boundary"
    make_array(store, data=np.ones((2, 32, 32), np.uint8), chunks=(1, 32, 32), zarr_format=2)
    (store / "1.0.0").unlink()
    with pytest.raises(RuntimeError, match=r"membrane: block 0 .* run the same again to go on"):
        segment_store(store, tmp_path / "out", bundle, bundle / "models" / "model.pt", RULE, (32, 32), 0.5)


def test_what_counts_for_nothing_is_refused(repo: Path, tmp_path: Path) -> None:
    bundle = repo / "bundles" / "em_neuron_boundary"
    rest = (tmp_path / "out", bundle, bundle / "models" / "model.pt", RULE, (32, 32), 0.5)
    with pytest.raises(ValueError, match="`store` needs a volume where `mask` or `block` is given, got null"):
        segment_store(None, *rest, mask="tissue.zarr")
    with pytest.raises(ValueError, match=r"`store` takes the place of `dataset_dir`, got both: a.zarr and images"):
        segment_store("a.zarr", *rest, dataset_dir="images")
    assert not (tmp_path / "out").exists()
