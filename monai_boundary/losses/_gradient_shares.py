# SPDX-License-Identifier: Apache-2.0
"""How strongly each term of a loss pulls at the network's output, and the weights that give each its share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from monai_boundary._validation import check_positive
from monai_boundary.losses._uncompiled import uncompiled
from monai_boundary.ops.plain_tensor import plain_tensor

EVERY = 20  # steps between two measurements
WINDOW = 10  # measurements in the running mean
MAX_WEIGHT = 1000.0
_HALF = (torch.float16, torch.bfloat16)


class GradientShares:
    """Measures the gradients of a loss's terms, and tells the weights that follow from them.

    The gradient is that of a term with respect to the network's output (its logits), over the whole batch, all channels
    and all heads: one norm. The mean of the norms of the first ``WINDOW`` measurements is a plain mean; from then on
    each new one counts ``1 / WINDOW``. A norm that is 0 (a patch on which a term has nothing to say) or not finite is
    no measurement of that term. In several processes the mean over those that measured one is taken, so that all have
    the same weights.

    Args:
        names: of all terms.
        regional: the term that the others are compared with.
        shares: term -> the norm of its weighted gradient over that of the regional term.
        every: steps between two measurements. A term that counts and was never measured is measured at once.

    Raises:
        ValueError: if a name is no term or the regional one, a share is negative or not finite, or ``every`` is no
            integer of at least 1.

    Example:
        >>> shares = GradientShares(("region", "boundary"), "region", {"boundary": 0.5})
        >>> shares.weight("boundary", regional_weight=1.0)  # not measured yet: taken as equally strong
        0.5
    """

    def __init__(self, names: Sequence[str], regional: str, shares: Mapping[str, float], every: int = EVERY) -> None:
        if regional not in names:
            raise ValueError(f"`regional` needs the name of a term, {', '.join(names)}, got {regional!r}.")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"`measure_every` needs an integer >= 1 (steps), got {every!r}.")
        self.regional = regional
        self.every = every
        others = [name for name in names if name != regional]
        for name, share in shares.items():
            if name not in others:
                wanted = f"`shares` needs names of terms other than the regional one, {', '.join(others)}"
                raise ValueError(f"{wanted}, got {name!r}.")
            check_positive(f"shares[{name!r}]", share, zero=True)
        self.shares = {name: float(share) for name, share in shares.items()}
        self.steps = 0
        self.norms: dict[str, tuple[float, int]] = {}  # running mean, number of measurements

    def weight(self, name: str, regional_weight: float) -> float:
        """Return the weight of a term that has a share.

        Args:
            name: of the term.
            regional_weight: weight of the regional term.
        """
        ratio = 1.0
        if name in self.norms and self.regional in self.norms:
            ratio = self.norms[self.regional][0] / self.norms[name][0]
        return min(MAX_WEIGHT, self.shares[name] * regional_weight * ratio)

    def is_due(self, active: Sequence[str]) -> bool:
        """Count a step, and tell whether it is one in which the gradients are measured.

        Args:
            active: the terms that were computed in this step.
        """
        due = self.steps % self.every == 0 or any(n in self.shares and n not in self.norms for n in active)
        self.steps += 1
        return due and self.regional in active and len(active) > 1

    def measure(self, values: Mapping[str, Tensor], outputs: Sequence[Tensor]) -> dict[str, tuple[float, float]]:
        """Take the gradients into the running means.

        Args:
            values: term -> its value, with its graph, which is kept.
            outputs: what the network gave, of which the values were computed.

        Returns:
            term -> (norm over the regional term's in this step, cosine between the two), of the terms but the regional
            one that both have a gradient.
        """
        names = [self.regional, *(name for name in values if name != self.regional)]
        table = _measured([values[name] for name in names], outputs)
        found: dict[str, tuple[float, float]] = {}
        first: float | None = None
        for name, (total, count, product, pairs) in zip(names, table, strict=True):
            if not count:
                continue
            norm = total / count
            mean, seen = self.norms.get(name, (0.0, 0))
            self.norms[name] = (mean + (norm - mean) / min(seen + 1, WINDOW), seen + 1)
            first = norm if name == self.regional else first
            if name != self.regional and first is not None and pairs:
                found[name] = (norm / first, product / pairs)
        return found

    def state(self) -> dict[str, Any]:
        """Return what has to be saved, as plain values."""
        return {"shares": dict(self.shares), "steps": self.steps, "norms": {k: list(v) for k, v in self.norms.items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take what `state` returned.

        Args:
            state: shares, steps and running means.
        """
        self.shares = {name: float(state["shares"][name]) for name in self.shares}
        self.steps = int(state["steps"])
        self.norms = {name: (float(mean), int(seen)) for name, (mean, seen) in state["norms"].items()}


def network_outputs(input: Any) -> list[Tensor]:
    """Return the tensors of a network's output through which a gradient flows; none where it is not recorded.

    Args:
        input: a tensor, or several (heads) in a list or tuple.
    """
    if not torch.is_grad_enabled():
        return []
    parts = [input] if isinstance(input, Tensor) else list(input) if isinstance(input, (list, tuple)) else []
    return [part for part in parts if isinstance(part, Tensor) and part.requires_grad]


def single_precision(input: Any) -> Any:
    """Return a network's output with its half-precision tensors in float32, so that no small gradient becomes 0.

    Args:
        input: a tensor, or several (heads) in a list or tuple.
    """
    if isinstance(input, Tensor):
        return input.float() if input.dtype in _HALF else input
    return type(input)(map(single_precision, input)) if type(input) in (list, tuple) else input


@contextlib.contextmanager
def unmeasured(loss: Any) -> Iterator[None]:
    """Within it, no loss inside ``loss`` measures gradients: another call of the same step does.

    Args:
        loss: whose `CompoundLoss` parts do not count the calls.
    """
    modules: list[Any] = list(loss.modules()) if isinstance(loss, nn.Module) else []
    parts = [part for part in modules if getattr(part, "measures", False)]
    for part in parts:
        part.measures = False
    try:
        yield
    finally:
        for part in parts:
            del part.measures  # the class says true


def _gradient_table(values: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[list[float]]:
    """Of each value, over all processes: norms and how many, cosines to the first one's gradient and how many."""
    rows: list[Tensor] = []
    first, length = None, None
    for value in values:
        gradient = _gradient(value, outputs)
        norm = torch.linalg.vector_norm(gradient)
        if first is None or length is None:
            first, length = gradient, norm
        counts = norm.isfinite() & (norm > 0)
        cosine = torch.dot(gradient, first) / (norm * length)
        known = counts & cosine.isfinite()
        zero = torch.zeros_like(norm)
        pairs = [torch.where(counts, norm, zero), counts, torch.where(known, cosine, zero), known]
        rows.append(torch.stack([entry.to(norm.dtype) for entry in pairs]))
    table = torch.stack(rows)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(table)
    return [[float(entry) for entry in row] for row in table.tolist()]


def _gradient(value: Tensor, outputs: Sequence[Tensor]) -> Tensor:
    """The gradient of a value with respect to all outputs, in one row; zeros where it does not depend on them."""
    if value.requires_grad:
        parts = torch.autograd.grad(value, outputs, retain_graph=True, allow_unused=True, materialize_grads=True)
    else:
        parts = tuple(torch.zeros_like(output) for output in outputs)
    rows = [plain_tensor(part).detach().flatten() for part in parts]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


_measured = uncompiled(_gradient_table, "the gradients of the terms are measured")
