# SPDX-License-Identifier: Apache-2.0
"""The folders of several methods, and of their probabilities, against the folder of truths."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from monai_boundary.report.case_files import SUFFIXES, CaseMatches, list_case_files, listed, match_cases

logger = logging.getLogger(__name__)


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

    Args:
        folders: folder of the only method, or method -> folder.
        matches: method -> its cases.

    Raises:
        ValueError: if a method is unknown, or a case has no probabilities.
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
    found: dict[str, dict[str, Path]] = {}
    for method, folder in folders.items():
        files = {file.case.casefold(): file.path for file in list_case_files(folder, suffixes=(*SUFFIXES, ".npz"))}
        cases = [pair.case for pair in matches[method].pairs]
        without = [case for case in cases if case.rpartition("/")[2].casefold() not in files]
        if without:
            raise ValueError(f"`probabilities` needs a file for each case, {folder} has none for {listed(without)}.")
        found[method] = {case: files[case.rpartition("/")[2].casefold()] for case in cases}
    return found
