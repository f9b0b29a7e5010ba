# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary evaluate PRED_DIR TRUTH_DIR --output_dir OUT``."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

from monai_boundary._command_options import add_option, printable, sizes, whole_numbers
from monai_boundary.metrics.lesion_wise import CHALLENGES
from monai_boundary.metrics.surface_scores import EMPTY_POLICIES
from monai_boundary.ops.segmentation import SEGMENTATION_METHODS
from monai_boundary.report.folder_evaluation import evaluate_folders
from monai_boundary.report.report_files import FolderEvaluation
from monai_boundary.report.report_tables import ReportTables
from monai_boundary.report.score_names import SCORES, titled_score

ABOUT = """\
Score a folder of predictions against a folder of truths, and write tables and a page to look at.

  python -m monai_boundary evaluate PRED_DIR TRUTH_DIR --output_dir OUT
  python -m monai_boundary evaluate --pred ours=DIR_A --pred theirs=DIR_B TRUTH_DIR --output_dir OUT --workers 4

NIfTI, MHA, NRRD, TIF, PNG, folders of pictures (a stack each), HDF5 and Zarr are read. Files are matched by name: words
such as _pred, -seg or _mask and nnU-Net's _0000 do not count. Prediction and truth must lie on one grid.
What was stopped goes on when the same command is run again. Exit code 1: a case failed; the others are scored.
"""
EXAMPLES = """\
examples:
  hippocampus, labels by name:     ... --classes anterior=1,posterior=2
  labels as nnU-Net names them:    ... --classes nnUNet_raw/Dataset004/dataset.json
  brain tumours (WT, TC, ET):      ... --regions brats
  WMH 2017, other pathology out:   ... --classes lesion=1 --ignore_labels 2
  neurons, CREMI's border:         ... --instances --border_tolerance_nm 25
  the same, TIF without voxel size: ... --spacing_nm 40,4,4
"""
_SHOWN = {
    "dice": ("dice", "nsd", "hd95", "assd", "lesion_f1"),
    "pq": ("cremi_score", "voi_split", "voi_merge", "arand", "pq"),
}


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``evaluate``.

    Returns:
        0, or 1 if a case failed.

    Raises:
        ValueError: if an argument does not fit; see :func:`evaluate_folders`.
        SystemExit: with 2 and the usage, if an option is unknown or has no value.
    """
    options = vars(_parser().parse_intermixed_args(list(arguments)))
    folders, named = options.pop("folders"), options.pop("pred")
    needed = 1 if named else 2
    if len(folders) != needed:
        what = "TRUTH_DIR beside --pred" if named else "PRED_DIR and TRUTH_DIR"
        flags = (
            " (a flag takes no value: --align or --no-align)"
            if {"true", "false"} & {f.lower() for f in folders}
            else ""
        )
        raise ValueError(f"evaluate needs {what}, got {len(folders)} folders: {', '.join(folders) or 'none'}{flags}.")
    predictions: Any = _methods(named) if named else folders[0]
    given = options.pop("probabilities")
    if given:
        options["probabilities"] = _methods(given, "probabilities") if named else given[0]
        if not named and len(given) > 1:
            raise ValueError(f"`probabilities` needs one folder for one method, got {len(given)}.")
    result = evaluate_folders(predictions, folders[-1], **options)
    sys.stdout.write(evaluation_text(result))
    return 1 if result.failed else 0


def evaluation_text(result: FolderEvaluation) -> str:
    """Return what the command prints in the end: means, worst cases, failures, files.

    Args:
        result: of :func:`evaluate_folders`.
    """
    tables = result.tables
    rank = tables.rank_by
    lines = ["", *_mean_lines(tables), "", f"Worst cases by {SCORES[rank].title}:"]
    for row in tables.ranked[:5]:
        missed = f", missed: {row['classes_missed']}" if row["classes_missed"] else ""
        lines.append(f"  {_number(row[rank]):>7}  {printable(row['case'])} ({printable(row['method'])}){missed}")
    if tables.absent:
        lines.append(f"No truth has: {', '.join(map(printable, tables.absent))}.")
    if result.failed:
        lines += ["", f"{len(result.failed)} cases failed and are in no mean:"]
        lines += [
            f"  {printable(r['case'])} ({printable(r['method'])}): {printable(r['error'])}" for r in result.failed
        ]
    return "\n".join([*lines, "", *map(str, result.files)]) + "\n"


def _mean_lines(tables: ReportTables) -> list[str]:
    shown = next(names for first, names in _SHOWN.items() if first in tables.scores)
    head = [
        "method",
        "class",
        *(titled_score(n, tables.unit, tables.volume_unit) for n in shown),
        "missed",
        "false alarms",
    ]
    body = [head]
    for method, classes in tables.summary.items():
        for name, of in classes.items():
            cells = [_mean(of["scores"][score]) for score in shown]
            counts = [f"{of[key]} of {of['cases']}" for key in ("missed", "false_alarm")]
            body.append([printable(method), printable(name), *cells, *counts])
    widths = [max(len(row[k]) for row in body) for k in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in body]
    return ["Mean over the cases [95 % bootstrap interval]:", *lines]


def _mean(of: dict[str, float]) -> str:
    if not of["defined"]:
        return "-"
    interval = "" if math.isnan(of["low"]) else f" [{_number(of['low'])}, {_number(of['high'])}]"
    return _number(of["mean"]) + interval


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _methods(named: Sequence[str], option: str = "pred") -> dict[str, str]:
    found: dict[str, str] = {}
    for text in named:
        name, sign, folder = text.partition("=")
        if not sign or not name or not folder:
            raise ValueError(f"`{option}` needs name=DIR, got {text!r}.")
        if name in found:
            raise ValueError(f"`{option}` needs different names, got {name!r} twice.")
        found[name] = folder
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "monai-boundary evaluate",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "folders", nargs="*", metavar="PRED_DIR TRUTH_DIR", help="two folders; TRUTH_DIR alone with --pred"
    )
    parser.add_argument(
        "--pred", action="append", metavar="NAME=DIR", help="a method; again for more; the first is the base"
    )
    add_option(parser, "output_dir", required=True, metavar="OUT", help="folder of the report")

    _add_scoring(parser.add_argument_group("what is scored"))
    _add_files(parser.add_argument_group("files"))
    _add_run(parser.add_argument_group("the run"))
    return parser


def _add_scoring(what: Any) -> None:
    add_option(
        what, "classes", metavar="TABLE", help="name=value+value,... or a JSON or YAML file; by default every label"
    )
    add_option(what, "regions", metavar="TABLE", help="the same for labels taken together, or: brats")
    _flag(what, "instances", "labels are ids of objects: VOI, Rand, CREMI, PQ")
    add_option(
        what,
        "ignore_labels",
        type=whole_numbers,
        default=(),
        metavar="N,N",
        help="labels of the truth that do not count",
    )
    add_option(
        what, "tolerance", type=float, metavar="T", help="of the surface Dice: 1 mm, 10 nm, or 1 voxel if not given"
    )
    add_option(
        what,
        "border_tolerance_nm",
        type=float,
        metavar="NM",
        help="of --instances: so near to a boundary nothing counts",
    )
    policies = "what a distance counts as where prediction or truth is empty: %(choices)s; misses are counted beside it"
    add_option(what, "empty_policy", choices=EMPTY_POLICIES, default="diagonal", help=policies)
    rules = "lesion-wise scores by the rules of that BraTS 2023 challenge (%(choices)s); --regions brats implies gli"
    add_option(what, "challenge", choices=(*CHALLENGES, "none"), help=rules)
    what.add_argument(
        "--probabilities", action="append", metavar="[NAME=]DIR", help="of a method: scores over the threshold, too"
    )
    way = "how --probabilities of --instances become instances at each threshold: %(choices)s"
    add_option(what, "instances_by", choices=SEGMENTATION_METHODS, default="components", help=way)
    add_option(what, "rank_by", metavar="SCORE", help="orders the cases; dice, or pq")


def _add_files(files: Any) -> None:
    _flag(files, "align", "resample predictions on another grid by nearest neighbour, and say so; else they fail")
    add_option(
        files,
        "spacing",
        type=sizes,
        metavar="MM,MM,MM",
        help="of a voxel, in the order of the file's axes, for all files",
    )
    add_option(
        files,
        "spacing_nm",
        type=sizes,
        metavar="NM,NM,NM",
        help="the same in nm, of electron microscopy",
    )
    for side in ("pred", "truth"):
        add_option(files, f"{side}_pattern", metavar="GLOB", help="names of the files, such as '*_seg.nii.gz'")
        add_option(files, f"{side}_dataset", metavar="NAME", help="in HDF5 and Zarr, such as volumes/labels/neuron_ids")


def _add_run(run: Any) -> None:
    add_option(run, "image_dir", metavar="DIR", help="images behind the contours, matched by name")
    add_option(run, "pictures", type=_pictures, default="worst", metavar="WHICH", help="worst, all, none, or how many")
    group_flag = "write report.html (needs Jinja2 and Plotly: the extra `report`)"
    run.add_argument("--page", action=argparse.BooleanOptionalAction, default=True, help=group_flag)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    add_option(
        run, "workers", type=int, default=max(1, min(cores, 8)), metavar="N", help="processes (here %(default)s)"
    )
    _flag(run, "force", "replace a finished report")


def _flag(group: Any, name: str, text: str) -> None:
    group.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=False, help=text)


def _pictures(text: str) -> str | int:
    return int(text) if text.isdigit() else text
