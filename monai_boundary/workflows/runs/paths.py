# SPDX-License-Identifier: Apache-2.0
"""Where a bundle lies, and where its trained network is, whatever folder it is run from."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from types import FrameType

import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.utils import ensure_tuple
from torch import nn

from monai_boundary._file_hash import check_file_hash
from monai_boundary.handlers.training.checkpoint_file import load_checked

logger = logging.getLogger(__name__)


def find_bundle_root(name: str | None = None) -> str:
    """Return the folder of the running bundle, the one that holds ``configs``.

    A configuration does not know its own file, and MONAI's usual ``bundle_root: .`` only works from inside the
    bundle. This function takes the folder from the running ``ConfigWorkflow`` or command (``ckpt_export``), whose
    first configuration file is in ``configs``; failing that, the working directory or ``bundles/{name}`` under it,
    whichever has ``configs/metadata.json``. A program that reads the configuration alone, as MONAI Deploy does from a
    TorchScript file, has no folder of a bundle: it is the working directory there, as by MONAI's usual default.

    Args:
        name: the bundle's folder name, for calls without either.

    Raises:
        ValueError: if no bundle is found; give ``--bundle_root`` then.
    """
    frame: FrameType | None = sys._getframe(1)
    parsed = False
    while frame is not None:
        parsed = parsed or isinstance(frame.f_locals.get("self"), ConfigParser)
        folder = _configs_of(frame)
        if folder is not None and (folder / "metadata.json").is_file():
            return str(folder.parent if folder.name == "configs" else folder)
        frame = frame.f_back
    here = Path()
    for folder in [here, here / "bundles" / name] if name else [here]:
        if (folder / "configs" / "metadata.json").is_file():
            return str(folder)
    if parsed:
        return str(here)
    raise ValueError(f"`bundle_root` needs the folder that holds configs/metadata.json, not found from {Path.cwd()}.")


def _configs_of(frame: FrameType) -> Path | None:
    """Return the folder of the configuration that a workflow, or a command of MONAI, is at work on."""
    workflow = frame.f_locals.get("self")
    if isinstance(workflow, ConfigWorkflow) and hasattr(workflow, "config_root_path"):
        return Path(workflow.config_root_path)
    if frame.f_globals.get("__name__") != "monai.bundle.scripts":
        return None
    files = frame.f_locals.get("config_file_", frame.f_locals.get("config_file"))
    first = next(iter(ensure_tuple(files)), None)
    return Path(first).parent if isinstance(first, (str, os.PathLike)) else None


def find_model(output_dir: str | os.PathLike[str], bundle_root: str | os.PathLike[str]) -> str:
    """Return the trained network: ``model.pt`` in ``output_dir``, else ``models/model.pt`` of the bundle.

    If there is neither, the first is returned, so that a bundle can be set up before it is trained. The log says where
    the network that comes with a bundle stands in for one that was trained.

    Example:
        >>> find_model("no/such/folder", "nor/this")
        'no/such/folder/model.pt'
    """
    trained, shipped = Path(output_dir) / "model.pt", Path(bundle_root) / "models" / "model.pt"
    if trained.is_file() or not shipped.is_file():
        return str(trained)
    logger.info(f"{output_dir} holds no trained network: it is the one that comes with the bundle, {shipped}.")
    return str(shipped)


def require_model(path: str | os.PathLike[str], network: nn.Module | None = None, option: str = "ckpt_path") -> str:
    """Return ``path`` if the file exists and, where a network is given, holds its weights.

    Args:
        path: a plain state dictionary, as training writes it.
        network: that is to get the weights.
        option: how the file is given, for the message.

    Raises:
        FileNotFoundError: if the file does not exist, with what to do.
        ValueError: if it is damaged, or of another network; the first difference is named.
    """
    if not Path(path).is_file():
        advice = ": run configs/train.yaml first, with the same --output_dir, or give --ckpt_path"
        advice = advice if option == "ckpt_path" else ""
        raise FileNotFoundError(f"`{option}` needs a trained network, {path} does not exist{advice}.")
    if network is not None:
        _check_weights(Path(path), network, option)
    else:
        check_file_hash(path, option)
    return str(path)


def _check_weights(path: Path, network: nn.Module, option: str) -> None:
    held = load_checked(path, option)
    shapes = {name: tuple(value.shape) for name, value in held.items() if isinstance(value, torch.Tensor)}
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    differing = [name for name in {**wanted, **shapes} if wanted.get(name) != shapes.get(name)]
    if differing:
        first = differing[0]
        there, here = (str(known.get(first, "nothing")) for known in (shapes, wanted))
        raise ValueError(
            f"`{option}` needs weights of this {type(network).__name__}, {path} has another network's: {first!r} is "
            f"{there} there, {here} here, and {len(differing) - 1} more of {len(wanted)} differ. Give --spatial_dims, "
            "--modalities and --network_def as in the training."
        )


def tracking_run_name(output_dir: str | os.PathLike[str], resume: bool = True) -> str:
    """Return the name of the MLflow run: a new one for each training, the old one for a training that is resumed.

    Without a name MONAI's handler joins any run that is still open, such as that of a training that was killed long
    ago. The name, the folder's and the time, is kept in ``output_dir/run_name.txt``.

    Args:
        output_dir: folder of the training.
        resume: whether a checkpoint in the folder is resumed.
    """
    folder = Path(output_dir)
    file = folder / "run_name.txt"
    if resume and file.is_file() and (folder / "checkpoint.pt").is_file():
        return file.read_text(encoding="utf-8").strip()
    name = f"{folder.resolve().name}_{time.strftime('%Y%m%d_%H%M%S')}"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(name + "\n", encoding="utf-8")
    return name
