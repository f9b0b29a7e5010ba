# SPDX-License-Identifier: Apache-2.0
"""What a study is: a bundle, the arms that are compared, seeds, folds, and the scores that are reported."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from monai_boundary._bundle_folders import bundle_names, find_bundle
from monai_boundary._validation import check_choice, check_positive
from monai_boundary.study.evaluations import (
    DEFAULT,
    StudyEvaluation,
    evaluation_entry,
    evaluation_settings,
    option_root,
    read_evaluations,
)
from monai_boundary.study.protocol import StudyProtocol, read_protocol

Overrides = dict[str, Any]
START = "start"  # the network of a (seed, fold) that its arms go on from
_KEYS = (
    *("bundle", "config", "evaluate", "common", "start", "arms", "base", "seeds", "folds", "scores", "metrics"),
    "protocol",
)
_GIVEN = ("seed", "fold", "output_dir")


class StudyMetric(NamedTuple):
    """A score of a run: its name, its title in tables, whether lower is better, and where a run's files have it.

    ``source`` is a JSON file in the run's folder and the keys in it: ``metrics.json::last::dice``. ``spread`` is the
    standard deviation that is expected of the paired differences between two arms, for what the design can see.
    """

    name: str
    title: str
    lower: bool
    source: str
    spread: float | None = None


class StudyRun(NamedTuple):
    """One training: an arm with a seed and a fold (None where the study has no folds)."""

    arm: str
    seed: int
    fold: int | None

    @property
    def folder(self) -> str:
        """Name of the run's folder."""
        fold = "" if self.fold is None else f"_fold{self.fold}"
        return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', self.arm).strip('_')}_seed{self.seed}{fold}"

    def place(self, study_dir: str | os.PathLike[str]) -> Path:
        """Return the run's folder in the folder of its study, for all that write there or read."""
        return Path(study_dir) / "runs" / self.folder

    @property
    def pair(self) -> tuple[int, int | None]:
        """What a run has in common with those of other arms it is compared with."""
        return self.seed, self.fold


@dataclass(frozen=True)
class StudyPlan:
    """A grid of arms, seeds and folds on one bundle; made by :func:`read_study`.

    Args:
        bundle: folder that holds ``configs``.
        config: files of the training, in layers.
        arms: name -> overrides.
        base: the arm that the others are compared with.
        metrics: scores to report.
        seeds: given to the training as ``seed``.
        folds: given as ``fold``; ``(None,)`` gives none.
        common: overrides of every run.
        evaluate: what scores the network after the training, one after the other.
        start: overrides of a training before those of the arms, one for each seed and fold, whose network they get as
            ``init_checkpoint``; or None.
        protocol: which seeds or folds choose; None where nothing is chosen.
    """

    bundle: Path
    config: tuple[Path, ...]
    arms: Mapping[str, Overrides]
    base: str
    metrics: tuple[StudyMetric, ...]
    seeds: tuple[int, ...] = (0,)
    folds: tuple[int | None, ...] = (None,)
    common: Overrides = field(default_factory=dict)
    evaluate: tuple[StudyEvaluation, ...] = ()
    start: Overrides | None = None
    protocol: StudyProtocol | None = None

    def runs(self) -> list[StudyRun]:
        """Return the runs in the order in which they run: whole seeds first, so that a part can be compared."""
        return [StudyRun(arm, seed, fold) for seed in self.seeds for fold in self.folds for arm in self.arms]

    def starts(self) -> list[StudyRun]:
        """Return the trainings that have to be done before those of the arms."""
        if self.start is None:
            return []
        return [StudyRun(START, seed, fold) for seed in self.seeds for fold in self.folds]

    def overrides(self, run: StudyRun, study_dir: str | os.PathLike[str]) -> Overrides:
        """Return what a run's training gets on top of the configuration.

        Args:
            run: one of the plan's.
            study_dir: folder of the study; ``{study_dir}`` in a text is replaced by it.
        """
        root = Path(study_dir).resolve()
        own = self.start or {} if run.arm == START else dict(self.arms[run.arm])
        if self.start is not None and run.arm != START:
            begin = StudyRun(START, run.seed, run.fold)
            own = {"init_checkpoint": str(begin.place(root) / "model.pt"), **own}
        fold = {} if run.fold is None else {"fold": run.fold}
        chosen = {**self.common, **own, "seed": run.seed, **fold, "output_dir": str(run.place(root))}
        return {key: with_study_dir(value, str(root)) for key, value in chosen.items()}

    def settings(self) -> dict[str, Any]:
        """Return what two runs in the same folder need to have in common, apart from the arms (as plain data)."""
        names = {"bundle": self.bundle.name, "config": [path.name for path in self.config]}
        evaluate = evaluation_settings(self.evaluate)
        return {**names, "evaluate": evaluate, "common": dict(self.common), "start": self.start}

    def as_dict(self) -> dict[str, Any]:
        """Return the mapping of which :func:`read_study` makes the plan again."""
        metrics = {
            m.name: {"better": "lower" if m.lower else "higher", "title": m.title, "from": m.source, "spread": m.spread}
            for m in self.metrics
        }
        return {
            "bundle": str(self.bundle),
            "config": [str(path) for path in self.config],
            "evaluate": evaluation_entry(self.evaluate),
            "common": dict(self.common),
            "start": self.start,
            "arms": {name: dict(own) for name, own in self.arms.items()},
            "base": self.base,
            "seeds": list(self.seeds),
            "folds": None if self.folds == (None,) else list(self.folds),
            "metrics": metrics,
            "protocol": None if self.protocol is None else self.protocol.as_dict(),
        }

    def part(self, name: str) -> StudyPlan:
        """Return the plan of the runs that choose, or of those that confirm; itself where nothing is chosen.

        Args:
            name: ``"choosing"`` or ``"confirming"``. Of a plan that was restricted to the other part, it has no run.
        """
        if self.protocol is None:
            return self
        if self.protocol.by == "seeds":
            return replace(self, seeds=self.protocol.kept(name, self.seeds))
        return replace(self, folds=self.protocol.kept(name, self.folds))

    def restricted(
        self, arms: Sequence[str] | None = None, seeds: Sequence[int] | None = None, folds: Sequence[int] | None = None
    ) -> StudyPlan:
        """Return the plan with some of its arms (the base is always among them), and other seeds and folds.

        Args:
            arms: names of the plan; None for all.
            seeds: None for those of the plan.
            folds: None for those of the plan.

        Raises:
            ValueError: if the plan lacks an arm.
        """
        for name in arms or ():
            _check_known("arms", name, self.arms)
        chosen = {k: v for k, v in self.arms.items() if arms is None or k in arms or k == self.base}
        return replace(
            self,
            arms=chosen,
            seeds=self.seeds if seeds is None else _whole_numbers("seeds", seeds),
            folds=self.folds if folds is None else _whole_numbers("folds", folds),
        )


