# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.inferers import SliceInferer, SlidingWindowInferer
from monai.networks.blocks import Convolution

from monai_boundary._typing import AnyArray
from monai_boundary.data import read_em_source
from monai_boundary.volumes import predict_volume, segment_volume
from monai_boundary.volumes.block_prediction import BlockPrediction
from tests.volumes.conftest import few_blocks
from tests.volumes.test_volume_segmentation import bytes_of

TARGET = "monai.networks.blocks.Convolution"


def network_of(folder: Path, dims: int, channels: int = 1) -> dict[str, Any]:
    """Write the weights of a network whose output depends on the whole window, as that of the EM bundle does."""
    torch.manual_seed(dims)
    definition = {"_target_": TARGET, "spatial_dims": dims, "in_channels": 1, "out_channels": channels}
    network = Convolution(**{k: v for k, v in definition.items() if k != "_target_"})
    torch.save(network.state_dict(), folder / "weights.pt")
    return {"network": folder / "weights.pt", "definition": definition}


def whole(values: AnyArray, net: dict[str, Any], window: tuple[int, ...], normalise: str, **options: Any) -> AnyArray:
    """MONAI's windows over the volume in memory, of which every section has mean 0 and deviation 1."""
    network = Convolution(**{k: v for k, v in net["definition"].items() if k != "_target_"}).eval()
    network.load_state_dict(torch.load(net["network"]))
    greys = values.astype(np.float64)
    axes = (1, 2) if normalise == "section" else (0, 1, 2)
    if normalise == "share":
        greys = greys / 255
    else:
        deviation = greys.std(axis=axes, keepdims=True)
        greys = (greys - greys.mean(axis=axes, keepdims=True)) / np.where(deviation > 0, deviation, 1)
    image = torch.from_numpy(greys.astype(np.float32))[None, None]
    if len(window) == 2:
        inferer: Any = SliceInferer(spatial_dim=0, roi_size=window, sw_batch_size=3, **options)
    else:
        inferer = SlidingWindowInferer(window, sw_batch_size=3, **options)
    with torch.no_grad():
        output = inferer(image, network)[0]
    return (torch.softmax(output, 0) if len(output) > 1 else torch.sigmoid(output)).numpy()


