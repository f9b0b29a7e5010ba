# SPDX-License-Identifier: Apache-2.0
"""The model zoo's own checks of a bundle, as its CI calls them: one unit of every size, and no override.

``verify_metadata`` reads the schema where it lies (``filepath``), so that nothing is downloaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, verify_metadata, verify_net_in_out
from monai.bundle import run as run_bundle

import monai_boundary
from monai_boundary.workflows.options.names import check_option_names
from tests.bundles.bundle_runs import BUNDLES, quiet_process
from tests.onnx_file import through_onnx

NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/metadata.json"))
SCHEMA = Path(__file__).with_name("meta_schema.json")
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
FILES = [
    "LICENSE",
    "configs/metadata.json",
    "configs/logging.conf",
    *(f"configs/{name}.yaml" for name in ("train", "evaluate", "inference", "multi_gpu_train")),
    "docs/README.md",
    "docs/data_license.txt",
]
# of the zoo's template, in its order and levels
HEADINGS = [
    "# Model Title",
    "### **Authors**",
    "### **Tags**",
    "## **Model Description**",
    "## **Data**",
    "#### **Preprocessing**",
    "## **Performance**",
    "## **Additional Usage Steps**",
    "## **System Configuration**",
    "## **Limitations**",
    "## **Citation Info**",
    "## **References**",
    "## **License**",
]
pytestmark = [
    pytest.mark.filterwarnings("ignore:parsing config_file"),
    pytest.mark.filterwarnings("ignore:No hash value provided"),  # the zoo gives none
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),  # of PyTorch's InstanceNorm
]
every = pytest.mark.parametrize("bundle", NAMES)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


def metadata(bundle: str) -> dict[str, Any]:
    return json.loads((BUNDLES / bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))


def files_of(bundle: str) -> dict[str, str]:
    """Return what the zoo names in each of its calls."""
    configs = BUNDLES / bundle / "configs"
    return {
        "config_file": str(configs / "inference.yaml"),
        "meta_file": str(configs / "metadata.json"),
        "bundle_root": str(BUNDLES / bundle),
    }


def unit_image(bundle: str) -> torch.Tensor:
    """Return an image of the least size that the metadata allow, n = 1."""
    described = metadata(bundle)["network_data_format"]["inputs"]["image"]
    sides = [int(str(side).removesuffix("*n")) for side in described["spatial_shape"]]
    return torch.rand(1, described["num_channels"], *sides, generator=torch.Generator().manual_seed(0))


def network_of(bundle: str) -> torch.nn.Module:
    parser = ConfigParser()
    parser.read_config(files_of(bundle)["config_file"])
    parser["bundle_root"] = str(BUNDLES / bundle)
    torch.manual_seed(0)
    return parser.get_parsed_content("network_def").eval()


@pytest.fixture(scope="module", params=NAMES)
def network(request: pytest.FixtureRequest) -> tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The bundle, its network with drawn weights, an image and the network's output of it."""
    net, image = network_of(request.param), unit_image(request.param)
    with torch.no_grad():
        return request.param, net, image, net(image)


def test_there_are_five_bundles() -> None:
    assert len(NAMES) == 5


@every
def test_files_names_and_sizes(bundle: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", bundle)
    folder = BUNDLES / bundle
    assert not [name for name in FILES if not (folder / name).is_file()]
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    for path in (path for path in folder.rglob("*") if path.is_file() and "output" not in path.parts):
        assert path.stat().st_size <= 25e6, path
        if path.suffix in (".md", ".json", ".yaml", ".txt", ".conf"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"/(home|Users|root|work|mnt|tmp)/\w", text), f"{path}: a place of one machine"


@every
def test_the_page_has_the_template_s_headings(bundle: str) -> None:
    text = (BUNDLES / bundle / "docs" / "README.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in re.sub(r"```.*?```", "", text, flags=re.S).splitlines()]
    found = [line for line in lines if line in HEADINGS]
    assert found == HEADINGS, "each once, in the template's order"


@every
def test_metadata_against_the_schema(bundle: str, tmp_path: Path) -> None:
    path = files_of(bundle)["meta_file"]
    verify_metadata(path, filepath=str(SCHEMA))
    meta = metadata(bundle)
    assert meta["version"] in meta["changelog"]
    assert meta["name"]
    del meta["network_data_format"]["outputs"]["pred"]["dtype"]
    (tmp_path / "metadata.json").write_text(json.dumps(meta))
    with pytest.raises(ValueError, match="'dtype' is a required property"):
        verify_metadata(str(tmp_path / "metadata.json"), filepath=str(SCHEMA))


@every
def test_requirements_are_the_tested_versions(bundle: str) -> None:
    lines = (line.strip() for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    tested = {_normal(name): version for name, _, version in (line.partition("==") for line in lines) if version}
    tested["monai-boundary"] = monai_boundary.__version__
    meta = metadata(bundle)
    asked = {_normal(name): version for name, version in meta["required_packages_version"].items()}
    asked |= {"monai": meta["monai_version"], "torch": meta["pytorch_version"], "numpy": meta["numpy_version"]}
    assert asked == {name: tested.get(name) for name in asked}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@every
def test_network_takes_and_gives_what_the_metadata_say(bundle: str) -> None:
    verify_net_in_out("network_def", device="cpu", **files_of(bundle))


@pytest.mark.parametrize("traced", [False, True], ids=["scripted", "traced"])
def test_torchscript(
    network: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor], tmp_path: Path, traced: bool
) -> None:
    bundle, net, image, expected = network
    torch.save(net.state_dict(), tmp_path / "model.pt")
    shape: dict[str, Any] = {"use_trace": True, "input_shape": list(image.shape)} if traced else {}
    target, weights = str(tmp_path / "model.ts"), str(tmp_path / "model.pt")
    ckpt_export("network_def", filepath=target, ckpt_file=weights, **files_of(bundle), **shape)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.load(target)(image), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # in PyTorch's own exporter
def test_export_and_onnx(network: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    _, net, image, expected = network
    exported = torch.export.export(net, (image,))
    with torch.no_grad():
        torch.testing.assert_close(exported.module()(image), expected)
    given = through_onnx(exported, tmp_path / "model.onnx")(image)
    np.testing.assert_allclose(given, expected.numpy(), rtol=1e-3, atol=1e-4)


@every
@pytest.mark.parametrize("name", ["train", "evaluate", "inference"])
def test_a_misspelt_option_is_refused_with_the_nearest_name(bundle: str, name: str, tmp_path: Path) -> None:
    config = str(BUNDLES / bundle / "configs" / f"{name}.yaml")
    with pytest.raises(ValueError, match=rf"`--output_dri` is no option of {name}.yaml; did you mean `--output_dir`\?"):
        run_bundle(config_file=config, logging_file=False, output_dri=str(tmp_path))
    options = ConfigParser.load_config_file(config)
    for option in options:
        with pytest.raises(ValueError, match=rf"`--{option}q` is no option of it; did you mean `--{option}`\?"):
            check_option_names({f"{option}q": 1}, options, where="it")
