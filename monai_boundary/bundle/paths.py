# SPDX-License-Identifier: Apache-2.0
"""Where a bundle lies, and where its trained network is, whatever folder it is run from."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from monai.bundle import ConfigWorkflow


def find_bundle_root(name: str | None = None) -> str:
    """Return the folder of the running bundle, the one that holds ``configs``.

    A configuration does not know its own file, and MONAI's usual ``bundle_root: .`` only works from inside the
    bundle. This function takes the folder from the running ``ConfigWorkflow`` (whose first configuration file is in
    ``configs``); failing that, the working directory or ``bundles/{name}`` under it, whichever has
    ``configs/metadata.json``.

    Args:
        name: the bundle's folder name, for calls without a workflow (``monai.bundle verify_net_in_out``,
            ``ckpt_export``).

    Raises:
        ValueError: if no bundle is found; give ``--bundle_root`` then.
    """
    frame = sys._getframe(1)
    while frame is not None:
        workflow = frame.f_locals.get("self")
        if isinstance(workflow, ConfigWorkflow) and hasattr(workflow, "config_root_path"):
            folder = Path(workflow.config_root_path)
            if (folder / "metadata.json").is_file():
                return str(folder.parent if folder.name == "configs" else folder)
        frame = frame.f_back  # type: ignore[assignment]
    here = Path()
    for folder in [here, here / "bundles" / name] if name else [here]:
        if (folder / "configs" / "metadata.json").is_file():
            return str(folder)
    raise ValueError(f"`bundle_root` needs the folder that holds configs/metadata.json, not found from {Path.cwd()}.")


def find_model(output_dir: str | os.PathLike[str], bundle_root: str | os.PathLike[str]) -> str:
    """Return the trained network: ``model.pt`` in ``output_dir``, else ``models/model.pt`` of the bundle.

    If there is neither, the first is returned, so that a bundle can be set up before it is trained.

    Example:
        >>> find_model("no/such/folder", "nor/this")
        'no/such/folder/model.pt'
    """
    trained, shipped = Path(output_dir) / "model.pt", Path(bundle_root) / "models" / "model.pt"
    return str(shipped if shipped.is_file() and not trained.is_file() else trained)


def require_model(path: str | os.PathLike[str]) -> str:
    """Return ``path`` if the file exists.

    Raises:
        FileNotFoundError: if it does not, with what to do.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"`ckpt_path` needs a trained network, {path} does not exist: run configs/train.yaml first, with the same "
            "--output_dir, or give --ckpt_path."
        )
    return str(path)


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
