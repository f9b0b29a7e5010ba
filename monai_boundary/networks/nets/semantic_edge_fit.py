# SPDX-License-Identifier: Apache-2.0
"""Fit the edge network of SEMEDA to true masks: seconds, once per data set."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from monai.utils import optional_import
from torch import Tensor

from monai_boundary._validation import check_positive
from monai_boundary.networks.nets.semantic_edge_net import SemanticEdgeNet
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.edges import edge_masks

_CROP = {2: 64, 3: 16}
_PER_ITEM = 16  # crops, every other one around an edge
_EVERY = 25  # steps between two looks at the held-out crops


def fit_semantic_edge_net(
    labels: Iterable[Any],
    spatial_dims: int = 2,
    num_classes: int = 2,
    *,
    key: str = "label",
    ignore_index: int | None = None,
    noise: float = 0.0,
    target_f1: float = 0.995,
    max_steps: int = 600,
    patience: int = 8,
    max_items: int = 64,
    batch_size: int = 8,
    learning_rate: float = 1e-2,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> SemanticEdgeNet:
    """Fit a `SemanticEdgeNet` to the semantic edges of true masks (Chen et al. 2020, section 3.3, Eq. 7).

    Crops of the labels (64 voxels wide in 2-D, 16 in 3-D; half of them around an edge) are fitted by Adam with
    cross-entropy. One crop in 7 is held out; fitting stops when their edges reach ``target_f1``, or do not improve
    ``patience`` times in a row, and the best weights are kept.

    Args:
        labels: a data loader or any iterable of labels: tensors or arrays (B, C, spatial), (C, spatial) or (spatial),
            or dictionaries that hold them under ``key``. Class indices in one channel, or 0 and 1 in ``num_classes``
            channels.
        spatial_dims: 2 or 3.
        num_classes: background included; 1 for a lone mask of 0 and 1 in one channel.
        key: of the label in a dictionary.
        ignore_index: value of an index label that belongs to no class. Beside it nobody knows whether there is an
            edge, but where two known classes meet: such voxels are not fitted.
        noise: predictions are soft, and a network fitted to hard masks has never seen such: replace up to this share
            (0..1) of each voxel's one-hot vector by a random distribution over the classes. 0 is the paper.
        target_f1: F1 of the held-out edges that is enough.
        max_steps: of the optimiser.
        patience: looks at the held-out crops (one every 25 steps) without a better F1 after which the fit ends.
        max_items: labels that are looked at.
        batch_size: crops in a step.
        learning_rate: of Adam.
        seed: of crops, weights and noise; the global random state is left as it is.
        device: where to fit.
        progress: show a progress bar, where tqdm is installed.

    Returns:
        The network in eval mode, on the CPU, with ``fitted`` set and its ``scores``: ``accuracy``, ``f1``, ``steps``.

    Raises:
        ValueError: if there are no labels, none of them has an edge, their shape or classes do not fit, or an argument
            is out of range.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 32, 32)
        >>> label[:, 8:20, 10:24] = 1
        >>> net = fit_semantic_edge_net([label], max_steps=25, progress=False)
        >>> bool(net.fitted), sorted(net.scores)
        (True, ['accuracy', 'f1', 'steps'])
    """
    if not 0 <= noise <= 1:
        raise ValueError(f"`noise` needs a share between 0 and 1, got {noise!r}.")
    for name, value in (("max_steps", max_steps), ("patience", patience), ("batch_size", batch_size)):
        check_positive(name, value)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SemanticEdgeNet(spatial_dims, num_classes)
    crops = _crops(islice(_each(labels, key, spatial_dims), max_items), net, ignore_index, generator)
    held = torch.arange(len(crops.masks)) % 7 == 0
    check = crops.of(held if bool(crops.edges[held].any()) else held | True)
    train = crops.of(~held)
    net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), learning_rate)
    best, stale, state = -1.0, 0, net.state_dict()
    steps = _bar(max_steps, progress)
    for step in steps:
        chosen = train.of(torch.randint(len(train.masks), (batch_size,), generator=generator))
        optimizer.zero_grad()
        _entropy(net, chosen, _soften(chosen.masks, noise, generator)).backward()
        optimizer.step()
        if (step + 1) % _EVERY and step + 1 < max_steps:
            continue
        scores = edge_scores(net, check.masks, check.edges, check.known)
        stale += 1
        if scores["f1"] > best:
            best, stale, state = scores["f1"], 0, copy.deepcopy(net.state_dict())
            net.scores = {**scores, "steps": float(step + 1)}
        if hasattr(steps, "set_postfix"):
            steps.set_postfix(scores)
        if best >= target_f1 or stale >= patience:
            break
    net.load_state_dict(state)
    net.fitted.fill_(True)
    return net.cpu().eval().requires_grad_(False)


@dataclass(frozen=True)
class _Crops:
    """One-hot crops (N, C, spatial), their edges (N, 1, spatial), and which voxels count."""

    masks: Tensor
    edges: Tensor
    known: Tensor

    def of(self, chosen: Tensor) -> _Crops:
        return _Crops(self.masks[chosen], self.edges[chosen], self.known[chosen])


def _entropy(net: SemanticEdgeNet, crops: _Crops, inputs: Tensor) -> Tensor:
    """The mean cross-entropy of the edges over the voxels that count."""
    device = net.fitted.device
    entropy = F.cross_entropy(net(inputs.to(device)), crops.edges[:, 0].long().to(device), reduction="none")
    weight = crops.known[:, 0].to(device)
    return (entropy * weight).sum() / weight.sum().clamp(min=1)


@torch.no_grad()
def edge_scores(net: SemanticEdgeNet, masks: Tensor, edges: Tensor, known: Tensor | None = None) -> dict[str, float]:
    """Return how well a network finds the edges of masks.

    Args:
        net: the network.
        masks: one-hot, (B, C, spatial).
        edges: true edges, (B, 1, spatial), from `monai_boundary.ops.semantic_edges`.
        known: voxels that count, (B, 1, spatial).

    Returns:
        ``accuracy`` of all voxels and ``f1`` of the edges; F1 is NaN where there is neither a true nor a found edge.

    Example:
        >>> import torch
        >>> edge_scores(SemanticEdgeNet(), torch.zeros(1, 2, 4, 4), torch.ones(1, 1, 4, 4).bool())["accuracy"] <= 1
        True
    """
    counts = torch.zeros(3, dtype=torch.float64)
    total = 0
    device = net.fitted.device
    for start in range(0, len(masks), 16):
        part = slice(start, start + 16)
        logits = net(masks[part].to(device, torch.float32)).cpu()
        found, true = logits[:, 1:] > logits[:, :1], edges[part]
        weigh = torch.ones_like(true) if known is None else known[part]
        pairs = (found & true, found ^ true, true == found)
        counts += torch.stack([(pair & weigh).sum() for pair in pairs])
        total += int(weigh.sum())
    both, wrong, right = counts.tolist()
    f1 = 2 * both / (2 * both + wrong) if both + wrong else float("nan")
    return {"accuracy": right / max(1, total), "f1": f1}


def _each(labels: Iterable[Any], key: str, spatial_dims: int) -> Iterable[Tensor]:
    """Every label as (C, spatial)."""
    for item in labels:
        value = item[key] if isinstance(item, Mapping) else item
        label = torch.as_tensor(value).as_subclass(Tensor)
        if label.ndim == spatial_dims:
            label = label[None]
        if label.ndim not in (spatial_dims + 1, spatial_dims + 2):
            raise ValueError(
                f"`labels` needs (C, spatial) or (B, C, spatial) with {spatial_dims} spatial axes, got shape "
                f"{tuple(label.shape)}."
            )
        yield from label if label.ndim == spatial_dims + 2 else (label,)


def _crops(
    labels: Iterable[Tensor], net: SemanticEdgeNet, ignore_index: int | None, generator: torch.Generator
) -> _Crops:
    """Crops of every label; every other one lies around an edge."""
    size = _CROP[net.spatial_dims]
    masks, known = [], []
    for label in labels:
        hot, counted = _one_hot(label.cpu(), net.num_classes, ignore_index)
        for axis in range(1, hot.ndim):  # a label smaller than the crop continues as it is at its frame
            short = max(0, size - hot.shape[axis])
            if short:
                places = torch.arange(hot.shape[axis] + short).clamp(max=hot.shape[axis] - 1)
                hot, counted = hot.index_select(axis, places), counted.index_select(axis, places)
        where = _known_edges(hot[None], counted[None])[0][0, 0].nonzero()
        for number in range(_PER_ITEM):
            start = [int(torch.randint(n - size + 1, (), generator=generator)) for n in hot.shape[1:]]
            if number % 2 and len(where):
                centre = where[int(torch.randint(len(where), (), generator=generator))].tolist()
                start = [min(max(0, c - size // 2), n - size) for c, n in zip(centre, hot.shape[1:], strict=True)]
            index = (slice(None), *(slice(s, s + size) for s in start))
            masks.append(hot[index])
            known.append(counted[index])
    if not masks:
        raise ValueError("`labels` needs at least one label, got none.")
    all_masks, all_known = torch.stack(masks), torch.stack(known)
    edges, all_known = _known_edges(all_masks, all_known)
    if not bool(edges.any()):
        raise ValueError("`labels` needs a border between two classes, got labels of one class each.")
    return _Crops(all_masks, edges, all_known)


def _known_edges(masks: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The edges between known voxels, and where it is known whether there is one.

    A voxel beside an ignored area is an edge where a known neighbour has another label; else nobody knows.
    """
    steps = masks.ndim - 2
    edges = edge_masks(masks, connectivity=steps, known=known).any(1, keepdim=True)
    pool = F.max_pool2d if steps == 2 else F.max_pool3d
    beside = pool((~known).float(), 3, 1, 1) > 0
    return edges, known & (edges | ~beside)


def _one_hot(label: Tensor, num_classes: int, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """Masks (C, spatial) and the voxels that belong to a class (1, spatial)."""
    indices = len(label) == 1 and num_classes > 1
    hot = class_masks(label[None], num_classes if indices else None, ignore_index if indices else None)[0]
    if len(hot) != num_classes:
        raise ValueError(f"`labels` needs 1 or {num_classes} channels for num_classes={num_classes}, got {len(hot)}.")
    return hot, hot.any(0, keepdim=True) if indices else torch.ones_like(hot[:1])


def _soften(masks: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """The masks with a random share, up to ``noise``, of every voxel's distribution replaced by a random one."""
    hard = masks.float()
    if not noise:
        return hard
    share = noise * torch.rand((len(hard), 1, *hard.shape[2:]), generator=generator)
    other = torch.rand(hard.shape, generator=generator)
    if hard.shape[1] > 1:
        other = (4 * other).softmax(1)
    return (1 - share) * hard + share * other


def _bar(steps: int, progress: bool) -> Any:
    trange, found = optional_import("tqdm.auto", name="trange")
    return trange(steps, desc="semantic edges", leave=False) if progress and found else range(steps)
