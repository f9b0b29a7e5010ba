# SPDX-License-Identifier: Apache-2.0
"""The runs of a study, each in its own process: several at once, one for each device; what is finished is kept."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml

from monai_boundary._tables import write_json
from monai_boundary.study.evaluations import StudyEvaluation, evaluations_by_name, joined_settings
from monai_boundary.study.plan import START, StudyPlan, StudyRun, with_study_dir

try:
    import fcntl
except ImportError:  # not on Windows: nothing then guards against a second process in a run's folder
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

COMMAND = ["-m", "monai.bundle", "run"]
DONE = "run.json"
LEFT = "*_evaluated.json"  # what an evaluation leaves in a run's folder for the next one: a threshold, a method
TAIL = 12
# added to every training, so that the table can say what a step costs
_STEP_TIME = {"+train::handlers": [{"_target_": "monai_boundary.handlers.StepTime"}]}


class RunError(RuntimeError):
    """A process of a run ended with an error; the message has the end of its log.

    Args:
        log: the run's log.
        code: exit code of the process.
    """

    def __init__(self, log: Path, code: int) -> None:
        super().__init__(f"{log.parent.name} ended with exit code {code}; the end of {log}:\n{log_tail(log)}")


class RunPool:
    """Runs runs of a study in processes of their own.

    A run that is finished has ``run.json``, written last. One that is not is run again with the same output folder,
    so that the bundle's own resume goes on with it; one whose network was not scored in every way that the plan has
    now is scored in those that it lacks, and not trained again. A process of a study that was killed may live on: its
    run is locked as long as it does, and is waited for.

    Args:
        plan: the study.
        study_dir: its folder; the runs are in ``runs``.
        workers: runs at once; None is one for each GPU, or one. They share the cores; OMP_NUM_THREADS lowers that.

    Raises:
        ValueError: if ``workers`` is not a positive integer.
    """

    def __init__(self, plan: StudyPlan, study_dir: str | os.PathLike[str], workers: int | None = None) -> None:
        if workers is not None and (int(workers) != workers or workers < 1):
            raise ValueError(f"`workers` needs an integer >= 1, got {workers!r}.")
        self.plan = plan
        self.study_dir = Path(study_dir).resolve()
        self.devices = visible_gpus()
        self.workers = int(workers) if workers else max(1, len(self.devices))
        self.threads = _threads_of_each(self.workers)
        self._free: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for k in range(self.workers):
            self._free.put(self.devices[k % len(self.devices)] if self.devices else None)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = threading.Event()

    def folder(self, run: StudyRun) -> Path:
        """Return the folder of a run."""
        return run.place(self.study_dir)

    def is_done(self, run: StudyRun) -> bool:
        """Tell whether a run is finished, and scored in all ways of the plan."""
        about = read_run(self.folder(run))
        return about is not None and not self._lacking(run, about)

    def run(self, runs: Sequence[StudyRun]) -> Iterator[tuple[StudyRun, RunError | None]]:
        """Run the runs that are not finished, and yield each when it ends, with its failure or None.

        Whatever ends the iteration early, ``KeyboardInterrupt`` too, ends the processes: they go on when run again.
        """
        pool = ThreadPoolExecutor(self.workers)
        futures: dict[Future[None], StudyRun] = {
            pool.submit(self._run_one, run): run for run in runs if not self.is_done(run)
        }
        try:
            for future in as_completed(futures):
                error = future.exception()
                if error is not None and not isinstance(error, RunError):
                    raise error
                yield futures[future], error
        finally:
            self._stopped.set()
            for process in list(self._running):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopped.clear()

    def _run_one(self, run: StudyRun) -> None:
        place, device = self.folder(run), self._free.get()
        place.mkdir(parents=True, exist_ok=True)
        try:
            with _locked(place / "run.lock", self._stopped) as lock:
                if self.is_done(run) or self._stopped.is_set():
                    return
                began, before = time.perf_counter(), read_run(place)
                overrides = self.plan.overrides(run, self.study_dir)
                lacking = self._lacking(run, before)
                if not before:
                    self._call(self._training(place, overrides), place / "log.txt", device, lock)
                for each in lacking:
                    self._take_over(each, place, before)
                    self._call(self._evaluation(each, place, overrides), place / "log.txt", device, lock)
                    _keep_left(place, place / each.name)
                seconds, commit, settings = time.perf_counter() - began, git_commit(), self.plan.settings()
                if before:
                    seconds += before["seconds"]
                    settings["evaluate"] = joined_settings(before["settings"]["evaluate"], settings["evaluate"])
                    later = {**before.get("scored_later", {}), **{each.name: commit for each in lacking}}
                    about = {**before, "scored_later": later, "seconds": seconds, "settings": settings}
                else:
                    about = {**run._asdict(), "overrides": overrides, "seconds": seconds, "device": device or "cpu"}
                    about |= {"threads": self.threads, "commit": commit, "settings": settings}
                write_json(about, place / DONE)
        finally:
            self._free.put(device)

    def _lacking(self, run: StudyRun, about: Mapping[str, Any] | None) -> list[StudyEvaluation]:
        """The ways of the plan in which a run has not been scored."""
        return [] if run.arm == START else lacking_evaluations(self.plan, about)

    def _take_over(self, each: StudyEvaluation, place: Path, before: Mapping[str, Any] | None) -> None:
        """Put back what the evaluation before one of the plan left for it: in a finished run others came since."""
        names = [way.name for way in self.plan.evaluate]
        if before is None or each.name == names[0]:
            return
        previous, last = names[names.index(each.name) - 1], [*evaluations_by_name(before["settings"]["evaluate"])][-1:]
        if not _keep_left(place / previous, place) and last not in ([], [previous]) and any(place.glob(LEFT)):
            logger.warning(
                f"{place.name}: the evaluation {each.name!r} comes after {last[0]!r}, not after {previous!r} as in new "
                f"runs, since an earlier version scored it: a threshold that it takes over is that of {last[0]!r}."
            )

    def _training(self, place: Path, overrides: Mapping[str, Any]) -> list[Path]:
        """Write the layers of a run's training, and return all of its files."""
        layers = {"overrides.yaml": overrides}
        if _has_train_handlers(self.plan.config):
            layers["step_time.yaml"] = _STEP_TIME
        for name, layer in layers.items():
            (place / name).write_text(yaml.safe_dump(dict(layer), sort_keys=False, width=1000), encoding="utf-8")
        return [*self.plan.config, *(place / name for name in layers)]

    def _evaluation(self, each: StudyEvaluation, place: Path, overrides: Mapping[str, Any]) -> list[Path]:
        """Write the layer of an evaluation of a run, and return its files."""
        known = yaml.safe_load(each.config.read_text(encoding="utf-8"))
        options = with_study_dir(each.options(overrides, known, place), str(self.study_dir))
        own = place / f"{each.name}_overrides.yaml"
        own.write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
        return [each.config, own]

    def _call(self, configs: Sequence[Path], log: Path, device: str | None, lock: int | None) -> None:
        command = [sys.executable, *COMMAND, "--config_file", str([str(p) for p in configs])]
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.threads)}
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = device
        with log.open("ab") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=() if lock is None else (lock,),
            )
            self._running.add(process)
            if self._stopped.is_set():
                process.terminate()
            code = process.wait()
            self._running.discard(process)
        if code:
            raise RunError(log, code)


