# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.__main__ import main
from monai_boundary.data import read_em_source
from monai_boundary.volumes.volume_command import main as volume
from tests.zarr_stores import chunk_file


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["volume", "--help"])
    assert "evaluate" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["volume", "evaluate", "--help"])
    shown = capsys.readouterr().out
    for words in ("--output_dir", "--border_tolerance_nm", "--workers", "--cluster", "--absent_chunks", "--force"):
        assert words in shown


def test_evaluate(tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    truth = np.repeat([1, 1, 2, 2], 16).reshape(4, 4, 4)
    paths = [store("p", np.ones_like(truth)), store("t", truth)]
    options = ["--spacing", "(40,4,4)", "--block", "2,4,4", "--workers", "2", "--ignore_labels", "0,9"]
    assert volume(["evaluate", *paths, "--output_dir", str(tmp_path / "o"), *options, "--no-border_per_section"]) == 0
    shown = capsys.readouterr().out
    assert "voi_merge    1.000000" in shown
    assert f"64 voxels scored\n{tmp_path / 'o' / 'scores.json'}" in shown
    settings = json.loads((tmp_path / "o" / "manifest.json").read_text())["settings"]
    assert settings["block"] == [2, 4, 4]
    assert (settings["ignore_labels"], settings["border_per_section"]) == ([0, 9], False)
    assert (
        volume(
            [
                "evaluate",
                *paths,
                "--output_dir",
                str(tmp_path / "o"),
                "--per_section",
                "--force",
                "--block=3",
                "--no-page",
            ]
        )
        == 0
    )
    assert "64 voxels scored in 4 sections" in capsys.readouterr().out


def test_evaluate_classes(tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    path = store("t", np.ones((4, 4, 4), np.uint8))
    arguments = ["evaluate", path, path, "--output_dir", str(tmp_path / "o"), "--classes", "axon=1", "--spacing", "4"]
    assert volume([*arguments, "--radius_nm", "30", "--tolerance_nm", "4", "--no-page"]) == 0
    assert "axon dice         1.000000" in capsys.readouterr().out


def test_predict(tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    torch.nn.init.constant_(network.weight, 0)
    torch.nn.init.constant_(network.bias, 0)  # type: ignore[arg-type]
    torch.save(network.state_dict(), tmp_path / "w.pt")
    definition = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
    (tmp_path / "n.json").write_text(json.dumps({"network_def": definition}))
    path = store("raw", np.zeros((2, 8, 8), np.uint8))
    arguments = ["predict", path, "--network", str(tmp_path / "w.pt"), "--definition", str(tmp_path / "n.json")]
    arguments += ["--window", "4,4", "--overlap", "0", "--output_dir", str(tmp_path / "o"), "--mask", path]
    assert volume([*arguments, "--outside", "1"]) == 0
    assert capsys.readouterr().out == f"0 windows\n{tmp_path / 'o' / 'probability.zarr'}\n"
    assert volume([*arguments[:-2], "--dtype", "float16", "--force"]) == 0
    assert capsys.readouterr().out.startswith("8 windows\n")
    np.testing.assert_array_equal(read_em_source(tmp_path / "o" / "probability.zarr")[0], 0.5)


def test_segment(tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    membrane = np.zeros((4, 8, 8), np.uint8)
    membrane[:, :, 3] = 100
    arguments = ["segment", store("m", membrane), "--output_dir", str(tmp_path / "o"), "--threshold", "0.3"]
    assert volume([*arguments, "--block", "2,8,4", "--spacing", "40,4,4"]) == 0
    assert capsys.readouterr().out == f"2 instances\n{tmp_path / 'o' / 'segmentation.zarr'}\n"
    assert volume([*arguments, "--min_size", "97", "--per_section", "--force"]) == 0
    assert capsys.readouterr().out.startswith("0 instances, 8 too small\n")


def test_maps(tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["maps", store("l", np.ones((4, 8, 8), np.uint8)), "--output_dir", str(tmp_path / "o")]
    assert (
        volume([*arguments, "--radius_nm", "9", "--regions", "--values", "1,2", "--spacing", "4", "--dtype", "float16"])
        == 0
    )
    names = [f"{tmp_path / 'o' / name}.zarr\n" for name in ("distance", "regions", "seeds")]
    assert capsys.readouterr().out == "".join(names)


def test_a_block_that_fails_is_the_exit_code(
    tmp_path: Path, store: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = store("t", np.ones((16, 8, 8), np.uint8))
    lost = chunk_file(Path(path), 1, 0, 0)
    lost.unlink()
    arguments = ["volume", "evaluate", path, path, "--output_dir", str(tmp_path / "o"), "--block", "8", "--no-page"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    shown = capsys.readouterr().out
    assert "1 blocks failed 3 times; the others are done" in shown
    assert f"block 1 at (8, 0, 0) of shape (8, 8, 8): ValueError: `source` needs every chunk, {path}" in shown
    main([*arguments, "--absent_chunks", "fill", "--force"])
    assert "512 voxels scored" in capsys.readouterr().out
