# SPDX-License-Identifier: Apache-2.0
"""Settings for a training, from the fingerprint of a data set; each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.patch_advice import PatchPlan, plan_patch
from monai_boundary.ops.patch_size import PATCH_VOXELS

Fingerprint = Mapping[str, Any]

_SAME_SPACING = 0.02  # of the median: files round
_FEW_SLICES = 8
_SMALL_SHARE, _THIN_SHARE = 0.005, 0.3
_WHOLE_STEPS, _STEPS, _ITERATIONS = 2900, 20_000, 100


class Advice(NamedTuple):
    """A setting and why it is advised."""

    value: Any
    reason: str


def training_advice(
    dataset: VolumeDataset, fingerprint: Fingerprint, patch_size: Sequence[int] | None = None
) -> dict[str, Advice]:
    """Return settings of the bundle ``volume_boundary`` by name, in the order in which they are to be read.

    Args:
        dataset: the listing.
        fingerprint: of `dataset_fingerprint`.
        patch_size: voxels along right, front, head, in place of the advised ones.

    Raises:
        ValueError: if no case could be read.
    """
    if not fingerprint["shape"]:
        raise ValueError(f"`dataset_dir` needs a case that can be read, got none in {dataset.source}.")
    spacing, grid = _spacing(fingerprint)
    dims, shape = _dims(fingerprint, grid)
    most = PATCH_VOXELS[dims.value]
    plan = plan_patch(shape[: dims.value], grid[: dims.value], most)
    if patch_size is not None:
        wanted = [int(n) for n in patch_size][: dims.value]
        plan = plan_patch(wanted, grid[: dims.value], 10**9)
    steps = _steps(dataset, plan, dims.value)
    return {
        "channels": _channels(dataset, fingerprint),
        **_ct_window(dataset, fingerprint),
        "labels": _labels(fingerprint),
        "ignore_label": _ignored(dataset),
        "spacing": spacing,
        "spatial_dims": dims,
        "patch_size": _patch(plan, shape, most, patch_size),
        "batch_size": Advice(2 if dims.value == 3 else 12, _batch_reason(dims.value)),
        "crops": _crops(plan),
        "foreground_share": _foreground_share(fingerprint, plan),
        "network_channels": Advice(list(plan.channels), _channels_reason(plan)),
        "network_strides": Advice([_stride(s) for s in plan.strides], _strides_reason(plan, grid)),
        **_loss(fingerprint),
        **steps,
    }


def _spacing(fingerprint: Fingerprint) -> tuple[Advice, list[float]]:
    """The grid of the network, and its voxel sizes."""
    sizes = fingerprint["spacing_mm"]
    low, middle, high = (np.asarray(sizes[name]) for name in ("min", "median", "max"))
    shown = " x ".join(f"{s:.3g}" for s in middle)
    if (high - low <= _SAME_SPACING * middle).all():
        return Advice(None, f"all images have voxels of {shown} mm: nothing is resampled"), middle.tolist()
    wanted, why = middle.copy(), f"the median; they go from {_by(low)} to {_by(high)} mm"
    coarse = int(np.argmax(middle))
    if middle[coarse] > 3 * np.delete(middle, coarse).max():  # as nnU-Net: thick slices are not made thicker
        wanted[coarse] = np.asarray(sizes["p5"])[coarse]
        why += f"; along the thick slices the 5 % quantile, {wanted[coarse]:.3g} instead of {middle[coarse]:.3g}"
    rounded = [float(f"{s:.3g}") for s in wanted]
    return Advice(rounded, f"mm along right, front, head: {why}"), rounded


def _dims(fingerprint: Fingerprint, grid: Sequence[float]) -> tuple[Advice, list[float]]:
    """Slices or volumes, and the median shape on the grid of the network."""
    sizes, shapes = fingerprint["spacing_mm"]["median"], fingerprint["shape"]["median"]
    shape = [n * s / g for n, s, g in zip(shapes, sizes, grid, strict=True)]
    if set(fingerprint["dims"]) == {"2"}:
        return Advice(2, "the images are slices"), shape
    if shape[2] < _FEW_SLICES:
        return Advice(2, f"volumes have {shape[2]:.0f} slices in the median: too few for a network in 3-D"), shape
    return Advice(3, f"volumes of {_by(shape)} voxels in the median"), shape


def _channels(dataset: VolumeDataset, fingerprint: Fingerprint) -> Advice:
    chosen, reasons = {}, []
    for name in dataset.channels:
        kind = dataset.channel_kinds.get(name, name).casefold()
        zeros = fingerprint["intensities"][name].get("zero_share", {}).get("median", 0.0)
        low = fingerprint["intensities"][name].get("image_min", {}).get("median", 0.0)
        if kind == "ct" or low <= -900:
            chosen[name], why = "ct", "Hounsfield units: one window for all cases"
        elif kind in ("rescale_to_0_1", "rescaleto01", "rgb_to_0_1"):
            chosen[name], why = "unit", f"the data set calls it {kind}"
        elif zeros > 0.25:
            chosen[name], why = "zscore_nonzero", f"{zeros:.0%} of the voxels are 0: only the others count"
        else:
            chosen[name], why = "zscore", "grey values without a unit: mean 0, standard deviation 1 in each image"
        reasons.append(f"{name}: {why}")
    return Advice(chosen, "; ".join(reasons))


def _ct_window(dataset: VolumeDataset, fingerprint: Fingerprint) -> dict[str, Advice]:
    channels = _channels(dataset, fingerprint).value
    windows = [
        fingerprint["intensities"][name].get("foreground", {}) for name, kind in channels.items() if kind == "ct"
    ]
    if not windows or not windows[0]:
        return {}
    low, high = min(w["p0.5"] for w in windows), max(w["p99.5"] for w in windows)
    reason = "0.5 and 99.5 % quantile of the foreground, over all cases"
    return {"ct_window": Advice([float(np.floor(low)), float(np.ceil(max(high, low + 1)))], reason)}


def _labels(fingerprint: Fingerprint) -> Advice:
    declared = fingerprint["dataset"]["labels"]
    classes = {name: of["ids"] for name, of in fingerprint["classes"].items()}
    used = [i for ids in classes.values() for i in ids]
    regions = any(len(ids) > 1 for ids in classes.values()) or len(set(used)) < len(used)
    where = "as the data set declares them" if declared else "the ids that were found: give them names here"
    if regions:
        return Advice({name: list(ids) for name, ids in classes.items()}, f"{where}; regions that may overlap")
    return Advice({"background": 0, **{name: ids[0] for name, ids in classes.items()}}, where)


def _ignored(dataset: VolumeDataset) -> Advice:
    why = "no voxel is left out" if dataset.ignore_label is None else "its voxels count neither in loss nor in score"
    return Advice(dataset.ignore_label, why)


def _patch(plan: PatchPlan, shape: Sequence[float], most: int, given: Sequence[int] | None) -> Advice:
    median = _by(shape[: len(plan.patch_size)])
    if given is not None:
        return Advice(list(plan.patch_size), f"as asked, rounded up to what the network divides; median image {median}")
    if plan.covers:
        return Advice(list(plan.patch_size), f"the whole image: its median is {median}; smaller ones are padded")
    return Advice(list(plan.patch_size), f"as much of the median image, {median}, as {most:,} voxels hold")


def _batch_reason(dims: int) -> str:
    return (
        "two are the fewest whose gradients are steady; memory goes into the patch" if dims == 3 else "slices are small"
    )


def _crops(plan: PatchPlan) -> Advice:
    if plan.covers:
        return Advice(1, "patches of each case in a batch: one holds it all")
    return Advice(2, "patches of each case in a batch, so that a case is loaded once for two")


def _foreground_share(fingerprint: Fingerprint, plan: PatchPlan) -> Advice:
    share = sum(of["share"] for of in fingerprint["classes"].values())
    if plan.covers:
        return Advice(0.5, f"share of patches around a structure; {share:.1%} of the voxels are foreground")
    value = 0.67 if share < 0.01 else 0.5
    return Advice(value, f"share of patches around a structure: {share:.2%} of the voxels are foreground")


def _channels_reason(plan: PatchPlan) -> str:
    return f"{len(plan.channels)} levels: from 16, twice as many where the grid is halved, 256 at most"


def _strides_reason(plan: PatchPlan, grid: Sequence[float]) -> str:
    if all(len(set(stride)) == 1 for stride in plan.strides):
        return "each level halves all axes, until 4 voxels are left"
    return f"voxels of {_by(grid)} mm: an axis waits while its voxels are more than twice as long as the shortest"


def _stride(stride: tuple[int, ...]) -> int | list[int]:
    return stride[0] if len(set(stride)) == 1 else list(stride)


def _loss(fingerprint: Fingerprint) -> dict[str, Advice]:
    """Dice and cross-entropy; the boundary term besides where structures are small or thin, which Dice hardly sees."""
    classes = {name: of for name, of in fingerprint["classes"].items() if of["voxels"]}
    small = {n: of["share"] for n, of in classes.items() if of["share"] < _SMALL_SHARE}
    thin = {n: of["thin_components_share"] for n, of in classes.items() if of["thin_components_share"] > _THIN_SHARE}
    if small or thin:
        why = [f"{n} is {share:.2%} of the voxels" for n, share in list(small.items())[:3]]
        why += [
            f"{share:.0%} of the components of {n} are thinner than 3 voxels" for n, share in list(thin.items())[:3]
        ]
        reason = f"Dice and cross-entropy, and the distance to the true surface in mm: {'; '.join(why)}"
        return {
            "loss": Advice("boundary", reason),
            "loss_options": Advice({}, "of the term: none are needed"),
            "balance": Advice("share", "alpha is a share of their gradient, and the weight follows, whatever the unit"),
            "alpha": Advice(0.1, "of it a tenth; more of it removes more false pieces, and misses more small ones"),
        }
    radius = [f"{n} {of['inscribed_radius_mm']['median']:.1f}" for n, of in classes.items()]
    reason = f"no structure is small or thin (largest inscribed radius in mm: {', '.join(radius) or 'none'})"
    return {
        "loss": Advice("dice_ce", f"Dice and cross-entropy alone: {reason}"),
        "loss_options": Advice({}, "none are needed"),
        "balance": Advice("weight", "there is no boundary term to balance"),
        "alpha": Advice(None, "this loss has no boundary term; `loss: boundary` and `balance: share` add one"),
    }


def _steps(dataset: VolumeDataset, plan: PatchPlan, dims: int) -> dict[str, Advice]:
    training = max(1, round(len(dataset.items) * 0.8))
    small = plan.covers and np.prod(plan.patch_size) <= 64**3
    per_epoch = max(1, training // 2) if small and dims == 3 else _ITERATIONS
    per_epoch = min(max(per_epoch, 20), 250)
    total = _WHOLE_STEPS if small else _STEPS
    epochs = 4 * max(1, round(total / per_epoch / 4))  # the bundle validates after each quarter
    what = (
        "small volumes learn within some 3,000 steps, ten minutes on a CPU"
        if small
        else "a night on a GPU; fewer to try"
    )
    return {
        "epochs": Advice(epochs, f"{epochs * per_epoch:,} steps in all: {what}"),
        "iterations": Advice(per_epoch, f"steps of an epoch; {training} cases of one fold are for training"),
    }


def _by(values: Any) -> str:
    return " x ".join(f"{v:.3g}" for v in values)
