# SPDX-License-Identifier: Apache-2.0
"""The task of a data set of one's own: as its layout describes it, and as the options complete it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.workflows.volumes.task import BACKGROUND, VolumeTask

__all__ = ["own_task"]

logger = logging.getLogger(__name__)

Channels = Mapping[str, str] | Sequence[str]
Labels = Mapping[str, int | Sequence[int]]

_NORMALISATIONS = {"ct": "ct", "rescale_to_0_1": "unit"}  # by what a layout says of a channel; others: zscore
_CT_WINDOW = (-1000.0, 1000.0)  # Hounsfield units: air to bone


def own_task(
    found: VolumeDataset,
    *,
    channels: Channels | None = None,
    labels: Labels | None = None,
    ignore_label: int | None = None,
    **fields: Any,
) -> VolumeTask:
    """Return the task of a data set: what its layout declares, and the options in its place.

    Args:
        found: the data set.
        channels: name -> normalisation, or names alone; None takes the data set's. Without a normalisation, CT is
            clipped to ``ct_window`` ([-1000, 1000] if not given) and others have mean 0 and standard deviation 1.
        labels: class -> id, or region -> ids; None takes the data set's. The background need not be named.
        ignore_label: id of voxels that do not count; None takes the data set's.
        fields: further ones of `VolumeTask`: ``spacing``, ``percentiles``, ``ct_window``, ``foreground_share``,
            ``spatial_dims``, ``slice_axis``, ``flips``, ``scores``, ``key_score``, ...

    Raises:
        ValueError: if neither the data set nor ``labels`` says what the labels are; and as `VolumeTask`.

    Example:
        >>> found = VolumeDataset("decathlon", "a", ("CT",), {"liver": 1, "tumour": 2}, channel_kinds={"CT": "CT"})
        >>> task = own_task(found, ct_window=[-160, 240])
        >>> task.channels, task.names
        ({'CT': 'ct'}, ('background', 'liver', 'tumour'))
    """
    names = tuple(found.channels) if channels is None else tuple(channels)
    kinds = [found.channel_kinds.get(name, name) for name in found.channels]
    stated = [_NORMALISATIONS.get(str(kind).lower(), "zscore") for kind in kinds]
    used = dict(channels) if isinstance(channels, Mapping) else dict(zip(names, stated, strict=False))
    if "ct" in used.values() and "ct_window" not in fields:
        fields["ct_window"] = _CT_WINDOW
        logger.info(f"Grey values of CT are clipped to {_CT_WINDOW} (--ct_window).")
    declared = dict(found.labels if labels is None else labels)
    if not declared:
        raise ValueError(
            f"`labels` needs names and ids, such as {{'liver': 1, 'tumour': 2}}: {found.source} declares none."
        )
    if all(isinstance(ids, int) for ids in declared.values()):
        declared = {BACKGROUND: 0, **{name: ids for name, ids in declared.items() if ids != 0}}
    ignored = found.ignore_label if ignore_label is None else ignore_label
    return VolumeTask(used, declared, ignore_labels=() if ignored is None else (ignored,), **fields)
