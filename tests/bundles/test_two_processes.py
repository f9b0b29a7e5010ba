# SPDX-License-Identifier: Apache-2.0
"""Two processes on the CPU train the network that one process trains; by torchrun, one of them is killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from monai_boundary._tables import Row, read_table
from monai_boundary.handlers.tracking.sender import sent_records
from monai_boundary.handlers.training.checkpoint_file import load_checked
from tests.bundles import bundle_runs
from tests.bundles.bundle_runs import causes, quiet_process
from tests.bundles.tiny_trainings import OPTIONS, write_data
from tests.gloo import in_two_processes
from tests.handlers.tracking.mlflow_server import free_port
from tests.warm_python import WarmRun

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:parsing config_file"),
    pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated"),  # MLflow's use of SQLAlchemy
]
BUNDLES = [bundle for bundle in OPTIONS if bundle != "brats_mri_boundary"]  # it has a test of its own

TRACKED = "em_neuron_boundary"
# the network with an edge head, which DistributedDataParallel has to wait for
EDGES: dict[str, Any] = {"network_def": "@boundary_aware", "network_channels": [8, 16]}
CHOSEN = {**OPTIONS, "volume_boundary": {**OPTIONS["volume_boundary"], **EDGES}}


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_process():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("data"), BUNDLES)


def _train(bundle: str, options: dict[str, Any], _rank: int) -> None:
    bundle_runs.run(bundle, ["train.yaml", "multi_gpu_train.yaml"], "train", **options)


@pytest.fixture(scope="module")
def trained(data: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by two processes, which validate one patient."""
    root = tmp_path_factory.mktemp("trained")

    for bundle in BUNDLES:
        places = {"dataset_dir": data[bundle], "output_dir": str(root / bundle)}
        if bundle == TRACKED:
            places["tracking_uri"] = _mlflow(root)
        train = partial(_train, bundle, {**CHOSEN[bundle], **places})
        assert in_two_processes(train, root / f"{bundle}.job") == [None, None]
    return root


