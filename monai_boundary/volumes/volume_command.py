# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary volume {predict,segment,evaluate,maps} ... --output_dir OUT``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from monai_boundary._command_options import sizes, whole_numbers, whole_sizes
from monai_boundary.ops.segmentation import SEGMENTATION_METHODS
from monai_boundary.volumes.block_prediction import ACTIVATIONS
from monai_boundary.volumes.block_runs import TRIES, BlockFailure
from monai_boundary.volumes.grey_statistics import NORMALISATIONS
from monai_boundary.volumes.volume_evaluation import VolumeEvaluation, evaluate_volume
from monai_boundary.volumes.volume_maps import MAP_TYPES, map_volume
from monai_boundary.volumes.volume_prediction import PROBABILITY_TYPES, predict_volume
from monai_boundary.volumes.volume_segmentation import segment_volume
from monai_boundary.volumes.volume_source import ABSENT_CHUNKS
from monai_boundary.volumes.window_grid import BLENDS

ABOUT = """\
Work on a volume larger than memory, block by block.

A volume is PATH[::DATASET][@FIRST:STOP]: Zarr, OME-Zarr, HDF5, TIF, a folder of pictures, NIfTI.
What was stopped goes on when the same command is run again, without the blocks that are done.
Exit code 1: a block failed three times; it is named, and the others are done.
"""
EXAMPLES = """\
examples:
  the EM bundle's network:        volume predict raw.zarr --bundle em_neuron_boundary --output_dir out --outside 1
  your own, as TorchScript:       volume predict raw.zarr --network model.ts --window 128,128 --output_dir out
  CREMI's score, 4 at once:       volume evaluate pred.zarr truth.zarr --output_dir out
                                    --border_tolerance_nm 25 --workers 4
  instances of a membrane:        volume segment membrane.zarr --output_dir out --threshold 0.4 --min_size 500
  datasets of HDF5 files:         volume evaluate a.h5::volumes/labels/neuron_ids b.h5::main --output_dir out
  processes in place of threads:  ... --workers 8 --cluster processes
  a Dask cluster:                 ... --cluster tcp://head:8786      or its --scheduler-file: --cluster scheduler.json
"""
_NAMED = 20


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``volume``.

    Returns:
        0, or 1 if a block failed.

    Raises:
        ValueError: if an argument does not fit.
        OSError: if the output cannot be written, or a cluster is gone.
        ImportError: if a package is missing, with the line that installs it.
        SystemExit: with 2 and the usage, if an option is unknown or has no value.
    """
    options = vars(_parser().parse_args(list(arguments)))
    action = options.pop("action")
    text, failed = _ACTIONS[action](options)
    sys.stdout.write(text + _failures(failed))
    return 1 if failed else 0


def _evaluate(options: dict[str, Any]) -> tuple[str, tuple[BlockFailure, ...]]:
    result = evaluate_volume(**options)
    return evaluation_lines(result), result.failed


def evaluation_lines(result: VolumeEvaluation) -> str:
    """Return what the command prints of the scores; nothing where a block failed.

    Args:
        result: of :func:`evaluate_volume`.
    """
    scores = result.classes if result.scores is None else {"": result.scores._asdict()}
    if scores is None:
        return ""
    lines = [
        f"{of}{' ' if of else ''}{name:12} {value:.6f}" for of, own in scores.items() for name, value in own.items()
    ]
    sections = f" in {result.sections} sections" if result.sections != 1 else ""
    return "\n".join([*lines, f"{result.scored} voxels scored{sections}", *map(str, result.files)]) + "\n"


def _segment(options: dict[str, Any]) -> tuple[str, tuple[BlockFailure, ...]]:
    result = segment_volume(**options)
    removed = f", {result.removed} too small" if result.removed else ""
    text = "" if result.store is None else f"{result.instances} instances{removed}\n{result.store}\n"
    return text, result.failed


def _maps(options: dict[str, Any]) -> tuple[str, tuple[BlockFailure, ...]]:
    result = map_volume(**options)
    stores = [store for store in (result.store, result.regions, result.seeds) if store is not None]
    return "".join(f"{store}\n" for store in stores), result.failed


def _predict(options: dict[str, Any]) -> tuple[str, tuple[BlockFailure, ...]]:
    result = predict_volume(**options)
    return "" if result.store is None else f"{result.windows} windows\n{result.store}\n", result.failed


_ACTIONS = {"predict": _predict, "evaluate": _evaluate, "segment": _segment, "maps": _maps}


def _failures(failed: Sequence[BlockFailure]) -> str:
    if not failed:
        return ""
    lines = [f"{len(failed)} blocks failed {TRIES} times; the others are done, and are not done again by the next run:"]
    lines += [f"  {failure}" for failure in failed[:_NAMED]]
    return "\n".join([*lines, *([f"  and {len(failed) - _NAMED} more"] if len(failed) > _NAMED else [])]) + "\n"


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("monai-boundary volume", description=ABOUT, epilog=EXAMPLES, formatter_class=form)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    predict = actions.add_parser(
        "predict", help="a network's probabilities, as of sliding windows over the whole volume"
    )
    predict.add_argument("image", metavar="IMAGE", help="volume of grey values")
    _add_network(predict)
    _add_background(predict)
    _add_run(predict)
    segment = actions.add_parser("segment", help="the instances that a membrane closes")
    segment.add_argument("membrane", metavar="MEMBRANE", help="volume of the membrane's probability")
    segment.add_argument(
        "--threshold", type=float, default=0.5, metavar="P", help="from it on is membrane (%(default)s)"
    )
    segment.add_argument("--method", choices=SEGMENTATION_METHODS, default="components", help="(%(default)s)")
    segment.add_argument(
        "--seed_distance", type=float, metavar="NM", help="depth of a marker; 3 times the smallest side of a voxel"
    )
    segment.add_argument("--min_size", type=int, default=0, metavar="N", help="instances of fewer voxels are left out")
    segment.add_argument("--per_section", action="store_true", help="sections are not connected")
    segment.add_argument("--spacing", type=sizes, metavar="NM,NM,NM", help="voxel size z,y,x, in place of the file's")
    _add_run(segment)
    maps = actions.add_parser("maps", help="the signed distance map of a label, exact up to a radius")
    maps.add_argument("label", metavar="LABEL", help="volume of labels")
    maps.add_argument("--radius_nm", type=float, required=True, metavar="NM", help="the largest distance that is told")
    maps.add_argument("--values", type=whole_numbers, default=(), metavar="N,N", help="labels inside; all but 0")
    maps.add_argument("--per_section", action="store_true", help="the map of each section alone")
    maps.add_argument("--regions", action="store_true", help="write the regions and their seeds, too")
    maps.add_argument("--dtype", choices=MAP_TYPES, default="float32", help="of the map (%(default)s)")
    maps.add_argument("--spacing", type=sizes, metavar="NM,NM,NM", help="voxel size z,y,x, in place of the file's")
    _add_run(maps)
    evaluate = actions.add_parser("evaluate", help="VOI, adapted Rand and CREMI score, as of the whole volume")
    evaluate.add_argument("pred", metavar="PRED", help="volume of predicted ids")
    evaluate.add_argument("truth", metavar="TRUTH", help="volume of true ids, on the same grid")
    _add_scoring(evaluate)
    _add_run(evaluate)
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--bundle", metavar="NAME", help="whose network and windows: one that comes with the package, or a folder")
    add("--network", metavar="FILE", help="TorchScript, or weights of --definition or of the bundle's network")
    add("--definition", metavar="FILE", help="YAML or JSON with network_def")
    add("--window", type=whole_numbers, metavar="Y,X", help="voxels (Z,Y,X of a 3-D network); the bundle's")
    add("--overlap", type=float, metavar="SHARE", help="of windows; the bundle's, else 0.5")
    add("--blend", choices=BLENDS, help="of windows; the bundle's, else gaussian")
    add("--normalise", choices=NORMALISATIONS, default="section", help="grey values, by what (%(default)s)")
    add("--activation", choices=ACTIVATIONS, default="sigmoid", help="of the output (%(default)s)")
    add("--channel", type=int, default=0, metavar="N", help="of the output (%(default)s)")
    add("--dtype", choices=PROBABILITY_TYPES, default="uint8", help="of the store; 255 of uint8 is 1 (%(default)s)")
    add("--device", metavar="WHAT", help="cpu, cuda or cuda:N; a GPU if there is one")
    add("--batch", type=int, default=4, metavar="N", help="windows at once (%(default)s)")
    add("--spacing", type=sizes, metavar="NM,NM,NM", help="voxel size z,y,x, in place of the file's")


def _add_background(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--mask", metavar="VOLUME", help="what is 0 in it is background, and not computed")
    add("--foreground_above", type=float, metavar="GREY", help="windows without a grey above it are not computed")
    add("--outside", type=float, default=0.0, metavar="P", help="probability of background (%(default)s)")


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ignore_labels", type=whole_numbers, default=(0,), metavar="N,N", help="true ids that do not count (0)"
    )
    parser.add_argument(
        "--border_tolerance_nm", type=float, metavar="NM", help="so near to a border between true ids nothing counts"
    )
    parser.add_argument("--spacing", type=sizes, metavar="NM,NM,NM", help="voxel size z,y,x, in place of the files'")
    parser.add_argument(
        "--classes", metavar="NAME=N,...", help="score these labels, and their surfaces, in place of ids"
    )
    parser.add_argument("--radius_nm", type=float, metavar="NM", help="of classes: the largest distance that is told")
    parser.add_argument(
        "--tolerance_nm", type=float, default=10.0, metavar="NM", help="of classes: of surface Dice (%(default)s)"
    )
    parser.add_argument("--no-page", dest="page", action="store_false", help="write no report.html")
    parser.add_argument("--per_section", action="store_true", help="score each section alone; the mean is taken")
    parser.add_argument(
        "--border_per_section",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look for the border in each section alone, as CREMI (default), or in 3-D",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output_dir", required=True, metavar="OUT", help="folder of this job alone")
    parser.add_argument("--block", type=whole_sizes, metavar="Z,Y,X", help="voxels of a block; by the store's chunks")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="threads or processes (%(default)s)")
    parser.add_argument(
        "--cluster",
        default="threads",
        metavar="WHAT",
        help="threads (default), processes, the address of a Dask scheduler, or its scheduler file",
    )
    parser.add_argument(
        "--absent_chunks",
        choices=ABSENT_CHUNKS,
        default="error",
        help="what a chunk is that was never written: an error (default), or the store's fill value",
    )
    parser.add_argument("--force", action="store_true", help="remove what another job has left in OUT")
