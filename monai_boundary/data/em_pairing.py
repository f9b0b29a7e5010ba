# SPDX-License-Identifier: Apache-2.0
"""Which label file belongs to which image file, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.em_source import natural_key

__all__ = ["IMAGE_WORDS", "LABEL_WORDS", "pair_by_name", "stem", "words"]

IMAGE_WORDS = ("image", "images", "img", "imgs", "raw", "volume", "volumes", "em", "input", "inputs", "grayscale")
LABEL_WORDS = (
    *("label", "labels", "mask", "masks", "membrane", "membranes", "gt", "truth", "groundtruth", "ground_truth"),
    *("seg", "segmentation", "annotation", "annotations", "target", "targets", "ids", "instances", "neuron_ids"),
)


def words(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Split a file's name into what identifies it, and its role: ``"image"``, ``"label"`` or ``""``."""
    parts = re.findall(r"[a-zA-Z]+|\d+", name)
    low = [part.lower() for part in parts]
    role = "label" if any(w in LABEL_WORDS for w in low) else "image" if any(w in IMAGE_WORDS for w in low) else ""
    kept = [w for w in low if w not in IMAGE_WORDS and w not in LABEL_WORDS]
    return natural_key(" ".join(kept)), role


def stem(path: Path) -> str:
    """Return the name without its suffixes, such as ``.lzf.h5``; a number between dots belongs to the name."""
    return re.sub(r"(\.(lzf|gz|ome))?\.[^.]*$", "", path.name, flags=re.IGNORECASE)


def pair_by_name(images: Sequence[Path], labels: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Pair files by name.

    Raises:
        ValueError: if a label has no image, an image no label (though others have), or two files the same name.
    """
    keyed: list[dict[Any, Path]] = [{}, {}]
    for store, files in zip(keyed, (images, labels), strict=True):
        for file in files:
            key = words(stem(file))[0]
            if key in store:
                raise ValueError(
                    f"`dataset_dir` needs one file per section, got {store[key]} and {file} for the same one."
                )
            store[key] = file
    of_image, of_label = keyed
    alone = [file for key, file in of_label.items() if key not in of_image]
    if of_label:
        alone += [f for key, f in of_image.items() if key not in of_label and not f.name.lower().startswith("test")]
    if alone:
        names = ", ".join(str(file) for file in alone[:10]) + (
            f" and {len(alone) - 10} more" if len(alone) > 10 else ""
        )
        raise ValueError(f"`dataset_dir` needs matching names of images and labels, got no partner for: {names}.")
    return [(file, of_label.get(key)) for key, file in of_image.items() if key in of_label or not of_label]