@pytest.mark.parametrize("bundle", BUNDLES)
def test_one_network_and_one_writer(trained: Path, bundle: str) -> None:
    rows = read_table(trained / bundle / "metrics.csv")
    assert [row["epoch"] for row in rows] == list(range(1, OPTIONS[bundle]["epochs"] + 1))
    assert all(row["loss/total"] > 0 for row in rows)
    state = torch.load(trained / bundle / "model.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in state), "it loads without DDP"
    assert len(list((trained / bundle / "tensorboard").iterdir())) == 1, "one writer of logs"
    assert len(list((trained / bundle / "pictures").glob("epoch_0001_case_*.png"))) >= 1


@pytest.mark.usefixtures("_no_pictures")
def test_edges_are_learned_by_both_processes(trained: Path, data: dict[str, str], tmp_path: Path) -> None:
    """As by one process with the same global batch; or not at all, which leaves weights without a gradient."""
    name = "volume_boundary"
    common = {**CHOSEN[name], "dataset_dir": data[name]}
    alone = {**common, "batch_size": 2 * common["batch_size"], "output_dir": str(tmp_path / "one")}
    bundle_runs.run(name, "train.yaml", "train", **alone)
    (one,), (two,) = (read_table(folder / "metrics.csv") for folder in (tmp_path / "one", trained / name))
    assert {"loss/edge_dice", "loss/edge_bce"} <= set(two)
    assert one == pytest.approx(two, rel=1e-4, abs=1e-6, nan_ok=True)
    train = partial(_train, name, {**common, "edge_losses": False, "output_dir": str(tmp_path / "without")})
    assert in_two_processes(train, tmp_path / "job") == [None, None]
    (without,) = read_table(tmp_path / "without" / "metrics.csv")
    assert not any("edge" in column for column in without)


def _mlflow(root: Path) -> str:
    return f"sqlite:///{(root / 'mlflow.db').as_posix()}"


def test_one_process_records_one_run_of_mlflow(trained: Path) -> None:
    """Both processes have the option; one writes and sends, what it sends are the means over both."""
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(tracking_uri=_mlflow(trained))
    (run,) = client.search_runs([client.get_experiment_by_name(TRACKED).experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "0"
    epochs, steps = OPTIONS[TRACKED]["epochs"], OPTIONS[TRACKED]["iterations"]
    history = client.get_metric_history(run.info.run_id, "train_loss")
    assert [value.step for value in history] == list(range(1, epochs * steps + 1)), "each step once"
    rows = read_table(trained / TRACKED / "metrics.csv")
    totals = client.get_metric_history(run.info.run_id, "loss/total")
    assert [(m.step, m.value) for m in totals] == [(row["epoch"], pytest.approx(row["loss/total"])) for row in rows]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {"model.pt", "checkpoint.pt"}
    assert len(list((trained / TRACKED).glob("config_*.json"))) == 1
    (sent,) = sent_records(trained / TRACKED).values()
    assert sent["sent"] == len((trained / TRACKED / "tracking.jsonl").read_text().splitlines()), "nothing is left"


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("bundle", ["em_neuron_boundary", "isles_stroke_boundary"])
def test_the_curve_is_that_of_one_process_with_the_same_batch(
    trained: Path, data: dict[str, str], tmp_path: Path, bundle: str
) -> None:
    """Draws, loss, network and scores, to the rounding of sums that are taken in another order."""
    options = {**OPTIONS[bundle], "batch_size": 2 * OPTIONS[bundle]["batch_size"]}
    bundle_runs.run(bundle, "train.yaml", "train", **options, dataset_dir=data[bundle], output_dir=str(tmp_path))
    one, two = read_table(tmp_path / "metrics.csv"), read_table(trained / bundle / "metrics.csv")
    assert len(one) == len(two) == 2
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-5, abs=1e-7, nan_ok=True)
    networks = [torch.load(folder / "model.pt", weights_only=True) for folder in (tmp_path, trained / bundle)]
    # A bias before an instance normalisation changes nothing. Its gradient is 0 and rounding: of that Adam makes steps.
    idle = {name for name in networks[0] if name.endswith("conv.bias") and not name.startswith("model.2.1")}
    assert len(idle) == 5
    torch.testing.assert_close(*[_without(network, idle) for network in networks], rtol=0, atol=1e-6)
    torch.testing.assert_close(*networks, rtol=0, atol=2e-3)


def _without(state: dict[str, torch.Tensor], names: set[str]) -> dict[str, torch.Tensor]:
    return {name: weights for name, weights in state.items() if name not in names}


def torchrun(*arguments: str, port: int | None = None) -> list[str]:
    place = ["--nproc_per_node=2", "--master_addr=127.0.0.1", f"--master_port={port or free_port()}"]
    return ["-m", "torch.distributed.run", *place, *arguments]


# What torchrun does with its words, but for the start of the ranks: they are forked, and need not import MONAI.
FORKED_TORCHRUN = """
import os, runpy, sys
from pathlib import Path
from torch.distributed.elastic.multiprocessing.errors import record
from torch.distributed.launcher.api import elastic_launch
from torch.distributed.run import config_from_args, parse_args

def rank(*words):
    Path(f"rank{os.environ['RANK']}.pid").write_text(str(os.getpid()))
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)

@record
def main():
    config, _, words = config_from_args(parse_args(sys.argv[1:]))
    config.start_method = "fork"
    elastic_launch(config, rank)(*words[words.index("-m") + 1:])

main()
"""


@pytest.mark.usefixtures("_no_pictures")
def test_a_rank_that_dies_ends_the_job_and_the_run_resumes(data: dict[str, str], tmp_path: Path) -> None:
    """SIGKILL of the second process: the other does not wait for ever; the same command goes on."""
    name = "em_neuron_boundary"
    options = {**OPTIONS[name], "epochs": 3, "iterations": 8}
    files = ["train.yaml", "multi_gpu_train.yaml"]
    command = bundle_runs.command(name, files, **options, dataset_dir=data[name], output_dir=tmp_path)
    (tmp_path / "forked_torchrun.py").write_text(FORKED_TORCHRUN)
    words = [str(tmp_path / "forked_torchrun.py"), *torchrun(*command)[2:]]
    job = WarmRun(words, tmp_path, bundle_runs.environment(), pictures=False)
    end = time.monotonic() + 240
    while not (tmp_path / "checkpoint.pt").is_file():
        assert job.poll() is None, job.output[-3000:]
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)
    first, second = (int((tmp_path / f"rank{rank}.pid").read_text()) for rank in range(2))
    os.kill(first, signal.SIGSTOP)  # or it may tell of its lost partner before torchrun has seen who died
    os.kill(second, signal.SIGKILL)
    time.sleep(2)
    os.kill(first, signal.SIGCONT)
    assert job.wait(120) == 1
    assert "exitcode  : -9" in job.output, "torchrun says which and why"
    rows: list[Row] = read_table(tmp_path / "metrics.csv")
    assert 1 <= len(rows) < 3
    train = partial(_train, name, {**options, "dataset_dir": data[name], "output_dir": str(tmp_path)})
    assert in_two_processes(train, tmp_path / "job", seconds=200) == [None, None]
    resumed = read_table(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in resumed] == [1, 2, 3]
    assert resumed[: len(rows)] == rows, "it went on, and did not start anew"


def test_sigterm_ends_both_and_leaves_the_last_epoch(data: dict[str, str], tmp_path: Path) -> None:
    """The signal comes to all processes of a job, as torchrun hands it on."""
    name, out = "em_neuron_boundary", tmp_path / "out"
    options = {**OPTIONS[name], "epochs": 500, "patience": 0, "dataset_dir": data[name], "output_dir": out}
    words = bundle_runs.command(name, ["train.yaml", "multi_gpu_train.yaml"], **options)[1:]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    ranks = [
        WarmRun(words, tmp_path, {**bundle_runs.environment(), **meeting, **of_rank}, pictures=False)
        for of_rank in ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2))
    ]
    end = time.monotonic() + 240
    while not (out / "checkpoint.pt").is_file():
        assert [run.poll() for run in ranks] == [None, None], ranks[0].output[-3000:]
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)
    for run in ranks:
        os.kill(run.pid, signal.SIGTERM)
    codes = [run.wait(120) for run in ranks]
    # the one that ends first ends by itself; the other as well, or because it has nobody to share gradients with
    assert 143 in codes
    assert set(codes) <= {143, 1}
    assert f"Ended by SIGTERM: {out / 'checkpoint.pt'}" in ranks[codes.index(143)].output
    done = load_checked(out / "checkpoint.pt", "checkpoint")["training"]["epoch"]
    assert done >= 1
    assert [row["epoch"] for row in read_table(out / "metrics.csv")][:done] == list(range(1, done + 1))


