# SPDX-License-Identifier: Apache-2.0
"""Work on many blocks at once, on Dask: threads of this process, processes of this machine, or a cluster."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeAlias

from tqdm import tqdm

from monai_boundary._extras import pip_line
from monai_boundary.volumes.block_grid import Block
from monai_boundary.volumes.block_records import BlockRecords

BlockWork: TypeAlias = Callable[[Block], None]
TRIES = 3
_AHEAD = 4  # blocks per worker that a cluster is given at a time: a million at once would fill its scheduler
logger = logging.getLogger(__name__)


class BlockFailure(NamedTuple):
    """A block that failed in every try, and the last error."""

    block: Block
    error: str

    def __str__(self) -> str:
        return f"{self.block}: {self.error}"


class BlockRunner(Protocol):
    """Whatever does work on blocks."""

    def run(self, work: BlockWork, blocks: Sequence[Block], title: str) -> list[BlockFailure]:
        """Do the work on every block; return those that failed in every try, with the last error."""
        ...


class RecordedWork(Protocol):
    """Work on blocks that leaves a record of each one that is done."""

    @property
    def records(self) -> BlockRecords:
        """Of the blocks that are done."""
        ...

    def __call__(self, block: Block) -> None:
        """Do the work on a block, and write its record."""
        ...


def run_left(runner: BlockRunner, work: RecordedWork, blocks: Iterable[Block], title: str) -> list[BlockFailure]:
    """Do the work on the blocks that have no record; return those that failed in every try.

    Args:
        runner: of :func:`block_runner`.
        work: to do.
        blocks: all of them.
        title: of the progress bar.
    """
    left = [block for block in blocks if block.index not in work.records]
    return runner.run(work, left, title) if left else []


@contextmanager
def block_runner(workers: int = 1, cluster: Any = "threads") -> Iterator[BlockRunner]:
    """Give what runs blocks, for as long as the ``with`` lasts.

    Args:
        workers: threads or processes of this machine; a cluster that is there has its own.
        cluster: ``"threads"`` of this process, ``"processes"`` of this machine (`distributed.LocalCluster`), the
            address of a scheduler (``tcp://host:8786``), the path of its scheduler file, or a `distributed.Client`.

    Raises:
        ValueError: if ``workers`` is below 1.
        ImportError: if Dask is not installed, with what to do.
        OSError: if no scheduler answers.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"`workers` needs a whole number >= 1, got {workers!r}.")
    if isinstance(cluster, str) and cluster == "threads":
        yield _ThreadRunner(require_dask("dask"), workers)
        return
    distributed = require_dask("distributed")
    if not isinstance(cluster, str):
        yield _ClusterRunner(distributed, cluster)
    elif cluster == "processes":
        with local_client(workers) as client:
            yield _ClusterRunner(distributed, client)
    else:
        given = {"scheduler_file": cluster} if cluster.endswith(".json") else {"address": cluster}
        with distributed.Client(**given) as client:
            logger.info(f"Cluster of {len(client.scheduler_info()['workers'])} workers: {client.dashboard_link}")
            yield _ClusterRunner(distributed, client)


@contextmanager
def local_client(workers: int) -> Iterator[Any]:
    """Give the client of a `distributed.LocalCluster` of this machine, a thread to each process.

    Where the system can, the processes are forked from one that has imported what they need: importing takes each of
    them ten seconds, and those that replace a process that died another ten.

    Args:
        workers: how many processes.
    """
    dask, distributed = require_dask("dask"), require_dask("distributed")
    forked = "forkserver" in multiprocessing.get_all_start_methods()
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver" if forked else "spawn"}):
        context = import_module("distributed.utils").get_mp_context()  # sets its own preload, the first time
        if forked:
            # MONAI, too, where this process needed it: a network of TorchScript, and all but predictions, do without
            heavy = [name for name in ("monai.bundle", "monai_boundary.handlers") if name in sys.modules]
            context.set_forkserver_preload(["distributed", "monai_boundary.volumes", *heavy])
        # any free port: None would be Dask's own, which warns where another cluster has it
        local = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
        with local, distributed.Client(local) as client:
            yield client


def require_dask(module: str) -> Any:
    """Import Dask or its scheduler, or say how to install them.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"volumes need {error.name}: {pip_line('volumes')}") from error


def _attempt(work: BlockWork, block: Block) -> str | None:
    """Do the work on a block; return the error of the last try if none went well."""
    message = ""
    for _ in range(TRIES):
        try:
            work(block)
        except Exception as error:  # whatever it is, the other blocks are done
            message = f"{type(error).__name__}: {_in_a_line(str(error))}"
        else:
            return None
    return message


def _in_a_line(text: str) -> str:
    """A message as it is, or the first and the last of its lines: TorchScript has a page of traces between them."""
    lines = text.strip().splitlines()
    return f"{lines[0]} ... {lines[-1]}" if len(lines) > 1 else text


class _ThreadRunner:
    def __init__(self, dask: Any, workers: int) -> None:
        self.dask = dask
        self.workers = workers

    def run(self, work: BlockWork, blocks: Sequence[Block], title: str) -> list[BlockFailure]:
        failed: list[BlockFailure] = []
        with tqdm(total=len(blocks), desc=title, unit="block", disable=None) as bar:

            def one(block: Block) -> None:
                message = _attempt(work, block)
                if message is not None:
                    failed.append(BlockFailure(block, message))
                bar.update()

            if self.workers == 1:  # a scheduler has nothing to do
                for block in blocks:
                    one(block)
                return failed
            # by their names in raster order: neighbours share chunks, which the system then has at hand
            delayed = ((self.dask.delayed(partial(one, block), pure=False), block.index) for block in blocks)
            tasks = [task(dask_key_name=f"{title}-{index:012d}") for task, index in delayed]
            # by the function: asked for by its name, Dask imports its cluster first, a second or more
            self.dask.compute(*tasks, scheduler=import_module("dask.threaded").get, num_workers=self.workers)
        return sorted(failed, key=lambda failure: failure.block.index)


class _ClusterRunner:
    def __init__(self, distributed: Any, client: Any) -> None:
        self.distributed = distributed
        self.client = client

    def run(self, work: BlockWork, blocks: Sequence[Block], title: str) -> list[BlockFailure]:
        """A worker that dies is replaced, and its blocks are done by others; who kills three is named as failed."""
        failed: list[BlockFailure] = []
        left = iter(blocks)
        ahead = _AHEAD * max(1, sum(self.client.nthreads().values()))
        given = {self._submit(work, block): block for block in islice(left, ahead)}
        done = self.distributed.as_completed(list(given), raise_errors=False)
        with tqdm(total=len(blocks), desc=title, unit="block", disable=None) as bar:
            for future in done:
                block = given.pop(future)
                if future.status not in ("finished", "error"):
                    raise OSError(f"the cluster is gone at {block} ({future.status}): run the same again to go on.")
                message = repr(future.exception()) if future.status == "error" else future.result()
                if message is not None:
                    failed.append(BlockFailure(block, message))
                bar.update()
                for following in islice(left, 1):
                    new = self._submit(work, following)
                    given[new] = following
                    done.add(new)
        return sorted(failed, key=lambda failure: failure.block.index)

    def _submit(self, work: BlockWork, block: Block) -> Any:
        return self.client.submit(_attempt, work, block, pure=False)
