# SPDX-License-Identifier: Apache-2.0
"""What a bundle says of its network: the definition, the weights, and the windows in which it sees an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_boundary._bundle_folders import find_bundle
from monai_boundary.volumes.network_file import NetworkFile, network_file

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

_CONFIGURATIONS = ("inference.yaml", "inference.yml", "inference.json")
_WEIGHTS = ("models/model.pt", "models/model.ts")


@dataclass(frozen=True)
class BundleNetwork:
    """A network and how the bundle's inference runs it.

    ``window`` has as many entries as the network has spatial axes; ``overlap`` and ``blend`` are as in
    :class:`~monai_boundary.volumes.window_grid.WindowGrid`.
    """

    file: NetworkFile
    window: tuple[int, ...]
    overlap: float
    blend: str

    @property
    def window3(self) -> tuple[int, ...]:
        """The window in a volume: a plane is one section."""
        return (1, *self.window) if len(self.window) == 2 else self.window


def bundle_network(bundle: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> BundleNetwork:
    """Read a bundle's ``configs/inference``: ``network_def``, ``inferer`` and, where it has one, ``ckpt_path``.

    A configuration is code: reading it runs what it imports.

    Args:
        bundle: name of one that comes with the package, or a folder.
        weights: of a training, in place of those that the bundle's configuration finds.

    Raises:
        ValueError: if the bundle or its network is not found, or the configuration has none.
    """
    from monai.bundle import ConfigParser  # networks of files do without MONAI

    folder = find_bundle(bundle)
    file = next((folder / "configs" / name for name in _CONFIGURATIONS if (folder / "configs" / name).is_file()), None)
    if file is None:
        raise ValueError(f"`bundle` needs configs/inference.yaml (or .json), {folder} has none.")
    parser = ConfigParser()
    parser.read_config(str(file))
    parser["bundle_root"] = str(folder)
    if weights is not None:
        parser["ckpt_path"] = str(weights)
    parser.parse()
    missing = [name for name in ("network_def", "inferer") if name not in parser]
    if missing:
        raise ValueError(f"`bundle` needs {' and '.join(missing)} in its configuration, {file} has none.")
    windows = _plain(parser, "inferer")
    if "roi_size" not in windows:
        raise ValueError(f"`bundle` needs an inferer with `roi_size`, {file} has {windows}.")
    return BundleNetwork(
        network_file(_weights(parser, folder, weights), _plain(parser, "network_def")),
        tuple(int(size) for size in windows["roi_size"]),
        float(windows.get("overlap", 0.25)),
        str(getattr(windows.get("mode", "constant"), "value", windows.get("mode", "constant"))),
    )


def _plain(parser: ConfigParser, name: str) -> dict[str, Any]:
    """A part of the configuration with all references resolved, and nothing made of it."""
    content = parser.get_parsed_content(name, instantiate=False)
    config = content.get_config() if hasattr(content, "get_config") else content
    if not isinstance(config, dict):
        raise ValueError(f"`bundle` needs a class and its arguments as {name}, got {config!r}.")
    return config


def _weights(parser: ConfigParser, folder: Path, given: str | os.PathLike[str] | None) -> Path:
    """The given weights, those of ``ckpt_path``, or of the usual places."""
    if given is not None:
        return Path(given)
    if "ckpt_path" in parser:
        return Path(parser.get_parsed_content("ckpt_path"))
    return next((folder / name for name in _WEIGHTS if (folder / name).is_file()), folder / _WEIGHTS[0])
