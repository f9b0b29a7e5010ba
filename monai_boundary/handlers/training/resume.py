# SPDX-License-Identifier: Apache-2.0
"""A training that was killed goes on where it was: one checkpoint with everything, written atomically."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from ignite.engine import Events
from monai.data.utils import set_rnd
from monai.engines.workflow import Workflow

from monai_boundary.handlers.training.checkpoint_file import load_checked, save_atomically
from monai_boundary.handlers.training.termination import StoppedTraining, Termination, random_state, set_random_state

Settings = Mapping[str, Any]


def lower_is_better(current: float, best: float) -> bool:
    """Return whether an error-like metric improved, as ``metric_cmp_fn`` of an evaluator. NaN is worse than any number.

    Example:
        >>> lower_is_better(0.2, 0.3), lower_is_better(float("nan"), 0.3), lower_is_better(0.3, float("nan"))
        (True, False, True)
    """
    return current < best or (math.isnan(best) and not math.isnan(current))


def higher_is_better(current: float, best: float) -> bool:
    """Return whether a score improved, as ``metric_cmp_fn`` of an evaluator. NaN is worse than any number.

    Example:
        >>> higher_is_better(0.4, 0.3), higher_is_better(float("nan"), 0.3), higher_is_better(0.3, float("nan"))
        (True, False, True)
    """
    return current > best or (math.isnan(best) and not math.isnan(current))


def _as_saved(value: Any) -> Any:
    return [_as_saved(item) for item in value] if isinstance(value, (list, tuple)) else value


def _is_main_process() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def _unwrapped(item: Any) -> Any:
    parallel = (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)
    return item.module if isinstance(item, parallel) else item


class SeedEveryEpoch:
    """Seed all generators, and the random transforms of a dataset, from ``seed`` and the epoch's number.

    A resumed training then draws what the uninterrupted one would have drawn: nothing random is carried from one
    epoch to the next, so no generator's state needs saving. Each process of a distributed training draws numbers of its
    own, as for dropout; what the bundles' sampler draws does not depend on the process.

    Args:
        seed: the training's seed; ``None`` does nothing.
        dataset: its random transforms are seeded too (with ``num_workers: 0`` they live in this process; in worker
            processes MONAI seeds them from PyTorch's generator).
        sampler: is told the epoch, if it has ``set_epoch``: the bundles' draws follow from it.

    Example:
        >>> SeedEveryEpoch(seed=0).seed
        0
    """

    def __init__(self, seed: int | None, dataset: Any = None, sampler: Any = None) -> None:
        self.seed = seed
        self.sampler = sampler
        self.transform = getattr(dataset, "transform", None)

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Seed for ``engine.state.epoch``."""
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(engine.state.epoch)
        if self.seed is None:
            return
        words = np.random.SeedSequence((self.seed, engine.state.epoch, engine.state.rank)).generate_state(3)
        random.seed(int(words[0]))
        np.random.seed(int(words[1]))  # noqa: NPY002 - MONAI's transforms draw from the global generator
        torch.manual_seed(int(words[2]))
        set_rnd(self.transform, seed=int(words[0]))


class ResumeTraining:
    """Save everything a training needs after every epoch, and go on from there when the same command runs again.

    The checkpoint holds the epoch, the state of each object of ``state`` (network, optimizer, scheduler, ...), and
    the evaluator's best metric, so that a resumed training never takes a worse network for the best one. Of the best
    epoch the network alone is written to ``best_path``, after the checkpoint that knows about it; if the process is
    killed between the two, resuming writes it again. All files are written atomically, by the first process; every
    process reads. The checkpoint is the last thing of an epoch, after what all other handlers that were attached before
    the training started do at its end: an epoch that a checkpoint has is one whose row and records are written.

    SIGTERM ends the training after the step that runs, with a checkpoint from within the epoch, a message, and exit
    code 143 (``StoppedTraining``). The training that resumes passes over the batches that were done, and goes on to the
    same weights. In a validation the epoch is finished first. Of several processes each ends at once: the checkpoint of
    the last epoch stands.

    Where MONAI's ``CheckpointSaver`` and ``CheckpointLoader`` differ: they lose the best metric, keep the old number of
    iterations per epoch, and cannot take the trainer from a handler of its own configuration.

    Args:
        path: the checkpoint. Resuming is automatic if it exists and ``resume`` is true.
        state: name -> object with ``state_dict`` and ``load_state_dict``. DDP wrappers are taken off.
        evaluator: validation engine with a key metric.
        best_path: where the network of the best epoch goes (its plain state dictionary).
        best_name: the entry of ``state`` that is written to ``best_path``.
        interval: epochs between checkpoints. A new best epoch is always saved.
        resume: false starts anew and overwrites.
        settings: what must not change between the runs (plain values); a difference raises. What a checkpoint of an
            earlier version does not say is not compared, and a line of the log names it.

    Raises:
        ValueError: if ``best_path`` is given without ``evaluator`` or without the entry ``best_name``; when the
            training starts, if ``settings`` differ from those of the checkpoint, or its network is another, so that
            two trainings are not mixed, or if the checkpoint is damaged.
        OSError: if the checkpoint cannot be written, as on a full disk; the one before it is whole.
        StoppedTraining: after SIGTERM.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        state: Mapping[str, Any],
        evaluator: Workflow | None = None,
        best_path: str | os.PathLike[str] | None = None,
        best_name: str = "network",
        interval: int = 1,
        resume: bool = True,
        settings: Settings | None = None,
    ) -> None:
        if best_path is not None and (evaluator is None or best_name not in state):
            raise ValueError(f"`best_path` needs `evaluator`, and {best_name!r} in `state`, got {sorted(state)}.")
        if interval < 1:
            raise ValueError(f"`interval` needs an integer >= 1 (epochs), got {interval!r}.")
        self.path = Path(path)
        self.state = dict(state)
        self.evaluator = evaluator
        self.best_path = None if best_path is None else Path(best_path)
        self.best_name = best_name
        self.interval = interval
        self.resume = resume
        self.settings = dict(settings or {})
        self._termination: Termination | None = None
        self._within: Mapping[str, Any] | None = None  # of an epoch in which the checkpoint was written

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.STARTED, self.load)
        engine.add_event_handler(Events.EPOCH_STARTED, self._enter)
        engine.add_event_handler(Events.GET_BATCH_STARTED, self._pass_over)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._stop_if_asked)
        engine.add_event_handler(Events.COMPLETED, self._forget_signal)

    def save(self, engine: Workflow) -> None:
        """Write the checkpoint, then the network if this epoch is the best so far; end the process after SIGTERM."""
        epoch = engine.state.epoch
        is_best = self._best_epoch() == epoch
        asked = self._termination is not None and self._termination.asked
        due = is_best or asked or epoch % self.interval == 0 or epoch == engine.state.max_epochs
        if due and _is_main_process():
            save_atomically(self._content(engine, {"epoch": epoch}), self.path)
            if is_best:
                self._save_best()
        if asked:
            self._stop(engine, f"{self.path} has epoch {epoch}")

    def _stop_if_asked(self, engine: Workflow) -> None:
        """Write a checkpoint from within the epoch, and end the process, after SIGTERM."""
        if self._termination is None or not self._termination.asked:
            return
        epoch, done = engine.state.epoch, engine.state.iteration % engine.state.epoch_length
        if done == 0:  # validation and the epoch's own checkpoint come first
            return
        if dist.is_available() and dist.is_initialized():
            self._stop(engine, f"{self.path} is that of the last epoch that was finished")
        sums = getattr(engine.state, "loss_sums", {}).items()
        plain = {name: value.as_subclass(torch.Tensor) for name, value in sums}
        within = {"done": done, "random": random_state(), "sums": plain}
        save_atomically(self._content(engine, {"epoch": epoch - 1, "within": within}), self.path)
        self._stop(engine, f"{self.path} has epoch {epoch} as far as step {done} of {engine.state.epoch_length}")

    def _stop(self, engine: Workflow, saved: str) -> None:
        message = f"Ended by SIGTERM: {saved}. The same command goes on from there."
        engine.logger.warning(message)
        self._forget_signal()
        raise StoppedTraining(message)

    def _content(self, engine: Workflow, training: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {name: _unwrapped(item).state_dict() for name, item in self.state.items()}
        content["training"] = {**training, "settings": self.settings, "best": self._best_metric()}
        if engine.scaler is not None:
            content["scaler"] = engine.scaler.state_dict()
        return content

    def _enter(self, engine: Workflow) -> None:
        """Give the epoch that was begun before its sums of the loss."""
        if self._within is not None:
            engine.state.loss_sums = dict(self._within["sums"])

    def _pass_over(self, engine: Workflow) -> None:
        """Draw the batches of an epoch that were done before, so that the next ones are what they would have been."""
        within, self._within = self._within, None
        if within is not None:
            for _ in range(within["done"]):
                next(engine._dataloader_iter)  # type: ignore[arg-type]  # it is there once an epoch runs
            set_random_state(within["random"])

    def _forget_signal(self) -> None:
        """Give SIGTERM back."""
        if self._termination is not None:
            self._termination.forget()
            self._termination = None

    def load(self, engine: Workflow) -> None:
        """Restore the training from the checkpoint, if there is one and ``resume`` is true."""
        self._termination = Termination(engine)
        if not engine.has_event_handler(self.save, Events.EPOCH_COMPLETED):
            # added now, so that it comes after what any handler attached to the end of an epoch
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)
        if not self.resume or not self.path.is_file():
            return
        content = load_checked(self.path, "checkpoint", engine.state.device)
        training = content.get("training") if isinstance(content, dict) else None
        if training is None:
            raise ValueError(f"`checkpoint` needs what a training wrote, {self.path} is another file.")
        self._check_settings(training["settings"], engine)
        for name, item in self.state.items():
            if name not in content:
                raise ValueError(f"{self.path} needs the entry {name!r}, it has: {', '.join(sorted(content))}.")
            self._restore(name, _unwrapped(item), content[name])
        scaler = engine.scaler
        if "scaler" in content and scaler is not None:
            scaler.load_state_dict(content["scaler"])
        # The loader of this run decides how long an epoch is: the iterations done are counted in its epochs.
        engine.state.epoch = training["epoch"]
        self._within = training.get("within")
        done = self._within["done"] if self._within is not None else 0
        engine.state.iteration = training["epoch"] * (engine.state.epoch_length or 0) + done
        if self.evaluator is not None and training["best"] is not None:
            self.evaluator.state.best_metric, self.evaluator.state.best_metric_epoch = training["best"]
        if self._best_epoch() == training["epoch"] and not done and _is_main_process():
            self._save_best()
        self._report(engine)

    def _report(self, engine: Workflow) -> None:
        epoch, last = engine.state.epoch, engine.state.max_epochs
        start_anew = "To start anew give another output folder, or `resume: false`."
        if last is not None and epoch >= last:
            engine.logger.warning(f"{self.path} has all of its {last} epochs done ({epoch}): no training. {start_anew}")
        else:
            step = "" if self._within is None else f" and step {self._within['done']} of the next"
            engine.logger.warning(f"Resuming after epoch {epoch} of {last}{step} from {self.path}. {start_anew}")

    def _restore(self, name: str, item: Any, state: Any) -> None:
        try:
            item.load_state_dict(state)
        except (RuntimeError, ValueError, KeyError) as error:
            first = " ".join(str(error).split("\n")[:2]).replace("\t", "")
            raise ValueError(
                f"`state` needs {name!r} to be that of the checkpoint {self.path}, got another: {first} Give the "
                "training's own options, another output folder, or `resume: false` to overwrite it."
            ) from error

    def _check_settings(self, saved: Settings, engine: Workflow) -> None:
        unsaid = [key for key in self.settings if key not in saved]
        keys = [key for key in {**saved, **self.settings} if key not in unsaid]
        keys = [key for key in keys if _as_saved(saved[key]) != _as_saved(self.settings.get(key))]
        if keys:
            changes = ", ".join(f"{key}: {saved.get(key)!r} there, {self.settings.get(key)!r} now" for key in keys)
            raise ValueError(
                f"`settings` need to be those of the checkpoint {self.path} to resume it, got other values ({changes})."
                " Give another output folder, or `resume: false` to overwrite it."
            )
        if unsaid and saved:
            engine.logger.warning(f"{self.path} is of an earlier version, and does not say: {', '.join(unsaid)}.")

    def _best_metric(self) -> list[float] | None:
        if self.evaluator is None or self._best_epoch() is None:
            return None
        return [float(self.evaluator.state.best_metric), int(self.evaluator.state.best_metric_epoch)]

    def _best_epoch(self) -> int | None:
        epoch = -1 if self.evaluator is None else self.evaluator.state.best_metric_epoch
        return None if epoch < 0 else epoch

    def _save_best(self) -> None:
        if self.best_path is not None:
            save_atomically(_unwrapped(self.state[self.best_name]).state_dict(), self.best_path)


class StopWithoutImprovement:
    """End a training when the evaluator's key metric has not improved for ``patience`` epochs.

    The count follows from the evaluator's best epoch, so it survives resuming; that of MONAI's ``EarlyStopHandler``
    does not.

    Args:
        evaluator: validation engine with a key metric.
        patience: epochs without improvement; ``None`` or 0 never stops.
        first_epoch: counting starts here, for example after a warm-up.

    Raises:
        ValueError: if the patience is negative: it would be over in the first epoch.

    Example:
        >>> from types import SimpleNamespace
        >>> StopWithoutImprovement(SimpleNamespace(), patience=15).patience
        15
    """

    def __init__(self, evaluator: Workflow, patience: int | None, first_epoch: int = 0) -> None:
        if patience is not None and patience < 0:
            raise ValueError(f"`patience` needs epochs >= 0 (0 never stops), got {patience!r}.")
        self.evaluator = evaluator
        self.patience = patience
        self.first_epoch = first_epoch

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, after the ``ValidationHandler`` and ``ResumeTraining``."""
        engine.add_event_handler(Events.STARTED, self)  # a training that had stopped stays stopped when it is run again
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow) -> None:
        """Terminate ``engine`` if the patience is over."""
        best = self.evaluator.state.best_metric_epoch
        if not self.patience or best < 0 or engine.state.epoch - max(best, self.first_epoch) < self.patience:
            return
        engine.logger.warning(f"No improvement since epoch {best}: stopping after epoch {engine.state.epoch}.")
        engine.terminate()
