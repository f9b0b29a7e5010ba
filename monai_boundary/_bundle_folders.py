# SPDX-License-Identifier: Apache-2.0
"""Where the bundles that come with the package lie."""

from __future__ import annotations

import os
from pathlib import Path


def bundle_home() -> Path:
    """Return the folder of all bundles: inside the installed package, or in the repository that is installed as it is.

    Example:
        >>> (bundle_home() / "em_neuron_boundary").is_dir()
        True
    """
    package = Path(__file__).resolve().parent
    inside = package / "_bundles"
    return inside if inside.is_dir() else package.parent / "bundles"


def bundle_names() -> tuple[str, ...]:
    """Return the names of the bundles that come with the package, sorted.

    Example:
        >>> "em_neuron_boundary" in bundle_names()
        True
    """
    return tuple(sorted(path.parents[1].name for path in bundle_home().glob("*/configs/metadata.json")))


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a bundle.

    Args:
        name: of a bundle that comes with the package, or a folder that holds ``configs/metadata.json``.

    Raises:
        ValueError: if it is neither; the message has the names.

    Example:
        >>> find_bundle("em_neuron_boundary").name
        'em_neuron_boundary'
    """
    folder = Path(name)
    if (folder / "configs" / "metadata.json").is_file():
        return folder.resolve()
    names = bundle_names()
    if str(name) not in names:
        raise ValueError(
            f"`bundle` needs one of {', '.join(names)}, or a folder with configs/metadata.json, got {str(name)!r}."
        )
    return bundle_home() / str(name)
