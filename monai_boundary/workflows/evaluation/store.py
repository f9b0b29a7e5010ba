# SPDX-License-Identifier: Apache-2.0
"""The inference of the EM bundle on a volume larger than memory: membrane and instances, block by block."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary._extras import check_modules
from monai_boundary._tables import write_json
from monai_boundary.workflows.evaluation.threshold import InstanceRule

logger = logging.getLogger(__name__)


def segment_store(
    store: str | os.PathLike[str] | None,
    folder: str | os.PathLike[str],
    bundle: str | os.PathLike[str],
    ckpt_path: str | os.PathLike[str],
    rule: InstanceRule,
    patch_size: Sequence[int],
    overlap: float,
    *,
    dataset_dir: str | None = None,
    spacing: Sequence[float] | float | None = None,
    mask: str | None = None,
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: str = "threads",
    overwrite: bool = False,
) -> Path:
    """Predict the membrane of a volume and segment it, with the memory of a block and not of the volume.

    They are the bundle's membrane and instances of the whole volume, but that the membrane is rounded to 1/255. What
    was stopped goes on when the same is run again.

    Args:
        store: ``path[::dataset][@first:stop]``: Zarr, OME-Zarr, HDF5, TIF, a folder of pictures, NIfTI.
        folder: gets ``membrane/probability.zarr`` and ``instances/segmentation.zarr``.
        bundle: folder of the bundle, whose configuration says what the network is.
        ckpt_path: weights.
        rule: how instances are made, by blocks as in memory.
        patch_size: the network's window; two entries are a 2-D network, whose sections are segmented one by one.
        overlap: of the windows.
        dataset_dir: what is segmented in memory; refused beside a store, which takes its place.
        spacing: nm per axis (z, y, x), instead of what the volume states.
        mask: volume on the same grid; what is 0 there is no tissue, and belongs to no instance.
        block: voxels of a block along each axis.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, or the address or file of a Dask scheduler.
        overwrite: remove what another job has left in the folder.

    Returns:
        The store of the instances.

    Raises:
        ValueError: if there is no store, or a ``dataset_dir`` beside it; if an option does not fit,
            or the folder holds another job's results.
        RuntimeError: if blocks failed; the first are named, and what is done is not done again by the next run.
        ImportError: if Dask is not installed.
    """
    if store is None:
        raise ValueError("`store` needs a volume where `mask` or `block` is given, got null: they are options of it.")
    if dataset_dir is not None:
        raise ValueError(f"`store` takes the place of `dataset_dir`, got both: {store} and {dataset_dir}.")
    check_modules("`store`", "dask", "distributed", extra="volumes")
    from monai_boundary.volumes import predict_volume, segment_volume

    place = Path(folder)
    predicted = predict_volume(
        store,
        place / "membrane",
        bundle=bundle,
        network=ckpt_path,
        window=patch_size,
        overlap=overlap,
        mask=mask,
        outside=1.0,  # what is no tissue is no instance
        spacing=spacing,
        block=block,
        workers=workers,
        cluster=cluster,
        force=overwrite,
    )
    probability = _whole(predicted, "membrane")
    logger.info(f"Membrane: {predicted.windows} windows, {probability}")
    made = segment_volume(
        probability,
        place / "instances",
        method=rule.method,
        threshold=rule.threshold,
        min_size=rule.min_size,
        per_section=len(patch_size) == 2,
        workers=workers,
        cluster=cluster,
        force=overwrite,
    )
    segmented = _whole(made, "instances")
    logger.info(f"Instances: {made.instances}, {made.removed} too small, {segmented}")
    write_json({"store": str(store), "instances": made.instances, **rule._asdict()}, place / "store.json")
    return segmented


def _whole(result: Any, stage: str) -> Path:
    """The store of a stage that is done; else its first blocks that failed are an error."""
    if result.store is not None:
        store: Path = result.store
        return store
    more = f" and {len(result.failed) - 3} more" if len(result.failed) > 3 else ""
    blocks = "; ".join(str(failure) for failure in result.failed[:3])
    raise RuntimeError(f"{stage}: {blocks}{more}. The other blocks are done; run the same again to go on.")
