# SPDX-License-Identifier: Apache-2.0
"""Inference from ``{"image": files}`` alone: by a run of the bundle, and taken apart as MONAI Label and Deploy do.

Both take ``preprocessing``, ``inferer`` and ``postprocessing`` of ``inference.yaml``. Label calls each transform with
the entries of its request beside the file; Deploy has the image in memory, and hands every other tensor of the
preprocessed item to the network: there must be none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import MapTransform
from PIL import Image

from monai_boundary.data import read_em_source
from tests.bundles.bundle_runs import BUNDLES, quiet_process, run
from tests.data.nifti_files import write

NET: dict[str, Any] = {"network_def::channels": [8, 16], "network_def::strides": [2]}
OWN: dict[str, Any] = {"network_channels": [8, 16], "network_strides": [2]}
# bundle -> number of images, postfix of the segmentation, a small network
CASES: dict[str, tuple[int, str, dict[str, Any]]] = {
    "wmh_mri_boundary": (2, "lesions", {**NET, "patch_size": [16, 16]}),
    "isles_stroke_boundary": (3, "lesions", {**NET, "patch_size": [16, 16]}),
    "brats_mri_boundary": (4, "seg", {"window": [32, 32, 32], "network_def": "@unet"}),
    "volume_boundary": (1, "seg", {**OWN, "patch_size": [16, 16, 16]}),
}
AFFINE = np.array([[0, 0, 1.5, -7], [-1.0, 0, 0, 20], [0, 1.2, 0, 3], [0, 0, 0, 1]])  # of axes P, S, R
SHAPE = (18, 20, 14)
volumes = pytest.mark.parametrize("bundle", list(CASES))
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:parsing config_file")]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


def taken_apart(bundle: str, output: Path, options: dict[str, Any]) -> ConfigParser:
    """Return the configuration as a program reads it that knows the bundle's folder and nothing else."""
    parser = ConfigParser()
    parser.read_config(BUNDLES / bundle / "configs" / "inference.yaml")
    for name, value in {**options, "bundle_root": str(BUNDLES / bundle), "output_dir": str(output)}.items():
        parser[name] = value
    return parser


def untrained(parser: ConfigParser, output: Path) -> torch.nn.Module:
    """Save a network with drawn weights where a training would have left it."""
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def").eval()
    output.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), output / "model.pt")
    return network


def called(parser: ConfigParser, network: torch.nn.Module, item: dict[str, Any]) -> dict[str, Any]:
    """One tensor in, one out, and the postprocessing of it with the item's other entries."""
    before, after = (parser.get_parsed_content(f"{when}processing").transforms for when in ("pre", "post"))
    assert isinstance(before[0], MapTransform), "so Deploy tells that they take dictionaries"
    assert isinstance(after[0], MapTransform)
    for transform in before:
        item = transform(item)
    assert [key for key, value in item.items() if isinstance(value, torch.Tensor)] == ["image"]
    with torch.no_grad():
        item["pred"] = parser.get_parsed_content("inferer")(item["image"][None], network)[0]
    for transform in after:
        item = transform(item)
    return item


@volumes
def test_volumes(tmp_path: Path, bundle: str) -> None:
    count, postfix, options = CASES[bundle]
    values = np.random.default_rng(0).random((count, *SHAPE), np.float32) + 0.5
    files = [str(write(tmp_path / "a" / f"image_{k}.nii.gz", one, AFFINE)) for k, one in enumerate(values)]
    output = tmp_path / "output"
    parser = taken_apart(bundle, output, options)
    network = untrained(parser, output)

    run(bundle, "inference.yaml", "infer", output_dir=str(output), **options, **{"dataset::data": [{"image": files}]})
    (path,) = (output / "segmentation").glob("*.nii.gz")
    assert path.name == f"image_0_{postfix}.nii.gz"
    written = nibabel.load(path)
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-5)
    ids = np.asarray(written.dataobj)
    assert len(np.unique(ids)) > 1, "something to tell orientations apart by"

    request = {"image": files, "device": "cpu", "result_extension": ".nii.gz"}
    answer = called(parser, network, dict(request))
    np.testing.assert_array_equal(answer["pred"][0], ids)
    assert answer["result_extension"] == ".nii.gz", "what a program adds to the request is kept"
    for name in ("affine", "original_affine"):
        np.testing.assert_allclose(answer["image"].meta[name], AFFINE, atol=1e-5)
    assert tuple(answer["image"].meta["spatial_shape"]) == SHAPE

    image = MetaTensor(torch.from_numpy(values if count > 1 else values[0]), affine=torch.from_numpy(AFFINE))
    np.testing.assert_array_equal(called(parser, network, {"image": image})["pred"][0], ids)
    assert list((output / "segmentation").glob("*.nii.gz")) == [path], "a file by a run alone"


def test_a_section_of_electron_microscopy(tmp_path: Path) -> None:
    bundle, options = "em_neuron_boundary", {**NET, "patch_size": [32, 32], "threshold": 0.5}
    values = np.random.default_rng(0).integers(0, 256, (40, 48), np.uint8)
    Image.fromarray(values).save(tmp_path / "section.png")
    output = tmp_path / "output"
    parser = taken_apart(bundle, output, options)
    network = untrained(parser, output)
    item = {"image": str(tmp_path / "section.png")}
    run(bundle, "inference.yaml", "infer", output_dir=str(output), **options, **{"dataset::data": [dict(item)]})
    ids = read_em_source(output / "segmentation" / "section_instances.tif")[0]
    assert ids.shape == (40, 48)
    assert len(np.unique(ids)) > 2
    answer = called(parser, network, {**item, "device": "cpu"})
    np.testing.assert_array_equal(answer["pred"][0], ids)
    membrane = read_em_source(output / "segmentation" / "section_membrane.tif")[0]
    np.testing.assert_allclose(answer["membrane"][0], membrane, atol=1e-6)


@volumes
def test_without_a_bundle_s_folder_it_is_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    """As MONAI Deploy reads the configuration out of a TorchScript file."""
    monkeypatch.chdir(tmp_path)
    parser = ConfigParser()
    parser.read_config(BUNDLES / bundle / "configs" / "inference.yaml")
    for part in ("preprocessing", "inferer", "postprocessing"):
        assert parser.get_parsed_content(part) is not None
    assert parser.get_parsed_content("bundle_root") == "."
    assert not list(tmp_path.iterdir())
