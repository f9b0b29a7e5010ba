# SPDX-License-Identifier: Apache-2.0
"""The folders of several methods, and of their probabilities, against the folder of truths."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from monai_boundary.report.case_files import (
    SUFFIXES,
    CaseFile,
    CaseMatches,
    CasePair,
    list_case_files,
    listed,
    match_cases,
)

logger = logging.getLogger(__name__)
_NPZ = ".npz"


def match_folders(
    folders: Mapping[str, str | os.PathLike[str]],
    truth: str | os.PathLike[str],
    pred_pattern: str | None = None,
    truth_pattern: str | None = None,
) -> dict[str, CaseMatches]:
    """Pair the files of each method's folder with the truths, and log what has no partner.

    Args:
        folders: method -> folder.
        truth: folder.
        pred_pattern: names of the predictions' files. Where both patterns leave one file, these are a pair, whatever
            they are called.
        truth_pattern: names of the truths' files.

    Returns:
        method -> :func:`match_cases`.

    Raises:
        ValueError: if a method has no case at all, or a name matches twice.
    """
    truths = list_case_files(truth, truth_pattern)
    found = {}
    for method, folder in folders.items():
        predictions = list_case_files(folder, pred_pattern)
        if pred_pattern and truth_pattern and len(predictions) == len(truths) == 1:
            # both were named by who gave the patterns: one stack, and the folder of its labels
            matches = match_cases(predictions, [truths[0]._replace(case=predictions[0].case, within="")])
        else:
            matches = match_cases(predictions, truths)
        if not matches.pairs:
            sides = [listed([file.case for file in files], 3) for files in (predictions, truths)]
            raise ValueError(
                f"`predictions` needs names that match the truths': no case of {folder} ({sides[0]}) is one of {truth} "
                f"({sides[1]})."
            )
        for side, alone in (("predictions", matches.predictions_alone), ("truths", matches.truths_alone)):
            if alone:
                logger.warning("%s: %d %s without a partner: %s", method, len(alone), side, listed(alone, 5))
        found[method] = matches
    return found


def match_probabilities(
    folders: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None, matches: Mapping[str, CaseMatches]
) -> dict[str, dict[str, Path]]:
    """Return the file of the probabilities of each method's cases.

    They are matched by name as predictions are with truths; where a folder has both a ``.npz`` and another file of a
    case, as nnU-Net leaves its probabilities beside its segmentations, the ``.npz`` is meant.

    Args:
        folders: folder of the only method, or method -> folder.
        matches: method -> its cases.

    Raises:
        ValueError: if a method is unknown, or a case has no probabilities, or several files of them.
    """
    if folders is None:
        return {}
    if not isinstance(folders, Mapping):
        if len(matches) > 1:
            raise ValueError(
                f"`probabilities` needs name=DIR of several methods ({', '.join(matches)}), got {folders}."
            )
        folders = {next(iter(matches)): folders}
    strange = [method for method in folders if method not in matches]
    if strange:
        raise ValueError(f"`probabilities` needs methods of `predictions`, {', '.join(matches)}, got {strange[0]!r}.")
    return {
        method: _of_cases(list_case_files(folder, suffixes=(*SUFFIXES, _NPZ)), matches[method].pairs, folder)
        for method, folder in folders.items()
    }


def _of_cases(files: Sequence[CaseFile], pairs: Sequence[CasePair], folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Case -> the file of its probabilities; a name that several cases have is told apart by its folder."""
    places = [(pair, pair.case.rpartition("/")) for pair in pairs]
    cases = [CaseFile(name, within, pair.prediction) for pair, (within, _, name) in places]
    by: dict[tuple[str, str], list[CaseFile]] = defaultdict(list)
    for file in files:
        by[file.within, file.case.casefold()].append(file)
    kept = [[file for file in own if file.path.suffix.lower() == _NPZ] or own for own in by.values()]
    twice = [file.path for own in kept if len(own) > 1 for file in own]
    if twice:
        raise ValueError(f"`probabilities` needs one file for each case, got several in {folder}: {listed(twice)}.")
    found = {pair.truth: pair.prediction for pair in match_cases([file for (file,) in kept], cases).pairs}
    without = [pair.case for pair in pairs if pair.prediction not in found]
    if without:
        raise ValueError(f"`probabilities` needs a file for each case, {folder} has none for {listed(without)}.")
    return {pair.case: found[pair.prediction] for pair in pairs}
