# SPDX-License-Identifier: Apache-2.0
"""Where the images and labels of an EM data set lie: folders of sections, BIDS, Zarr, HDF5, TIF."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from monai_boundary.data.em.arrays import HDF5_SUFFIXES, is_zarr
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.pairing import IMAGE_WORDS, LABEL_WORDS, pair_by_name, stem, words
from monai_boundary.data.em.picture import PICTURE_SUFFIXES, list_pictures
from monai_boundary.data.em.source import EMSource, natural_key
from monai_boundary.data.em.tif import TIF_SUFFIXES

__all__ = ["EMVolume", "bids_volumes", "entries", "flat_volumes", "folder_volumes", "is_hdf5", "is_tif", "walk_files"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EMVolume:
    """One stack: either whole sources, or a picture per section; ``subject`` is whose it is, where that is stated."""

    name: str
    image: EMSource
    label: EMSource | None = None
    image_files: tuple[Path, ...] = ()
    label_files: tuple[Path, ...] = ()
    subject: str | None = None


def is_hdf5(path: Path) -> bool:
    """Tell an HDF5 file by its name."""
    return path.suffix.lower() in HDF5_SUFFIXES


def is_tif(path: Path) -> bool:
    """Tell a TIF file by its name."""
    return path.suffix.lower() in TIF_SUFFIXES


def entries(root: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """Return ``root`` itself when it is wanted and a file, else what is wanted in it, in natural order.

    Links are followed. Of several names of one file or folder the first is taken, and the others are named in the log:
    a case must not be in the training and in the validation part at once.

    Raises:
        ValueError: if a wanted name is a link that leads nowhere.
    """
    if root.is_file():
        return [root] if wanted(root) else []
    found: dict[tuple[int, int], Path] = {}
    for path in sorted((p for p in root.iterdir() if not p.name.startswith(".")), key=lambda p: natural_key(p.name)):
        if path.is_symlink() and not path.exists():
            raise ValueError(f"`dataset_dir` needs links that lead to a file or folder, got the broken link {path}.")
        if not wanted(path):
            continue
        state = path.stat()
        first = found.setdefault((state.st_dev, state.st_ino), path)
        if first != path:
            logger.warning(f"Skipped {path}: it is another name of {first}.")
    return list(found.values())


def walk_files(root: Path) -> Iterator[Path]:
    """Go through the files below ``root`` in natural order, through linked folders too; a Zarr store is one thing."""
    seen: set[str] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        here = Path(place)
        if os.path.realpath(place) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        stores = [name for name in folders if is_zarr(here / name)]
        folders[:] = sorted((n for n in folders if n not in stores and not n.startswith(".")), key=natural_key)
        yield from (here / n for n in sorted([*files, *stores], key=natural_key) if not n.startswith("."))


def folder_volumes(root: Path, image: str | None, label: str | None, wanted: bool) -> list[EMVolume]:
    """Find a pair of folders in ``root``, or one in each of its folders, or pictures alone.

    Args:
        root: folder, or one picture.
        image: name of the images' folder, where several could be it.
        label: likewise of the labels'.
        wanted: whether labels are.

    Raises:
        ValueError: if several folders could be the images or the labels.
    """
    if root.is_file():
        known = root.suffix.lower() in PICTURE_SUFFIXES and not is_tif(root)
        return [EMVolume(root.stem, EMSource(root), image_files=(root,))] if known else []
    here = _folder_pair(root, image, label, wanted)
    if here:
        return here
    inner = [v for p in entries(root, _is_plain_folder) for v in _folder_pair(p, image, label, wanted)]
    if inner:
        return inner
    files = list_pictures(root)
    return [] if any(is_tif(file) for file in files) else flat_volumes(root, files)


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not is_zarr(path)


def _folder_pair(root: Path, image: str | None, label: str | None, wanted: bool) -> list[EMVolume]:
    """Volumes of one pair of folders: one of all its sections, or one per stack when the files are stacks."""
    images = _chosen_folder(root, image, IMAGE_WORDS, "image_dataset")
    if images is None:
        return []
    labels = _chosen_folder(root, label, LABEL_WORDS, "label_dataset") if wanted else None
    pairs = pair_by_name(list_pictures(images), list_pictures(labels) if labels else [])
    with open_em_stack(EMSource(pairs[0][0])) as first:
        stacks = len(first.shape) == 3
    if stacks:
        return [EMVolume(stem(a), EMSource(a), EMSource(b) if b else None) for a, b in pairs]
    truth = tuple(b for _, b in pairs if b is not None)
    return [
        EMVolume(root.name, EMSource(images), EMSource(labels) if labels else None, tuple(a for a, _ in pairs), truth)
    ]


def _chosen_folder(root: Path, name: str | None, usual: Sequence[str], option: str) -> Path | None:
    """The folder of pictures that is asked for, or the one with a usual name.

    Raises:
        ValueError: if there are several with a usual name.
    """
    if name is not None:
        asked = root / name.strip("/")
        return asked if _is_plain_folder(asked) and list_pictures(asked) else None
    found = [p for p in entries(root, _is_plain_folder) if p.name.lower() in usual and list_pictures(p)]
    if len(found) > 1:
        kind = option.split("_")[0]
        raise ValueError(
            f"`{option}` needs a folder's name (--{option} {found[0].name}), since several in {root} could hold the "
            f"{kind}s: {', '.join(p.name for p in found)}."
        )
    return found[0] if found else None


def flat_volumes(root: Path, files: Sequence[Path]) -> list[EMVolume]:
    """Volumes of files in one folder: pairs by name; single sections of one size are one stack, also when they are TIF.

    Args:
        root: the folder; a stack of sections has its name.
        files: pictures or stacks, images and labels.
    """
    labels = [file for file in files if words(stem(file))[1] == "label"]
    if len(labels) == len(files):
        labels = []
    pairs = pair_by_name([file for file in files if file not in labels], labels)
    if len(pairs) > 1 and len(_sizes([a for a, _ in pairs])) == 1:
        truth = tuple(b for _, b in pairs if b is not None)
        return [
            EMVolume(root.name, EMSource(root), EMSource(root) if truth else None, tuple(a for a, _ in pairs), truth)
        ]
    return [_alone(a, b) for a, b in pairs]


def _alone(image: Path, label: Path | None) -> EMVolume:
    """Volume of one file, which may be a section."""
    partner = EMSource(label) if label else None
    if is_tif(image):
        return EMVolume(stem(image), EMSource(image), partner)
    return EMVolume(stem(image), EMSource(image), partner, (image,), (label,) if label else ())


def _sizes(files: Sequence[Path]) -> set[tuple[int, ...]]:
    """Sizes of the files, when all are single sections; else none."""
    sizes: set[tuple[int, ...]] = set()
    for file in files:
        with open_em_stack(EMSource(file)) as stack:
            if len(stack.shape) != 2:
                return set()
            sizes.add(stack.shape)
    return sizes


def bids_volumes(root: Path, label: str | None, wanted: bool) -> list[EMVolume]:
    """Find images of BIDS (``sub-*/micr/*_SEM.png``) and their labels (``derivatives/**/*_seg-<label>*.png``).

    Every image is a volume of its own: they differ in size and in the size of their pixels.

    Args:
        root: folder that holds ``sub-...`` folders.
        label: which segmentation, where there are several.
        wanted: whether labels are.

    Raises:
        ValueError: if there are several segmentations and none is named, or an image has none.
    """
    subjects = entries(root, lambda p: p.is_dir() and p.name.startswith("sub-")) if root.is_dir() else []
    images = [f for p in subjects for f in walk_files(p) if f.suffix.lower() in PICTURE_SUFFIXES]
    derived = root / "derivatives"
    truths: dict[str, dict[str, Path]] = {}
    if wanted and images and derived.is_dir():
        for file in walk_files(derived):
            scan, mark, rest = stem(file).partition("_seg-")
            if mark and file.suffix.lower() in PICTURE_SUFFIXES:
                truths.setdefault(rest.split("-")[0], {})[scan] = file
    if label is None and len(truths) > 1:
        raise ValueError(
            f"`label_dataset` needs a name (--label_dataset {next(iter(truths))}), since {root} has several "
            f"segmentations: {', '.join(sorted(truths))}."
        )
    if label is not None and truths and label not in truths:
        raise ValueError(f"`label_dataset` needs one of {', '.join(sorted(truths))} in {root}, got {label!r}.")
    chosen = truths.get(label or next(iter(truths), ""), {})
    return [
        replace(_alone(image, chosen.get(stem(image))), subject=image.relative_to(root).parts[0]) for image in images
    ]