def with_study_dir(value: Any, study_dir: str) -> Any:
    """Return an override with ``{study_dir}`` in its texts replaced, at any depth.

    Example:
        >>> with_study_dir({"net": ["{study_dir}/edge.pt", 3]}, "/out")
        {'net': ['/out/edge.pt', 3]}
    """
    if isinstance(value, str):
        return value.replace("{study_dir}", study_dir)
    if isinstance(value, Mapping):
        return {key: with_study_dir(item, study_dir) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_study_dir(item, study_dir) for item in value]
    return value


def read_study(source: str | os.PathLike[str] | Mapping[str, Any], **common: Any) -> StudyPlan:
    """Return the plan of a YAML file, or of a dictionary with the same content.

    Args:
        source: file or dictionary with ``bundle`` (folder, from the working directory or from the file's folder; or the
            name of one that comes with the package), ``arms`` (name -> overrides), ``base``, ``metrics`` (name ->
            ``higher`` or ``lower``, or a dictionary with ``better``, ``title``, ``from`` and ``spread``), and
            optionally ``config`` (``train.yaml``), ``evaluate`` (a file; or name -> overrides, each into the folder of
            its name: ``{evaluation: {}, other: {test_dir: X}}``), ``common``, ``start``, ``seeds``, ``folds``,
            ``scores`` (``last`` epoch, the default, or ``best``) and ``protocol`` (``{choosing: {folds: [0, 1]}}``).
        common: overrides of every run, over those of the file; ``"false"`` and ``"null"`` are read by the kind of the
            option's default.

    Raises:
        ValueError: if a key is unknown or missing, the bundle is not found, the base is no arm, or the configuration
            does not know an override.
        TypeError: if an entry has another form.
    """
    content, beside = _load(source)
    for key in content:
        check_choice("study", key, _KEYS)
    for key in ("bundle", "arms", "base", "metrics"):
        if key not in content:
            raise ValueError(f"`study` needs the entry {key!r}, it has: {', '.join(content) or 'nothing'}.")
    bundle = _bundle(str(content["bundle"]), beside)
    names = content.get("config", "train.yaml")
    start = content.get("start")
    arms = _mapping("arms", content["arms"])
    plan = StudyPlan(
        bundle=bundle,
        config=tuple(_config(bundle, name) for name in ([names] if isinstance(names, str) else names)),
        arms={str(name): dict(_mapping(f"arms::{name}", own)) for name, own in arms.items()},
        base=str(content["base"]),
        metrics=_metrics(content["metrics"], content.get("scores", "last")),
        seeds=_whole_numbers("seeds", content.get("seeds", [0])),
        folds=(None,) if content.get("folds") is None else _whole_numbers("folds", content["folds"]),
        common={**_mapping("common", content.get("common")), **common},
        evaluate=read_evaluations(content.get("evaluate"), partial(_config, bundle)),
        start=None if start is None else dict(_mapping("start", start)),
        protocol=read_protocol(content.get("protocol")),
    )
    _check_plan(plan)
    if not isinstance(source, Mapping):  # what a run wrote of itself may have been restricted to a part
        _check_protocol(plan)
    files = [*dict.fromkeys(each.config for each in plan.evaluate), *plan.config]  # the training's defaults come last
    return replace(plan, common={**plan.common, **_typed(common, files)}) if common else plan


