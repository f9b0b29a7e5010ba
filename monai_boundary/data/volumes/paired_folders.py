# SPDX-License-Identifier: Apache-2.0
"""Two folders, one of images and one of labels, whose files belong together by their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from monai_boundary.data.folder_tree import folder_tree
from monai_boundary.data.volumes.dataset_problems import DatasetProblem
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import double_cases, in_order, volume_files, volume_stem

__all__ = ["find_folder_pair", "read_paired_folders"]

_IMAGES = ("images", "image", "imgs", "img", "imagestr")
_LABELS = ("labels", "label", "masks", "mask", "segmentations", "segmentation", "segs", "seg", "labelstr")
_CHANNEL = re.compile(r"_(\d{4})$")
_WORD = re.compile(r"[-_. ](seg|label|mask|segmentation|image|img)$", re.IGNORECASE)


def find_folder_pair(
    dataset_dir: Path, image_dir: str | None = None, label_dir: str | None = None
) -> tuple[Path, Path] | None:
    """Return the folders of images and of labels, or None where no folder has such a name.

    Args:
        dataset_dir: folder that holds both.
        image_dir: name of the folder of images in it, or a path; None takes ``images``, ``imagesTr``, or the only one
            whose name begins with ``image``.
        label_dir: the same of the labels (``label``, ``mask``, ``seg``).

    Raises:
        ValueError: if a given folder is none, or several could be meant; they are named.
    """
    if not dataset_dir.is_dir():
        return None
    there = sorted(path for path in dataset_dir.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = []
    for argument, given, names in (("image_dir", image_dir, _IMAGES), ("label_dir", label_dir, _LABELS)):
        if given is not None:
            if not (dataset_dir / given).is_dir():
                listing = ", ".join(p.name for p in there) or "none"
                raise ValueError(f"`{argument}` needs a folder in {dataset_dir} ({listing}), got {given!r}.")
            found.append(dataset_dir / given)
            continue
        exact = [p for p in there if p.name.casefold() in names]
        begun = [p for p in there if p.name.casefold().startswith(names[1::2]) and not _of_test(p.name)]
        meant = exact if exact else begun
        if len(meant) > 1:
            raise ValueError(
                f"`{argument}` is needed: {', '.join(p.name for p in meant)} in {dataset_dir} could be it."
            )
        found += meant
    return (found[0], found[1]) if len(found) == 2 else None


def read_paired_folders(images: Path, labels: Path, channels: Sequence[str] = ("image",)) -> VolumeDataset:
    """Return the data set of two folders; images and labels are paired by stem, in any script, and by inner folders.

    Where stems do not agree, a label may continue its image's (``Anna_ct``, ``Anna_ct_seg-manual``), or what all
    images, or all labels, end with does not count (``Anna_t1``, ``Anna_seg``).
    Several channels are files ``stem_0000``, ``stem_0001`` and so on; of one channel such a number is part of the name,
    where labels have it too. In folders of patients, the first inner folder is the patient.

    Args:
        images: folder of the images.
        labels: folder of the labels.
        channels: names, one for each channel.
    """
    found = _volumes(images), _volumes(labels)
    numbered = [key for key in found[0] if _CHANNEL.search(key)]
    if len(channels) == 1 and not set(numbered).isdisjoint(_beginnings(found[1])):
        numbered = []  # case_0001 beside its label, case_0001
    channel_files, problems = _by_channel(found[0], len(channels), numbered)
    of_label: dict[str, list[Path]] = found[1]
    if channel_files and of_label and not set(channel_files) & set(of_label):
        longer = _continued(of_label, channel_files)
        if longer is None:
            channel_files, of_label = _without_ends(channel_files), _without_ends(of_label)
        else:
            of_label = longer
    problems += _problems(channel_files, of_label, len(channels))
    if len(channels) == 1 and any(int(key[-4:]) for key in numbered):
        what = "case_0000, case_0001, ... are channels: name them (`channels`), or give nnU-Net's dataset.json"
        problems.insert(0, DatasetProblem("channels that nothing describes", str(images), what))
    items = []
    for key, paths in channel_files.items():
        if key in of_label and len(paths) == len(channels):
            image = [str(path) for path in paths]
            item = {"image": image if len(image) > 1 else image[0], "label": str(of_label[key][0])}
            items.append({**item, "case": key.replace("/", "-"), "patient": key.split("/")[0]})
    problems += double_cases(items)
    source = f"{images} and {labels}"
    return VolumeDataset("paired_folders", source, tuple(channels), items=in_order(items), problems=tuple(problems))


def _problems(images: dict[str, list[Path]], labels: dict[str, list[Path]], channels: int) -> list[DatasetProblem]:
    """Names with too many files on one side or too few channels, and files without a partner."""
    problems = []
    for side, word, most in ((images, "images", channels), (labels, "labels", 1)):
        for key, files in side.items():
            listing = ", ".join(map(str, files))
            if len(files) > most:
                problems.append(DatasetProblem(f"double {word}", key, listing))
            elif len(files) < most:
                what = f"{len(files)} of {most} files: {listing}"
                problems.append(DatasetProblem("channels that are missing", key, what))
    for alone, other, word in (
        (images, labels, "images without a label"),
        (labels, images, "labels without an image"),
    ):
        problems += [DatasetProblem(word, str(files[0])) for key, files in alone.items() if key not in other]
    return problems


def _of_test(name: str) -> bool:
    return name.casefold().endswith(("ts", "test", "val"))


def _volumes(folder: Path) -> dict[str, list[Path]]:
    """Files by their inner folders and stem."""
    found: dict[str, list[Path]] = {}
    for path in volume_files(folder_tree(folder).files):
        inside = path.parent.relative_to(folder).parts
        key = unicodedata.normalize("NFC", "/".join((*inside, str(volume_stem(path)))))
        found.setdefault(key, []).append(path)
    return found


def _beginnings(labels: dict[str, list[Path]]) -> set[str]:
    """The names of labels, and what stands in them before each mark."""
    return {key[:k] for key in labels for k, sign in enumerate(f"{key} ") if sign in "-_. "}


def _by_channel(
    files: dict[str, list[Path]], channels: int, numbered: Sequence[str]
) -> tuple[dict[str, list[Path]], list[DatasetProblem]]:
    """Files of each case in the order of their channels' numbers; without numbers, a file is a case."""
    if not numbered or (channels == 1 and len(numbered) < len(files)):
        return dict(files), []
    cases: dict[str, list[Path]] = {}
    problems = []
    for key in sorted(files):
        match = _CHANNEL.search(key)
        if match is None or int(match[1]) >= channels:
            problems.append(
                DatasetProblem("channels that are not declared", str(files[key][0]), f"{channels} declared")
            )
        else:
            cases.setdefault(key[: match.start()], []).extend(files[key])
    return cases, problems


def _continued(labels: dict[str, list[Path]], images: dict[str, list[Path]]) -> dict[str, list[Path]] | None:
    """Labels by the longest image's name that each continues after a mark; None where one continues none."""
    found: dict[str, list[Path]] = {}
    for key, of in labels.items():
        begun = [name for name in images if key.startswith(name) and key[len(name)] in "-_. "]
        if not begun:
            return None
        found.setdefault(max(begun, key=len), []).extend(of)
    return found


def _without_ends(files: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """The same with what all names end with taken off, from a mark such as ``_`` on; or a word for what it is."""
    end = _common_end(list(files))
    marks = [k for k, sign in enumerate(end) if sign in "-_. "]
    shorter: dict[str, list[Path]] = {}
    for key, of in files.items():
        known = len(files) > 1 and marks
        name = key[: len(key) - len(end) + marks[0]] if known else _WORD.sub("", key)
        shorter.setdefault(name, []).extend(of)
    return shorter


def _common_end(names: list[str]) -> str:
    first, last = (name[::-1] for name in (min(names, key=_reverse), max(names, key=_reverse)))
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same][::-1]


def _reverse(name: str) -> str:
    return name[::-1]
