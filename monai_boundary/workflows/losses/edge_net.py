# SPDX-License-Identifier: Apache-2.0
"""The edge network of SEMEDA in a bundle: read from a file, or fitted to the training's own labels, once."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monai_boundary.handlers.training.progress import is_terminal
from monai_boundary.networks import (
    SemanticEdgeNet,
    fit_semantic_edge_net,
    load_semantic_edge_net,
    save_semantic_edge_net,
)
from monai_boundary.workflows.runs.processes import once_per_node

logger = logging.getLogger(__name__)

_LABELS = 64  # that the fit looks at: slices of volumes, or volumes again and again


def semantic_edge_net(
    labels: Sequence[Any],
    cache_dir: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    spatial_dims: int = 2,
    num_classes: int = 2,
    key: str = "label",
    cases: int = 16,
    slice_axis: int = 2,
    **options: Any,
) -> SemanticEdgeNet:
    """Return the edge network of SEMEDA: the given one, or one fitted to the labels and kept in a folder.

    The file's name says which labels, classes, dimensions and options it was fitted to: a resumed training, and another
    seed with the same labels and folder, read it, and other labels never do. In a distributed training the first
    process fits, the others wait and read. What was done is logged.

    Args:
        labels: the training's items, as the deterministic transforms give them: dictionaries (or lists of them) with
            (C, spatial) under ``key``. Of a volume where ``spatial_dims`` is 2, slices are taken.
        cache_dir: folder of fitted networks; made if it is not there.
        path: file of `monai_boundary.networks.save_semantic_edge_net`, which is read instead.
        spatial_dims: 2 or 3.
        num_classes: channels of the prediction.
        key: of the label.
        cases: items that are looked at, spread over all.
        slice_axis: spatial axis of a volume across which slices are taken.
        options: of the fit: ``ignore_index``, ``noise``, ``target_f1``, ``max_steps``, ``patience``, ``batch_size``,
            ``learning_rate``, ``seed``, ``device``, ``progress`` (a bar, by default on a terminal alone), with the
            defaults of `monai_boundary.networks.fit_semantic_edge_net`.

    Raises:
        ValueError: if the file is not there or for other classes or dimensions, or no label has a border.

    Example:
        >>> import tempfile
        >>> label = torch.zeros(1, 32, 32)
        >>> label[:, 8:20, 10:24] = 1
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = semantic_edge_net([{"label": label}], folder, num_classes=1, max_steps=25, progress=False)
        ...     again = semantic_edge_net([{"label": label}], folder, num_classes=1, max_steps=25, progress=False)
        ...     len(list(Path(folder).iterdir())), bool(again.fitted)
        (1, True)
    """
    if path is not None:
        if not Path(path).is_file():
            raise ValueError(
                f"`semantic_edge_net` needs a file of a fitted edge network, {path} does not exist. Leave it out to "
                "fit one to the training labels."
            )
        return load_semantic_edge_net(path, spatial_dims, num_classes)
    place = Path(cache_dir)
    file = once_per_node(
        lambda: _fitted(
            _label_list(labels, key, spatial_dims, cases, slice_axis), place, spatial_dims, num_classes, options
        )
    )
    return load_semantic_edge_net(file, spatial_dims, num_classes)


def _fitted(
    labels: list[Tensor], folder: Path, spatial_dims: int, num_classes: int, options: Mapping[str, Any]
) -> Path:
    """Return the file of the network for these labels, which is there afterwards."""
    plain = {name: value for name, value in options.items() if name not in ("device", "progress")}
    target = folder / f"semantic_edge_net_{_digest(labels, spatial_dims, num_classes, plain)}.pt"
    if target.is_file():
        logger.info(f"SEMEDA: the edge network of these labels was fitted before, reading {target}.")
        return target
    logger.warning(
        f"SEMEDA: no edge network was given (semantic_edge_net): fitting one to {len(labels)} training labels, into "
        f"{target}."
    )
    repeated = labels * max(1, -(-_LABELS // (2 * max(1, len(labels)))))  # new crops of the same ones
    shown = {"progress": is_terminal(), **options}
    net = fit_semantic_edge_net(repeated, spatial_dims, num_classes, max_items=_LABELS, **shown)
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}")
    save_semantic_edge_net(net, part)
    part.replace(target)
    scores = ", ".join(f"{name} {value:.4g}" for name, value in sorted(net.scores.items()))
    logger.warning(f"SEMEDA: fitted the edge network: {scores}.")
    return target


def _label_list(labels: Sequence[Any], key: str, spatial_dims: int, cases: int, slice_axis: int) -> list[Tensor]:
    """Labels (C, spatial) of items spread over all of them."""
    if not len(labels):
        raise ValueError("`labels` needs at least one item, got none.")
    numbers = np.unique(np.linspace(0, len(labels) - 1, min(cases, len(labels))).round().astype(int))
    found: list[Tensor] = []
    for number in numbers:
        item = labels[int(number)]
        for part in item if isinstance(item, list) else [item]:
            label = torch.as_tensor(part[key]).as_subclass(Tensor)
            flat = label.ndim == spatial_dims + 1
            found += [label] if flat else _slices(label, _LABELS // len(numbers), slice_axis)
    return found


def _slices(volume: Tensor, count: int, axis: int) -> list[Tensor]:
    """Up to ``count`` slices with a border in them, spread over the axis."""
    flat = volume.movedim(axis + 1, 0)
    pixels = flat.flatten(2)
    mixed = (pixels.amax(-1) != pixels.amin(-1)).any(-1).nonzero().flatten()
    places = np.unique(np.linspace(0, len(mixed) - 1, min(max(1, count), len(mixed))).round().astype(int))
    return [flat[int(mixed[int(place)])] for place in places]


def _digest(labels: list[Tensor], spatial_dims: int, num_classes: int, options: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(repr((1, spatial_dims, num_classes, sorted(options.items()))).encode())
    for label in labels:
        digest.update(repr(tuple(label.shape)).encode())
        digest.update(label.to("cpu", torch.int16).contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