def log_tail(path: str | os.PathLike[str], lines: int = TAIL) -> str:
    """Return the last lines of a log, indented; of a progress bar only its last state."""
    text = Path(path).read_bytes().decode(errors="replace")
    last = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n") if line.strip()]
    return "\n".join(f"    {line}" for line in last[-lines:])


def visible_gpus() -> list[str]:
    """Return the names of the GPUs as ``CUDA_VISIBLE_DEVICES`` takes them; none on a machine without."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    import torch  # takes a second, and only the runs need it

    return [str(k) for k in range(torch.cuda.device_count())]


def git_commit() -> str:
    """Return the commit of the working directory with ``+`` if files were changed, or nothing where there is no git."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def read_run(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return what ``run.json`` says, or None if the run is not finished."""
    path = Path(folder) / DONE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def lacking_evaluations(plan: StudyPlan, about: Mapping[str, Any] | None) -> list[StudyEvaluation]:
    """Return the ways of the plan in which a run has not been scored: all, where it is not finished.

    Args:
        plan: the study.
        about: of :func:`read_run`; where it does not say how it was scored, an earlier version made it, in all ways.
    """
    if about is not None and "settings" not in about:
        return []
    done = {} if about is None else evaluations_by_name(about["settings"]["evaluate"])
    return [each for each in plan.evaluate if each.name not in done]


def _keep_left(source: Path, place: Path) -> bool:
    """Copy what an evaluation left, and tell whether there is any."""
    left = list(source.glob(LEFT))
    for path in left:
        place.mkdir(exist_ok=True)
        shutil.copyfile(path, place / path.name)
    return bool(left)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads_of_each(workers: int) -> int:
    """The cores' share of each process, or OMP_NUM_THREADS where that is less."""
    share, given = max(1, _cores() // workers), os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(given)) if given.isdigit() and int(given) > 0 else share


def _has_train_handlers(configs: Sequence[Path]) -> bool:
    layers = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in configs]
    return any(isinstance((layer.get("train") or {}).get("handlers"), list) for layer in layers)


@contextlib.contextmanager
def _locked(path: Path, stopped: threading.Event) -> Iterator[int | None]:
    """Hold a lock that a child process inherits, and keeps if this process is killed; yield its descriptor."""
    with path.open("w") as file:
        told = fcntl is None
        while fcntl is not None and not stopped.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    logger.warning(f"{path.parent.name} is still run by a process of a study that was killed: waiting.")
                told = True
                stopped.wait(0.5)
        yield None if fcntl is None else file.fileno()
