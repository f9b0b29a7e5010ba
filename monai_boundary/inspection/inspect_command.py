# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary inspect DATA --output_dir OUT``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from monai_boundary._command_options import add_option, printable, whole_numbers
from monai_boundary.data.volumes.volume_datalist import VOLUME_LAYOUTS
from monai_boundary.inspection.dataset_inspection import DatasetInspection, inspect_dataset
from monai_boundary.inspection.finding import by_kind
from monai_boundary.report.label_classes import read_class_table

ABOUT = """\
Look at a data set before anyone trains: what is in it, what will hurt, and which settings fit it.

  python -m monai_boundary inspect DATA --output_dir OUT

DATA is a folder or a table of NIfTI, MHA or NRRD files, or of PNG and TIF where it has nothing else, in one of these
layouts, which is told by its files:
  decathlon        dataset.json with `training`, imagesTr, labelsTr
  nnunet           dataset.json with `channel_names`, imagesTr/case_0000.nii.gz, labelsTr/case.nii.gz
  paired_folders   images*/ and labels*/ with files of the same names
  table            CSV or JSON: image (or image_t1, image_flair, ...), label, and as wanted split, patient, case

OUT gets index.html (open it in a browser), fingerprint.json, cases.csv and task.yaml, a layer for the bundle:
  python -m monai_boundary bundle run volume_boundary train --config_file OUT/task.yaml

Exit code 1: errors were found in the data (all of them are named). Warnings alone leave it at 0.
"""
EXAMPLES = """\
examples:
  ... Task04_Hippocampus --output_dir out/hippocampus --workers 4
  ... my_data --image_dir scans --label_dir truth --labels liver=1,tumour=2 --output_dir out
  ... cases.csv --output_dir out --patch_size 96,96,32
"""
_LISTED = 10


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``inspect``.

    Returns:
        0, or 1 if errors were found in the data.

    Raises:
        ValueError: if the data set cannot be listed at all, or an argument does not fit.
        SystemExit: with 2 and the usage, if an option is unknown or has no value.
    """
    options = vars(_parser().parse_args(list(arguments)))
    if options["labels"] is not None:
        options["labels"] = {
            name: ids[0] if len(ids) == 1 else list(ids) for name, ids in read_class_table(options["labels"]).items()
        }
    result = inspect_dataset(options.pop("data"), options.pop("output_dir"), options.pop("layout"), **options)
    sys.stdout.write(inspection_text(result))
    return 1 if result.errors else 0


def inspection_text(result: DatasetInspection) -> str:
    """Return what the command prints in the end: structures, what will hurt, advice, files.

    Args:
        result: of :func:`inspect_dataset`.
    """
    of = result.fingerprint["dataset"]
    lines = ["", f"{of['cases_read']} of {of['cases']} cases read, {of['patients']} patients, {of['layout']}", ""]
    for name, found in result.fingerprint["classes"].items():
        if found["voxels"]:
            thin = f"{found['thin_components_share']:.0%} of them thin"
            lines.append(
                f"  {printable(name)}: in {found['cases']} cases, {found['ml']['median']:.3g} ml, "
                f"{found['components']['median']:.0f} components ({thin}), inscribed radius "
                f"{found['inscribed_radius_mm']['median']:.3g} mm (medians)"
            )
    lines += [
        f"  {printable(' and '.join(touch['classes']))} touch in {touch['cases']} cases"
        for touch in result.fingerprint["touching"][:_LISTED]
    ]
    lines += ["", *_finding_lines(result), ""]
    lines += [f"  {name}: {setting.value}" for name, setting in result.advice.items()]
    return "\n".join([*lines, "", *map(str, result.files)]) + "\n"


def _finding_lines(result: DatasetInspection) -> list[str]:
    if not result.findings:
        return ["Nothing was found that will hurt."]
    lines = []
    for group in by_kind(result.findings):
        found = group["found"]
        lines.append(f"{group['level']}: {group['kind']} ({len(found)})")
        lines += [f"    {printable(f.where)}{': ' if f.message else ''}{printable(f.message)}" for f in found[:_LISTED]]
        if len(found) > _LISTED:
            lines.append(f"    and {len(found) - _LISTED} more, in fingerprint.json")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "monai-boundary inspect",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("data", metavar="DATA", help="folder of the data set, or a table")
    add_option(parser, "output_dir", required=True, metavar="OUT", help="folder of the page and the files")
    add_option(parser, "layout", default="auto", choices=("auto", *VOLUME_LAYOUTS), help="auto, if not given")
    add_option(parser, "image_dir", metavar="DIR", help="of paired folders: the folder of the images")
    add_option(parser, "label_dir", metavar="DIR", help="of paired folders: the folder of the labels")
    add_option(parser, "channels", type=_names, metavar="A,B", help="names of the channels, in place of the layout's")
    labels_help = "name=id,name=id+id or a JSON or YAML file, in place of the layout's"
    add_option(parser, "labels", metavar="TABLE", help=labels_help)
    patch_help = "voxels along right, front, head: advised as it is; smaller images are named"
    add_option(parser, "patch_size", type=whole_numbers, metavar="N,N,N", help=patch_help)
    parser.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write index.html (needs Jinja2 and Plotly: the extra `report`)",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    add_option(
        parser, "workers", type=int, default=max(1, min(cores, 8)), metavar="N", help="processes (here %(default)s)"
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip(" '\"") for part in text.strip("()[] ").split(",") if part.strip())
