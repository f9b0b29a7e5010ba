# SPDX-License-Identifier: Apache-2.0
"""A network over a volume larger than memory: its probabilities, as of sliding windows over the whole volume."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from monai_boundary._validation import check_choice
from monai_boundary.volumes.block_grid import BlockGrid, chosen_block
from monai_boundary.volumes.block_prediction import (
    ACTIVATIONS,
    BlockPrediction,
    Foreground,
    check_network,
    chosen_device,
)
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, block_runner, run_left
from monai_boundary.volumes.bundle_network import BundleNetwork, bundle_network
from monai_boundary.volumes.grey_statistics import (
    NORMALISATIONS,
    GreyMoments,
    GreyScale,
    save_grey_scale,
    section_moments,
)
from monai_boundary.volumes.network_file import NetworkFile, network_file
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource, check_one_volume_grid, open_volume, voxel_size
from monai_boundary.volumes.window_grid import WindowGrid, window_block
from monai_boundary.volumes.zarr_output import make_zarr_output

PROBABILITY_STORE = "probability.zarr"
PROBABILITY_TYPES = ("uint8", "float16", "float32")
_NO_HALO = (0, 0, 0)


@dataclass(frozen=True)
class VolumePrediction:
    """The store of the probabilities; ``None`` where a block failed.

    ``windows`` are those that the network has seen: fewer than there are where background was left out, and more where
    those on the faces of blocks were computed for each.
    """

    store: Path | None
    windows: int
    failed: tuple[BlockFailure, ...]


class _Run(NamedTuple):
    file: NetworkFile
    windows: WindowGrid
    device: str | None
    batch: int
    threads: int | None


def predict_volume(
    image: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    bundle: str | os.PathLike[str] | None = None,
    network: str | os.PathLike[str] | None = None,
    definition: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    window: Sequence[int] | None = None,
    overlap: float | None = None,
    blend: str | None = None,
    normalise: str = "section",
    activation: str = "sigmoid",
    channel: int = 0,
    mask: str | os.PathLike[str] | None = None,
    foreground_above: float | None = None,
    outside: float = 0.0,
    dtype: str = "uint8",
    device: str | None = None,
    batch: int = 4,
    spacing: Sequence[float] | float | None = None,
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: Any = "threads",
    absent_chunks: str = "error",
    force: bool = False,
) -> VolumePrediction:
    """Run a network over a volume, block by block, and write the probabilities.

    They are those of MONAI's ``sliding_window_inference`` over the whole volume (of a 2-D network section by section),
    but for the rounding of sums: the windows are those of the volume, not of the block, and a block computes every
    window that touches it. So there is no seam, whatever the network normalises by. A window on the faces of blocks is
    computed for each of them: n windows along an axis become n + 1 at an overlap of a half. Without ``block`` a block
    is 32 of them long along each axis that overlaps, and has some 64 million voxels at most.

    A window without foreground is not computed, and a block without such a window costs no more than its reading.
    Every voxel of the foreground has the value that it has without this.

    ``output_dir`` gets ``probability.zarr``, OME-Zarr 0.4 with the probabilities in its array ``0``, whole or not at
    all; ``manifest.json`` and ``blocks``, by which a job that was stopped goes on.

    Args:
        image: grey values, ``path[::dataset][@first:stop]``.
        output_dir: of this job alone.
        bundle: whose network predicts, with its windows: one that comes with the package, or a folder. A configuration
            is code, and reading it runs what it imports.
        network: TorchScript, or weights of ``definition`` or, in place of its own, of ``bundle``.
        definition: of the network whose weights are given: MONAI's configuration, or a YAML or JSON file of it.
        window: voxels, two entries for a 2-D network and three for a 3-D one; those of the bundle if not given.
        overlap: of windows, a share; that of the bundle, else 0.5.
        blend: ``"gaussian"`` or ``"constant"``; that of the bundle, else gaussian.
        normalise: ``"section"``: each section gets mean 0 and deviation 1, as the EM bundle does; ``"volume"``: the
            volume; ``"share"``: of the greatest number of an unsigned integer; ``"none"``.
        activation: ``"sigmoid"``, ``"softmax"`` or ``"none"``, after the windows are put together.
        channel: of the output that is written.
        mask: volume on the same grid; what is 0 there is background.
        foreground_above: grey values that are not above it are background.
        outside: probability of background: voxels outside the mask, and those that no window covers. 1 where the
            network predicts membrane: segmented, it has no instances then.
        dtype: ``"uint8"``, where 255 is 1, ``"float16"`` or ``"float32"``.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; by default a GPU if there is one.
        batch: windows that the network gets at once.
        spacing: nm per axis (z, y, x), for the output; what the volume states if not given.
        block: voxels of a block along each axis.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, the address or file of a Dask scheduler, or a client of one.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the store's fill value.
        force: remove what another job has left in ``output_dir``.

    Returns:
        The store, or which blocks failed; those that did not are not done again when the call is repeated.

    Raises:
        ValueError: if a setting does not fit, a network cannot be read, or the folder is not this job's.
        ImportError: if Dask or the library of a format is missing.
        OSError: if the folder cannot be written, or a cluster is gone.
    """
    source = open_volume(image, absent_chunks)
    inputs = {"image": source} | ({} if mask is None else {"mask": open_volume(mask, absent_chunks)})
    check_one_volume_grid("mask", inputs.get("mask", source), "image", source, given=spacing is not None)
    used = _network(bundle, network, definition, window, overlap, blend)
    windows = WindowGrid(source.shape, used.window3, used.overlap, used.blend)
    shape = window_block(windows) if block is None else chosen_block(block, source.shape, source.chunks)
    settings: dict[str, Any] = {
        "network": used.file.digest(),
        "definition": used.file.definition,
        "window": windows.window,
        "overlap": windows.overlap,
        "blend": windows.blend,
        "normalise": normalise,
        "activation": activation,
        "channel": channel,
        "foreground_above": foreground_above,
        "outside": float(outside),
        "dtype": dtype,
        "spacing": voxel_size(spacing, source),
        "block": shape,
        "absent_chunks": absent_chunks,
    }
    _check(settings, device, batch)
    if normalise == "share" and source.dtype[0] != "u":
        raise ValueError(f"`normalise` needs unsigned integers for 'share', got {source.dtype} in {image}.")
    check_network(used.file, windows.window, channel, device)
    job = VolumeJob(output_dir, "predict", inputs, settings, force=force, outputs=(PROBABILITY_STORE,))
    run = _Run(used.file, windows, device, batch, _threads(workers, cluster))
    with job, _threads_kept():
        if not (job.folder / PROBABILITY_STORE).exists():
            with block_runner(workers, cluster) as runner:
                failed = _predict(job, inputs, run, runner)
            if failed:
                return VolumePrediction(None, 0, tuple(failed))
        grid, records = BlockGrid(source.shape, shape, _NO_HALO), job.records("windows")
        seen = sum(int(records.read(index)["windows"]) for index in range(len(grid)))
        return VolumePrediction(job.folder / PROBABILITY_STORE, seen, ())


def _predict(job: VolumeJob, inputs: Mapping[str, VolumeSource], run: _Run, runner: BlockRunner) -> list[BlockFailure]:
    """Do what is left; the store gets its name when all of it is done."""
    chosen = job.manifest["settings"]
    source, shape = inputs["image"], tuple(chosen["block"])
    scale, failed = _grey_scale(job, runner, source, chosen["normalise"])
    if failed:
        return failed
    unfinished = job.folder / BLOCKS / PROBABILITY_STORE
    work = BlockPrediction(
        image=source,
        scale=scale,
        network=run.file,
        windows=run.windows,
        foreground=Foreground(inputs.get("mask"), chosen["foreground_above"]),
        activation=chosen["activation"],
        channel=chosen["channel"],
        outside=chosen["outside"],
        output=make_zarr_output(
            unfinished, source.shape, shape, chosen["dtype"], spacing=chosen["spacing"], offset=source.offset
        ),
        records=job.records("windows"),
        dtype=chosen["dtype"],
        device=run.device,
        batch=run.batch,
        threads=run.threads,
    )
    failed = run_left(runner, work, BlockGrid(source.shape, shape, _NO_HALO), "windows")
    if not failed:
        unfinished.rename(job.folder / PROBABILITY_STORE)
    return failed


def _check(settings: Mapping[str, Any], device: str | None, batch: int) -> None:
    for name, choices in (("normalise", NORMALISATIONS), ("activation", ACTIVATIONS), ("dtype", PROBABILITY_TYPES)):
        check_choice(name, settings[name], choices)
    for name, number, least in (("channel", settings["channel"], 0), ("batch", batch, 1)):
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ValueError(f"`{name}` needs a whole number >= {least}, got {number!r}.")
    if not 0 <= settings["outside"] <= 1:
        raise ValueError(f"`outside` needs a probability in [0, 1], got {settings['outside']}.")
    chosen_device(device, 0)


def _network(
    bundle: str | os.PathLike[str] | None,
    network: str | os.PathLike[str] | None,
    definition: Mapping[str, Any] | str | os.PathLike[str] | None,
    window: Sequence[int] | None,
    overlap: float | None,
    blend: str | None,
) -> BundleNetwork:
    """The network of a bundle or of a file, with the windows that are asked for."""
    if bundle is not None and definition is not None:
        raise ValueError("`definition` needs no bundle beside it: a bundle has its own.")
    if bundle is None and (network is None or window is None):
        raise ValueError("`bundle` needs a name or a folder; or give `network` and `window` in its place.")
    if bundle is not None:
        said = bundle_network(bundle, network)
    else:
        assert network is not None
        said = BundleNetwork(network_file(network, definition), (), 0.5, "gaussian")
    sizes = said.window if window is None else tuple(int(size) for size in window)
    if len(sizes) not in (2, 3) or min(sizes) < 1:
        raise ValueError(f"`window` needs 2 or 3 entries >= 1 (voxels per axis), got {sizes}.")
    return BundleNetwork(
        said.file, sizes, said.overlap if overlap is None else float(overlap), said.blend if blend is None else blend
    )


def _grey_scale(
    job: VolumeJob, runner: BlockRunner, source: VolumeSource, normalise: str
) -> tuple[GreyScale, list[BlockFailure]]:
    """Mean and deviation of all sections; nothing is read where they are not asked for."""
    file = job.folder / BLOCKS / "grey_scale.npy"
    if file.is_file():
        return GreyScale(file), []
    if normalise not in ("section", "volume"):
        return save_grey_scale(file, source.shape[0], None, normalise, source.dtype), []
    grid = BlockGrid(source.shape, chosen_block(None, source.shape, source.chunks), _NO_HALO)
    records = job.records("greys")
    failed = run_left(runner, GreyMoments(source, records), grid, "greys")
    if failed:
        return GreyScale(file), failed
    return save_grey_scale(file, source.shape[0], section_moments(records, grid), normalise, source.dtype), []


def _threads(workers: int, cluster: Any) -> int | None:
    """How many threads a block may compute with, so that all workers of this machine have their share."""
    own = isinstance(cluster, str) and cluster in ("threads", "processes")
    return max(1, torch.get_num_threads() // workers) if own else None


@contextmanager
def _threads_kept() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
