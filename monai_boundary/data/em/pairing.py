# SPDX-License-Identifier: Apache-2.0
"""Which label file belongs to which image file, by their names, in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.em.source import natural_key

__all__ = ["IMAGE_WORDS", "LABEL_WORDS", "pair_by_name", "stem", "words"]

IMAGE_WORDS = ("image", "images", "img", "imgs", "raw", "volume", "volumes", "em", "input", "inputs", "grayscale")
LABEL_WORDS = (
    *("label", "labels", "mask", "masks", "membrane", "membranes", "gt", "truth", "groundtruth", "ground_truth"),
    *("seg", "segmentation", "annotation", "annotations", "target", "targets", "ids", "instances", "neuron_ids"),
)

_PARTS = re.compile(r"\d+|[^\W\d_]+|[^\w\s!-/:-@\[-`{-~]+")
"""Numbers, words, and signs that are no ASCII punctuation: everything but what stands between words."""


def words(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Split a file's name into what identifies it, and its role: ``"image"``, ``"label"`` or ``""``.

    Letters are those of any script; names that differ only in how an accent is stored are the same.

    Example:
        >>> words("label_α2.png"[:-4]) == words("α-2")
        False
        >>> words("label_α2")[0] == words("α-2")[0], words("label_α2")[1]
        (True, 'label')
    """
    low = [part.casefold() for part in _PARTS.findall(unicodedata.normalize("NFC", name))]
    role = "label" if any(w in LABEL_WORDS for w in low) else "image" if any(w in IMAGE_WORDS for w in low) else ""
    kept = [w for w in low if w not in IMAGE_WORDS and w not in LABEL_WORDS]
    return natural_key(" ".join(kept)), role


def stem(path: Path) -> str:
    """Return the name without its suffixes, such as ``.lzf.h5``; a number between dots belongs to the name."""
    return re.sub(r"(\.(lzf|gz|ome))?\.[^.]*$", "", path.name, flags=re.IGNORECASE)


def pair_by_name(images: Sequence[Path], labels: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Pair files by name: those of the very same name first, the others by what :func:`words` keeps of it.

    Raises:
        ValueError: if a label has no image, an image no label (though others have), or two files the same name.
    """
    same_labels = _by_stem(labels)
    exact = {
        image: same_labels[key] for key, image in _by_stem(images).items() if key in same_labels and image is not None
    }
    partners: dict[Path, Path | None] = {image: label for image, label in exact.items() if label is not None}
    taken = set(partners.values())
    of_image = _by_words([image for image in images if image not in partners])
    of_label = _by_words([label for label in labels if label not in taken])
    alone = [file for key, file in of_label.items() if key not in of_image]
    if labels:
        alone += [f for key, f in of_image.items() if key not in of_label and not f.name.lower().startswith("test")]
    if alone:
        names = ", ".join(str(file) for file in alone[:10]) + (
            f" and {len(alone) - 10} more" if len(alone) > 10 else ""
        )
        raise ValueError(f"`dataset_dir` needs matching names of images and labels, got no partner for: {names}.")
    partners.update({file: of_label.get(key) for key, file in of_image.items()})
    return [(image, partners[image]) for image in images if partners[image] is not None or not labels]


def _by_stem(files: Sequence[Path]) -> dict[str, Path | None]:
    """Files by their names without the format; ``None`` where several have one."""
    found: dict[str, Path | None] = {}
    for file in files:
        key = unicodedata.normalize("NFC", stem(file))
        found[key] = None if key in found else file
    return found


def _by_words(files: Sequence[Path]) -> dict[Any, Path]:
    found: dict[Any, Path] = {}
    for file in files:
        key = words(stem(file))[0]
        if key in found:
            raise ValueError(f"`dataset_dir` needs one file per section, got {found[key]} and {file} for the same one.")
        found[key] = file
    return found
