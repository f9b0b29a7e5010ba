# SPDX-License-Identifier: Apache-2.0
"""Puts the bundles into the wheel, where ``monai-boundary bundle`` finds them; an editable install has the clone's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # the name that hatchling looks for
    """Adds every folder with ``configs/metadata.json`` as ``monai_boundary/_bundles/NAME``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; called before the wheel is built."""
        if version == "editable":
            return
        for metadata in sorted(Path(self.root, "bundles").glob("*/configs/metadata.json")):
            bundle = metadata.parents[1]
            for path in sorted(bundle.rglob("*")):
                inside = path.relative_to(bundle)
                if path.is_file() and not {"output", "__pycache__"} & set(inside.parts):
                    build_data["force_include"][str(path)] = (
                        f"monai_boundary/_bundles/{bundle.name}/{inside.as_posix()}"
                    )
