# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by every room, and the environment that a test may count on."""

from __future__ import annotations

import gc
import logging
import os
import random
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from _pytest.doctest import DoctestModule

from tests.warm_python import unsynced_databases

REPO = Path(__file__).resolve().parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are taken by the other workers: threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Drawn examples are the same on every run: red means a change, not chance. HYPOTHESIS_PROFILE=explore draws anew.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for no Examples in the tests' own docstrings: there are none."""
    return [found for found in (yield) if not isinstance(found, DoctestModule)]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported and collected: a million objects, all of which live to the end.

    Set aside, they cost no later search a visit, and a fork no copy: a third of the time of short tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        for logger in map(logging.getLogger, list(logging.root.manager.loggerDict)):
            # Pytest hangs its handlers on every logger that does not propagate: on PyTorch's forty, six times a test.
            if logger.name.startswith("torch") and "__trace" not in logger.name:
                logger.propagate = True
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)  # PyTorch's and pytest's own objects come by the hundred thousand
        gc.enable()


# Files whose tests share the cluster of tests/volumes/conftest.py.
CLUSTER = {
    f"tests/volumes/test_{name}.py"
    for name in (
        *("block_runs", "block_surfaces", "flood_stages", "killed_jobs"),
        *("volume_evaluation", "volume_maps", "volume_prediction", "volume_segmentation"),
    )
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With workers, run the files in an order in which none waits at the end, nor compiles what another does.

    First those of the kernels: what one worker has compiled there, the others find on the disk. Then the longest piece,
    and the files with long tests.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    cluster = {REPO / name for name in CLUSTER}
    places = (lambda path: path.parent != REPO / "tests" / "kernels", lambda path: path not in cluster)
    items.sort(key=lambda item: (*(place(item.path) for place in places), item.path not in slow))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker have all files that need the cluster, whose processes take as long to import as a long test."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class OneCluster(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "the cluster" if file in CLUSTER else file

    return OneCluster(config, log)


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep temporary files inside pytest's folder and MLflow to itself, for this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        scratch = str(tmp_path_factory.mktemp("scratch"))
        patch.setenv("TMPDIR", scratch)
        patch.setattr("tempfile.tempdir", scratch)
        base = tmp_path_factory.getbasetemp()
        patch.setenv("WARM_PYTHON", str(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MPLBACKEND", "Agg")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        unsynced_databases()
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Start every test from the same global random state; ``rng`` is the better source."""
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # MONAI's and scikit-image's defaults draw from the global state
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():  # else `torch.manual_seed` keeps a trace of the stack for each kind of device
        torch.cuda.manual_seed_all(0)


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a seeded generator of this test's own."""
    return np.random.default_rng(20211122)


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return a function that finds a data set's folder by its name, or skips the test and says why.

    The data sets are not in the repository: they are looked up in ``$MONAI_BOUNDARY_DATA`` or, where that is unset, in
    the folder ``shared/data`` beside the checkout.
    """
    root = Path(os.environ.get("MONAI_BOUNDARY_DATA") or REPO.parent / "shared" / "data")

    def find(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            pytest.skip(f"needs the data set `{name}`: set MONAI_BOUNDARY_DATA to the folder that holds it")
        return folder

    return find
