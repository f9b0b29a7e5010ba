# SPDX-License-Identifier: Apache-2.0
"""Scores of probabilities against the threshold that makes a segmentation of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._tables import Row
from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.metrics.table_scores import mean_of_defined
from monai_boundary.metrics.threshold_curve import compute_threshold_curve
from monai_boundary.report.label_volume import VOLUME_SUFFIX, GivenSpacing, LabelVolume, grid_difference, read_channels

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
MASK_CURVES = ("dice", "precision", "recall")
MEMBRANE_CURVES = ("cremi_score", "ari", "voi_split", "voi_merge")


def read_probability(
    path: Path,
    truth: LabelVolume,
    dataset: str | None = None,
    spacing: GivenSpacing | None = None,
    axes_xyz: bool = True,
) -> AnyArray:
    """Read the probabilities of a case, and check that they are probabilities on the grid of its truth.

    Args:
        path: NIfTI, MHA or NRRD with channels last, or a TIF, PNG, HDF5 or Zarr of one channel; or nnU-Net's ``.npz``,
            whose ``probabilities`` have channels first and axes z, y, x (z is 1 of pictures). The largest value of 8
            and 16 bits is 1.
        truth: of the case.
        dataset: of HDF5 files and Zarr stores.
        spacing: instead of what the file states.
        axes_xyz: whether the truth's axes are x, y, z, as of NIfTI, MHA and NRRD, or z, y, x: what nnU-Net's are turned
            to.

    Returns:
        Channels first, (C, *spatial), floats from 0 to 1.

    Raises:
        ValueError: if the grid is another, or a value is NaN or not between 0 and 1.
    """
    if path.suffix.lower() == ".npz" and not path.name.endswith(VOLUME_SUFFIX):
        values = _nnunet_probabilities(path, truth, axes_xyz)
    else:
        channels = read_channels(path, dataset, spacing)
        difference = grid_difference(channels[0], truth)
        if difference:
            raise ValueError(f"the probabilities are on another grid than the truth: {difference} ({path}).")
        values = np.stack([channel.values for channel in channels])
    if values.dtype in (np.uint8, np.uint16):  # as pictures hold them
        values = (values / np.float32(np.iinfo(values.dtype).max)).astype(np.float32)
    return check_probability(values, str(path))


def check_probability(values: AnyArray, where: str) -> AnyArray:
    """Return the values.

    Args:
        values: floats.
        where: what an error calls them.

    Raises:
        ValueError: if a value is NaN or not between 0 and 1.
    """
    if np.isnan(values).any():
        raise ValueError(f"probabilities need numbers, {where} has {int(np.isnan(values).sum())} that are NaN.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1 + 1e-4:
        raise ValueError(f"probabilities need values from 0 to 1, {where} has {low:g} to {high:g} (logits?).")
    return values


def channel_of_class(probability: AnyArray, names: Sequence[str], named: bool) -> dict[str, AnyArray]:
    """Return which channel is the probability of which class.

    Args:
        probability: (C, *spatial).
        names: of the classes, in order.
        named: whether a table names them: its channels are in its order, perhaps after one of the background. Without a
            table a class is called as its label: a single channel is that of label 1, else channel k is that of label
            k, and channel 0 the background's.

    Raises:
        ValueError: if there are not as many channels as that takes.

    Example:
        >>> channels = np.stack([np.full((1, 1), k / 10) for k in range(3)])
        >>> {name: float(found[0, 0]) for name, found in channel_of_class(channels, ["a", "b"], True).items()}
        {'a': 0.1, 'b': 0.2}
    """
    count = len(probability)
    if not named:
        places = {name: 0 if count == 1 else int(name) for name in names if count > 1 or name == "1"}
        if all(place < count for place in places.values()) and (count > 1 or len(places) == len(names)):
            return {name: probability[place] for name, place in places.items()}
        needed = f"a channel for each label up to {max(map(int, names))} after the background's"
    else:
        first = count - len(names)
        if first in (0, 1):
            return {name: probability[first + k] for k, name in enumerate(names)}
        needed = f"{len(names)} channels ({', '.join(names)}), or one more for the background before them"
    raise ValueError(f"`probabilities` needs {needed}, got {count} channels.")


def labels_of_channels(count: int) -> range:
    """Return the labels that channels are of where no table names classes: 1 of one, else all but channel 0's.

    Args:
        count: of the channels.

    Example:
        >>> list(labels_of_channels(1)), list(labels_of_channels(3))
        ([1], [1, 2])
    """
    return range(1, max(count, 2))


def threshold_scores(
    probability: AnyArray, true: BoolArray, ignored: BoolArray | None = None
) -> dict[str, list[float]]:
    """Return Dice, precision and recall of the voxels whose probability is at or above each of the thresholds.

    Args:
        probability: 0 to 1, any shape.
        true: of the same shape.
        ignored: voxels that are not scored.

    Returns:
        ``dice``, ``precision`` and ``recall`` at :data:`THRESHOLDS`; Dice is 0 where one of the two is empty, NaN where
        both are; precision is NaN where nothing is predicted, recall where nothing is true.

    Example:
        >>> found = threshold_scores(np.array([0.9, 0.4, 0.2]), np.array([True, True, False]))
        >>> found["dice"][9], found["recall"][5]  # at 0.5 and at 0.3
        (0.6666666666666666, 1.0)
    """
    values, truth = (probability, true) if ignored is None else (probability[~ignored], true[~ignored])
    # in the file's own type: 0.3 in float32 is above 0.3, and a voxel at a threshold is predicted
    levels = np.array(THRESHOLDS).astype(values.dtype if values.dtype.kind == "f" else np.float64)
    bins = np.searchsorted(levels, values.ravel(), side="right")  # how many thresholds it reaches
    reached = [
        np.bincount(bins[where], minlength=len(levels) + 1)[::-1].cumsum()[::-1][1:]
        for where in (truth.ravel(), ~truth.ravel())
    ]
    both, false = reached[0].astype(np.float64), reached[1].astype(np.float64)
    total, predicted = float(np.count_nonzero(truth)), both + false
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"dice": 2 * both / (predicted + total), "precision": both / predicted, "recall": both / total}
    return {name: curve.tolist() for name, curve in found.items()}


def membrane_scores(
    membrane: AnyArray, true: AnyArray, method: str = "components", **options: Any
) -> dict[str, list[float]]:
    """Return the scores of the instances that a membrane's probability gives at each of the thresholds.

    Args:
        membrane: (1, *spatial), membrane = 1: :func:`~monai_boundary.metrics.compute_threshold_curve`.
        true: ids.
        method: how instances are made.
        **options: of that function: ``spacing`` (nm), ``border_tolerance_nm``, ``ignore_labels``, ``min_size``.

    Raises:
        ValueError: if there is more than one channel.
    """
    if len(membrane) != 1:
        raise ValueError(f"`probabilities` needs the membrane's, one channel, for `instances`, got {len(membrane)}.")
    curve = compute_threshold_curve(np.clip(membrane[0], 0, 1), true, thresholds=THRESHOLDS, method=method, **options)
    return {name: curve.score(name).tolist() for name in MEMBRANE_CURVES}


def threshold_rows(curves: Mapping[tuple[str, str, str], Mapping[str, Sequence[float]]]) -> list[Row]:
    """Return the mean scores over the cases at each threshold, by method and class.

    Args:
        curves: (method, case, class) -> score -> values at :data:`THRESHOLDS`.

    Returns:
        Rows of ``method``, ``class``, ``threshold``, ``cases`` and the scores; NaN where no case defines one.
    """
    by: dict[tuple[str, str], list[Mapping[str, Sequence[float]]]] = defaultdict(list)
    for (method, _, name), own in curves.items():
        by[method, name].append(own)
    rows: list[Row] = []
    for (method, name), cases in by.items():
        means = {score: mean_of_defined([case[score] for case in cases]) for score in cases[0]}
        for k, threshold in enumerate(THRESHOLDS):
            about = {"method": method, "class": name, "threshold": threshold, "cases": len(cases)}
            rows.append({**about, **{score: values[k] for score, values in means.items()}})
    return rows


def _nnunet_probabilities(path: Path, truth: LabelVolume, axes_xyz: bool) -> AnyArray:
    with np.load(path, allow_pickle=False) as file:
        if "probabilities" not in file.files:
            raise ValueError(
                f"{path} needs an array `probabilities`, as nnU-Net writes it, got {', '.join(file.files)}."
            )
        values: AnyArray = file["probabilities"]
    if values.ndim == truth.values.ndim + 2 and values.shape[1] == 1:  # a picture is a volume of one section
        values = values[:, 0]
    if axes_xyz:
        values = values.transpose(0, *range(values.ndim - 1, 0, -1))
    if values.shape[1:] != truth.values.shape:
        raise ValueError(f"{path} needs the truth's shape {truth.values.shape}, got {values.shape[1:]}.")
    return values
