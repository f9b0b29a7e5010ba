# SPDX-License-Identifier: Apache-2.0
"""A network in a file: small enough to be sent to another machine, where it is read once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monai_boundary._file_hash import check_file_hash

_WRAPPED = ("model", "state_dict", "network", "net")


@dataclass(frozen=True)
class NetworkFile:
    """A trained network.

    Args:
        path: of its weights, or of TorchScript.
        definition: JSON of MONAI's configuration of the network, ``{"_target_": "UNet", ...}``; empty for TorchScript.
    """

    path: str
    definition: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of the file."""
        return hashlib.sha256(Path(self.path).read_bytes()).hexdigest()

    def load(self, device: str) -> nn.Module:
        """Return the network in eval mode; a process reads it once for each device.

        Args:
            device: where it will compute.

        Raises:
            ValueError: if the file is damaged, or holds another network's weights.
        """
        return _loaded(self, device)


def network_file(
    path: str | os.PathLike[str], definition: Mapping[str, Any] | str | os.PathLike[str] | None = None
) -> NetworkFile:
    """Return a network of a file, once it could be read.

    Args:
        path: weights (``torch.save`` of a state dictionary, alone or under ``"model"``), or TorchScript.
        definition: of the network whose weights they are: a mapping, or a YAML or JSON file of it, alone or as
            ``network_def``.

    Raises:
        ValueError: if the file is not there, is damaged, or does not fit.
    """
    place = Path(path).absolute()
    if not place.is_file():
        raise ValueError(f"`network` needs a file, {place} does not exist.")
    content: Any = definition
    if isinstance(definition, (str, os.PathLike)):
        from monai.bundle import ConfigParser

        content = ConfigParser.load_config_file(definition)
        content = content.get("network_def", content)
    if content is not None and "_target_" not in content:
        raise ValueError(f"`definition` needs a `_target_` (a class) and its arguments, got {sorted(content)}.")
    found = NetworkFile(str(place), "" if content is None else json.dumps(content, sort_keys=True))
    found.load("cpu")
    return found


@lru_cache(maxsize=8)
def _loaded(file: NetworkFile, device: str) -> nn.Module:
    network = _with_weights(file) if file.definition else _scripted(file.path)
    return network.to(device).eval()


def _scripted(path: str) -> nn.Module:
    check_file_hash(path, "network")
    try:
        network: nn.Module = torch.jit.load(path, map_location="cpu")
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"`network` needs TorchScript where no definition is given, {path} cannot be read as such: {reason}"
        ) from error
    return network


def _with_weights(file: NetworkFile) -> nn.Module:
    from monai.bundle import ConfigParser  # TorchScript does without MONAI, and half a gigabyte

    from monai_boundary.handlers.training.checkpoint_file import load_checked

    network: nn.Module = ConfigParser({"network_def": json.loads(file.definition)}).get_parsed_content("network_def")
    held = load_checked(file.path, "network")
    for name in _WRAPPED:
        held = held[name] if isinstance(held.get(name), Mapping) else held
    try:
        network.load_state_dict(held)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"`network` needs weights of the definition, {file.path} has others: {reason}") from error
    return network