@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory(seed: int, tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 255, rng.integers(2, 24, 3)).astype(np.uint8)
    values[0] = 7  # a section of one grey
    net = network_of(tmp_path, 2 + seed % 2, channels := 1 + seed % 3)
    window = tuple(rng.integers(4, 12, 2 + seed % 2).tolist())
    options: dict[str, Any] = {"overlap": (0.5, 0.25, 0.6)[seed % 3], "mode": ("gaussian", "constant")[seed // 2 % 2]}
    normalise = ("section", "volume", "share")[seed // 4 % 3]
    expected = whole(values, net, window, normalise, **options)[channels - 1]
    path = store("raw", values, (5, 7, 16))
    chosen: dict[str, Any] = {
        **net,
        "window": window,
        "overlap": options["overlap"],
        "blend": options["mode"],
        "normalise": normalise,
        "activation": "softmax" if channels > 1 else "sigmoid",
        "channel": channels - 1,
        "dtype": "float32",
        "spacing": (40, 4, 4),
        "block": few_blocks(rng, values.shape) if seed else None,  # the first is of one block
    }
    result = predict_volume(path, tmp_path / "out", **chosen, workers=1 + seed % 2)
    predict_volume(path, tmp_path / "cluster", **chosen, cluster=client)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "out")
    found, geometry = read_em_source(result.store)
    assert geometry.spacing == (40, 4, 4)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_in_processes_and_the_types_of_the_store(
    tmp_path: Path, store: Callable[..., str], client: Any, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 255, (12, 20, 20)).astype(np.uint8)
    net = network_of(tmp_path, 2)
    options: dict[str, Any] = {**net, "window": (8, 8), "block": (5, 9, 8)}
    path = store("raw", values)
    expected = whole(values, net, (8, 8), "section", overlap=0.5, mode="gaussian")[0]
    result = predict_volume(path, tmp_path / "a", cluster=client, **options)
    found, _ = read_em_source(result.store)
    assert found.dtype == np.uint8
    assert np.abs(found - expected * 255).max() <= 0.5001
    assert predict_volume(path, tmp_path / "a", **options) == result, "a finished job is not done again"
    half = predict_volume(path, tmp_path / "b", dtype="float16", **options)
    np.testing.assert_allclose(read_em_source(half.store)[0], expected, atol=3e-4)
    # a probability that another command reads
    assert segment_volume(result.store, tmp_path / "s").failed == ()


def test_background_is_not_computed(tmp_path: Path, store: Callable[..., str], rng: np.random.Generator) -> None:
    values = rng.integers(1, 255, (4, 40, 40)).astype(np.uint8)
    values[:, :, 14:] = 0
    mask = (values > 0).astype(np.uint8)
    mask[:, :3] = 0
    net = network_of(tmp_path, 2)
    options: dict[str, Any] = {**net, "window": (8, 8), "dtype": "float32", "block": (4, 16, 20), "outside": 1}
    raw = store("raw", values)
    everywhere = predict_volume(raw, tmp_path / "a", **options)
    full, _ = read_em_source(everywhere.store)
    dark = predict_volume(raw, tmp_path / "b", foreground_above=0, **options)
    found, _ = read_em_source(dark.store)
    assert dark.windows < everywhere.windows / 2
    np.testing.assert_array_equal(found[values > 0], full[values > 0])
    assert (found[:, :, 20:] == 1).all(), "no window has these voxels and foreground, too"
    masked = predict_volume(raw, tmp_path / "c", mask=store("mask", mask), **options)
    found, _ = read_em_source(masked.store)
    np.testing.assert_array_equal(found, np.where(mask, full, 1))
    # the blocks do not decide what is background
    other = predict_volume(raw, tmp_path / "d", foreground_above=0, **{**options, "block": (3, 40, 11)})
    np.testing.assert_allclose(read_em_source(other.store)[0], read_em_source(dark.store)[0], atol=1e-6)


def test_all_background(tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockPrediction, "_sums", None)
    path, net = store("raw", np.zeros((5, 6, 7), np.uint8)), network_of(tmp_path, 3)
    result = predict_volume(path, tmp_path / "out", **net, window=(4, 4, 4), foreground_above=0, outside=0.2, block=3)
    found, _ = read_em_source(result.store)
    assert (result.windows, np.unique(found).tolist()) == (0, [51])


def test_a_job_that_was_stopped_goes_on(
    tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    path, net = store("raw", rng.integers(0, 255, (16, 16, 16)).astype(np.uint8)), network_of(tmp_path, 3)
    options: dict[str, Any] = {**net, "window": (4, 4, 4), "block": 8}
    predict_volume(path, tmp_path / "a", **options)
    done: list[int] = []
    work, lock = BlockPrediction.__call__, threading.Lock()

    def stopped(self: BlockPrediction, block: Any) -> None:
        with lock:
            done.append(block.index)
        if len(done) == 4:
            raise KeyboardInterrupt
        work(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(BlockPrediction, "__call__", stopped)
        with pytest.raises(KeyboardInterrupt):
            predict_volume(path, tmp_path / "b", **options)
    assert not (tmp_path / "b" / "probability.zarr").exists()
    predict_volume(path, tmp_path / "b", **options)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    with pytest.raises(ValueError, match=r"other settings.overlap"):
        predict_volume(path, tmp_path / "b", **options, overlap=0.25)
    shutil.copy(net["network"], tmp_path / "other.pt")
    torch.save({k: v + 1 for k, v in torch.load(net["network"]).items()}, net["network"])
    with pytest.raises(ValueError, match=r"other settings.network"):
        predict_volume(path, tmp_path / "b", **options)


def test_what_failed_is_named(tmp_path: Path, store: Callable[..., str]) -> None:
    values = np.ones((4, 4, 4), np.float32)
    values[2, 0, 0] = np.nan
    result = predict_volume(store("raw", values), tmp_path / "out", **network_of(tmp_path, 2), window=(4, 4))
    assert (result.store, len(result.failed)) == (None, 1)
    assert "`image` needs finite values, got NaN or infinity in section 2" in result.failed[0].error


def test_bad_input(tmp_path: Path, store: Callable[..., str]) -> None:
    net = network_of(tmp_path, 2)
    path, coarse = (
        store(f"of{size}", np.zeros((4, 4, 4), np.uint8), attributes={"resolution": [size] * 3}) for size in (4, 8)
    )
    signed = store("signed", np.zeros((4, 4, 4), np.int16))
    for options, words in [
        ({"window": None}, "`bundle` needs a name or a folder; or give `network` and `window`"),
        ({"window": (4,)}, "`window` needs 2 or 3 entries"),
        ({"window": (4, 4, 4)}, "`window` needs a size that the network takes"),
        ({"overlap": 1.0}, r"`overlap` needs a share in \[0, 1\), got 1.0"),
        ({"blend": "none"}, "`blend` needs one of 'gaussian', 'constant'"),
        ({"channel": 1}, "`channel` needs one of the network's 1, counted from 0, got 1"),
        ({"outside": 2.0}, r"`outside` needs a probability in \[0, 1\]"),
        ({"batch": 0}, "`batch` needs a whole number >= 1"),
        ({"normalise": "grey"}, "`normalise` needs one of"),
        ({"image": signed, "normalise": "share"}, "`normalise` needs unsigned integers for 'share', got int16 in"),
        ({"device": "cuda"}, "`device` needs a GPU for 'cuda'"),
        ({"mask": coarse}, "`mask` needs the grid of `image`, got voxels of 8, 8, 8 against 4, 4, 4 nm"),
        ({"mask": store("m", np.zeros((4, 4, 5), np.uint8))}, "`mask` needs the shape of `image`"),
        ({"bundle": "em_neuron_boundary"}, "`definition` needs no bundle beside it"),
    ]:
        if "device" in options and torch.cuda.is_available():
            continue
        with pytest.raises(ValueError, match=words):
            predict_volume(output_dir=tmp_path / "out", **{"image": path, **net, "window": (4, 4), **options})  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