def _typed(given: Overrides, files: Sequence[Path]) -> Overrides:
    """Give the options of a command line the types of their defaults, as a bundle's own run does."""
    from monai_boundary.workflows.options.command_line import (
        read_options,  # MONAI takes seconds, and a study's file is typed
    )

    return read_options(given, tuple(str(path) for path in files))


def _load(source: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Mapping[str, Any], Path]:
    if isinstance(source, Mapping):
        return source, Path()
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"`study` needs a YAML file, {path} does not exist.")
    try:
        return _mapping("study", yaml.safe_load(path.read_text(encoding="utf-8"))), path.parent
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`study` needs a YAML file, {path} cannot be read: {error}") from error


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"`{name}` needs a dictionary, got {type(value).__name__}: {value!r}.")
    return value


def _bundle(name: str, beside: Path) -> Path:
    places = [Path(name), beside / name, Path("bundles") / name]
    if name in bundle_names():
        places.append(find_bundle(name))
    for place in places:
        if (place / "configs").is_dir():
            return place.resolve()
    raise ValueError(
        f"`bundle` needs a folder with configs, found none at {', '.join(str(p) for p in places)}; or a bundle that "
        f"comes with the package: {', '.join(bundle_names())}."
    )


def _config(bundle: Path, name: str) -> Path:
    for path in (bundle / "configs" / name, Path(name)):
        if path.is_file():
            return path.resolve()
    found = ", ".join(sorted(p.name for p in (bundle / "configs").glob("*.yaml")))
    raise ValueError(f"`config` needs a file of {bundle / 'configs'} ({found}) or a path, got {name!r}.")


def _metrics(entries: Any, scores: str) -> tuple[StudyMetric, ...]:
    check_choice("scores", scores, ("last", "best"))
    found = []
    for name, entry in _mapping("metrics", entries).items():
        options: Overrides = {"better": entry} if isinstance(entry, str) else dict(_mapping(f"metrics::{name}", entry))
        for key in options:
            check_choice(f"metrics::{name}", key, ("better", "title", "from", "spread"))
        check_choice(f"metrics::{name}::better", options.get("better"), ("higher", "lower"))
        source = options.get("from", f"metrics.json::{scores}::{name}")
        spread = options.get("spread")
        if spread is not None:
            check_positive(f"metrics::{name}::spread", spread)
        found.append(StudyMetric(name, options.get("title", name), options["better"] == "lower", source, spread))
    if not found:
        raise ValueError("`metrics` needs at least one score, got none.")
    return tuple(found)


def _whole_numbers(name: str, values: Any) -> tuple[int, ...]:
    items = list(values) if isinstance(values, (list, tuple, range)) else [values]
    if not items or len(set(items)) < len(items) or any(isinstance(v, bool) or not isinstance(v, int) for v in items):
        raise ValueError(f"`{name}` needs different integers, at least one, got {values!r}.")
    return tuple(items)


def _check_plan(plan: StudyPlan) -> None:
    _check_known("base", plan.base, plan.arms)
    folders = [StudyRun(arm, 0, None).folder for arm in [START, *plan.arms]]
    if len(set(folders)) < len(folders):
        raise ValueError(
            f"`arms` needs names that differ in letters and digits, and are not {START!r}, got {', '.join(plan.arms)}."
        )
    known: set[str] = set()
    files = list(dict.fromkeys([*plan.config, *(each.config for each in plan.evaluate)]))
    for path in files:
        entries = {option_root(key) for key in yaml.safe_load(path.read_text(encoding="utf-8"))}
        known |= entries
        for each in plan.evaluate:  # or it would replace what another one wrote
            if each.config == path and each.name != DEFAULT and "evaluation_dir" not in entries:
                raise ValueError(f"`evaluate::{each.name}` needs a file with `evaluation_dir`, {path} has none.")
    for place in (plan.common, plan.start or {}, *plan.arms.values(), *(each.overrides for each in plan.evaluate)):
        for key in place:
            _check_known("overrides", option_root(key), known, f"names of {', '.join(p.name for p in files)}")
            if key in _GIVEN:
                raise ValueError(
                    f"`overrides` needs other names than {', '.join(_GIVEN)}: the study gives them itself."
                )


def _check_protocol(plan: StudyPlan) -> None:
    if plan.protocol is None:
        return
    known: tuple[Any, ...] = plan.seeds if plan.protocol.by == "seeds" else plan.folds
    for value in plan.protocol.values:
        if value not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"`protocol::choosing` needs {plan.protocol.by} of the study, {listed}, got {value}.")


def _check_known(name: str, value: str, known: Collection[str], what: str = "arms of the study") -> None:
    if value in known:
        return
    near = difflib.get_close_matches(value, known, n=1)
    listed = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}."
    raise ValueError(f"`{name}` needs {what}, got {value!r}; {listed}")
