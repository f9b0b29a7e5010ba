# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_boundary bundle list|copy|run|pack|inspect``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary._bundle_folders import bundle_names, find_bundle
from monai_boundary._extras import EXTRA_OF, check_modules
from monai_boundary.commands.configuration import inspect_configuration
from monai_boundary.commands.shipped import copy_bundle, pack_bundle, unpack_bundle

_MODULES = {"pytorch-ignite": "ignite", "pyyaml": "yaml", "pillow": "PIL"}  # where a package's module has another name
logger = logging.getLogger(__name__)

ABOUT = "The bundles that come with the package: a network, its training, evaluation and inference, by configuration."
EXAMPLES = """\
examples:
  what there is:                     bundle list
  train on a phantom, made at once:  bundle run em_neuron_boundary
  train on your data:                bundle run em_neuron_boundary train --dataset_dir DATA --output_dir OUT
  train with the advice of inspect:  bundle run volume_boundary train --config_file LOOK/task.yaml --output_dir OUT
  score the network, segment:        bundle run em_neuron_boundary evaluate --output_dir OUT
                                     bundle run em_neuron_boundary inference --output_dir OUT --dataset_dir IMAGES
  change the configuration itself:   bundle copy em_neuron_boundary my_bundle
  take it to another machine:        bundle pack em_neuron_boundary --output_dir OUT
  read what a configuration does:    bundle inspect my_bundle/configs/train.yaml
                                     bundle inspect from_somewhere.zip
"""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``bundle``.

    Returns:
        The exit code: that of the training where one was run.

    Raises:
        ValueError: if a bundle or file is not found or is none.
        OSError: if a file exists, or cannot be written.
        SystemExit: with 2 and the usage, if an option is unknown.
    """
    words = list(arguments)
    options = [k for k, word in enumerate(words) if word.startswith("--") and word != "--help"]
    first = options[0] if words[:1] == ["run"] and options else len(words)
    given, overrides = _parser().parse_args(words[:first]), words[first:]
    if given.action == "list":
        sys.stdout.write("".join(f"{name:24} {_metadata(find_bundle(name))['task']}\n" for name in bundle_names()))
    elif given.action == "copy":
        sys.stdout.write(f"{copy_bundle(given.name, given.folder)}\n")
    elif given.action == "pack":
        sys.stdout.write(f"{pack_bundle(given.name, given.file, given.output_dir, given.overwrite)}\n")
    elif given.action == "inspect":
        entries = inspect_configuration(given.files[0] if len(given.files) == 1 else given.files)
        sys.stdout.write("".join(f"{e.kind:10} {e.key:45} {e.text}\n" for e in entries))
    else:
        return _run(given.name, given.config, overrides)
    return 0


def run_command(name: str, config: str, overrides: Sequence[str]) -> list[str]:
    """Return the command that runs a configuration of a bundle, as MONAI's own.

    Results go to ``output/NAME`` in the working directory unless ``--output_dir`` (or ``--args_file``) is given, and a
    line says so: the bundle itself may lie where nobody writes. A ``--config_file`` is a layer on top of the bundle's.

    Args:
        name: of the bundle, its folder, or a zip of ``bundle pack``, which is unpacked to ``bundles`` in the working
            directory.
        config: name of a file in ``configs``, without ``.yaml``.
        overrides: further options.

    Raises:
        ValueError: if the bundle is not found or has no such configuration, or a layer is not found.
        ImportError: if a package that the bundle needs is not installed, with the command that installs it.
    """
    folder = unpack_bundle(name, "bundles") if Path(name).is_file() else find_bundle(name)
    if name in bundle_names() and folder == Path(name).resolve():
        logger.info(f"The bundle is the folder {folder}, not the package's of that name.")
    _check_packages(folder, overrides)
    file = folder / "configs" / f"{config}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in file.parent.glob("*.yaml")))
        raise ValueError(f"`config` needs one of {known}, got {config!r}.")
    layers, options = _layers(overrides)
    named = {_option(word) for word in options}
    output = [] if named & {"--output_dir", "--args_file"} else ["--output_dir", str(Path("output") / folder.name)]
    if output:
        logger.info(f"Results go to {output[1]}, --output_dir names another folder.")
    files = str([str(file), *layers]) if layers else str(file)
    return [sys.executable, "-m", "monai.bundle", "run", "--config_file", files, *options, *output]


def _check_packages(folder: Path, overrides: Sequence[str]) -> None:
    """Say what the run lacks before it starts: in it, the first import that fails would be a traceback."""
    needed = {_MODULES.get(name.lower(), name) for name in _metadata(folder)["required_packages_version"]}
    tracked = {word.rpartition("=")[2] for word in overrides} & {"mlflow"}
    known = sorted(name for name in {"fire", "ignite", "yaml", *needed, *tracked} if name in EXTRA_OF)
    check_modules(f"`bundle run {folder.name}`", *known)


def _layers(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files of ``--config_file``, and the other options."""
    layers, options, words = [], [], iter(overrides)
    for word in words:
        if _option(word) != "--config_file":
            options.append(word)
            continue
        layers.append(word.partition("=")[2] if "=" in word else next(words, ""))
        if not Path(layers[-1]).is_file():
            raise ValueError(f"`--config_file` needs a file, a layer on top of the bundle's, got {layers[-1]!r}.")
    return layers, options


def _option(word: str) -> str:
    """The name of an option, which may be written with hyphens, and with its value."""
    name = word.split("=")[0]
    return f"--{name[2:].replace('-', '_')}" if name.startswith("--") else ""


def _run(name: str, config: str, overrides: Sequence[str]) -> int:
    command = run_command(name, config, overrides)
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # this process becomes the run: signals and exit code are its own
    return subprocess.call(command)


def _metadata(folder: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
    return metadata


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("monai-boundary bundle", description=ABOUT, epilog=EXAMPLES, formatter_class=form)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="names and tasks")
    copy = actions.add_parser("copy", help="copy a bundle, to change it")
    copy.add_argument("name", help="of a bundle, or its folder")
    copy.add_argument("folder", help="the copy; in a folder that exists, under the bundle's name")
    run = actions.add_parser("run", help="train, evaluate or segment; options as of `python -m monai.bundle run`")
    run.add_argument("name", help="of a bundle, its folder, or a zip of `bundle pack`")
    run.add_argument("config", nargs="?", default="train", help="train (default), evaluate, inference")
    pack = actions.add_parser("pack", help="one zip with the bundle and its network")
    pack.add_argument("name", help="of a bundle, or its folder")
    pack.add_argument("file", nargs="?", help="the zip; NAME.zip if not given")
    pack.add_argument("--output_dir", help="of a training, for its network")
    pack.add_argument("--overwrite", action="store_true", help="replace a zip that is there")
    inspect = actions.add_parser("inspect", help="print what a configuration builds and evaluates, without running it")
    inspect.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="YAML or JSON, later ones override earlier ones; a bundle's folder, or a zip of `bundle pack`",
    )
    return parser