def test_statistics_of_batches_are_shared_by_an_override(tmp_path: Path) -> None:
    """The override of the page on several processes is taken; PyTorch says itself that such a layer needs a GPU."""
    page = (bundle_runs.BUNDLES.parent / "docs" / "how-to" / "several-processes.md").read_text(encoding="utf-8")
    (override,) = re.findall(r"--network::module '([^']+)'", page)

    def build(_rank: int) -> tuple[set[str], list[str]]:
        folder = bundle_runs.BUNDLES / "em_neuron_boundary" / "configs"
        parser = ConfigParser()
        parser.read_config([str(folder / name) for name in ("train.yaml", "multi_gpu_train.yaml")])
        parser.update({"network_def::norm": "batch", "network::module": override, "device": "$torch.device('cpu')"})
        network = parser.get_parsed_content("network::module")
        kinds = {type(layer).__name__ for layer in network.modules() if "Norm" in type(layer).__name__}
        try:
            parser.get_parsed_content("network")
        except RuntimeError as error:
            return kinds, causes(error)
        return kinds, []

    for kinds, said in in_two_processes(build, tmp_path / "job"):
        assert kinds == {"SyncBatchNorm"}
        assert "SyncBatchNorm layers only work with GPU modules" in said


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, *torchrun(os.devnull, port=port)]
        done = subprocess.run(command, cwd=tmp_path, env=bundle_runs.environment(), capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"port: {port}" in last
    assert "address already in use" in last
