# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary study FILE --output_dir OUT``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import fire
from fire.decorators import ACCEPTS_POSITIONAL_ARGS, FIRE_METADATA

from monai_boundary.study.plan import read_study
from monai_boundary.study.run import StudyError, StudyResult, find_study, run_study, write_study_tables


def main(arguments: Sequence[str]) -> int:
    """Run the command; fire reads its options by their defaults.

    Args:
        arguments: what follows ``study``.

    Returns:
        0.

    Raises:
        ValueError: if the study or an option does not fit, or runs failed.
    """
    os.environ.setdefault("PAGER", "cat")  # help is printed, not paged
    try:
        fire.Fire({"study": StudyCommand()}, ["study", *arguments], "monai_boundary")
    except StudyError as error:
        raise ValueError(str(error)) from error
    return 0


class StudyCommand:
    """Compare arms of a training: ``study FILE --output_dir OUT`` runs them, ``study table`` writes the tables anew.

    Every run (arm, seed, fold) that is not finished is run, then tables and picture are written. A study that was
    stopped goes on when it is run again with the same folder. It may have more arms, seeds, folds and evaluations
    then: networks of finished runs are scored in the new evaluations, and not trained again.

    Args:
        file: the study, a YAML file.
        output_dir: its folder.
        workers: runs at once; one for each GPU, or one, if not given.
        arms: some of the study's, as "['a','b']"; the base is always among them.
        seeds: instead of the study's, as "[0,1,2]".
        folds: instead of the study's.
        tracking_uri: of MLflow, for a parent run with a child for each run.
        experiment: of MLflow.
        overrides: of every run, such as --dataset_dir DATA.
    """

    # fire gives a callable object only flags, unless it is told that FILE may come without one
    FIRE_METADATA: ClassVar = {ACCEPTS_POSITIONAL_ARGS: True}

    def __dir__(self) -> list[str]:
        """Return the names of what there is, but fire's own, which its help would list as a group of commands."""
        return [name for name in super().__dir__() if name != FIRE_METADATA]

    def __call__(
        self,
        file: str,
        output_dir: str,
        *,
        workers: int | None = None,
        arms: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        folds: Sequence[int] | None = None,
        tracking_uri: str | None = None,
        experiment: str = "studies",
        **overrides: Any,
    ) -> None:
        """Run the study; see the class."""
        # a share is a number to fire, and is an arm's name
        names = None if arms is None else [str(n) for n in (arms if isinstance(arms, (list, tuple)) else [arms])]
        numbers = [[n] if isinstance(n, int) else n for n in (seeds, folds)]
        plan = read_study(str(file), **overrides).restricted(names, *numbers)
        _tell(run_study(plan, str(output_dir), workers, tracking_uri, experiment))

    def table(self, output_dir: str, file: str | None = None) -> None:
        """Write the tables and the picture anew from the finished runs.

        Args:
            output_dir: folder of the study.
            file: take the metrics and arms from this study file, not from the folder's last run.
        """
        plan = find_study(str(output_dir)) if file is None else read_study(str(file))
        _tell(write_study_tables(plan, str(output_dir)))


def _tell(result: StudyResult) -> None:
    page = next(path for path in result.files if path.suffix == ".md")
    sys.stdout.write(f"\n{page.read_text(encoding='utf-8')}\n")
    sys.stdout.write("".join(f"{path}\n" for path in result.files))
