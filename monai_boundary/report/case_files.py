# SPDX-License-Identifier: Apache-2.0
"""Which file of a folder of predictions belongs to which file of a folder of truths, by their names."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from monai_boundary.data.em.source import natural_key

NIFTI_SUFFIXES = (".nii.gz", ".nii")
ITK_SUFFIXES = (".mha", ".mhd", ".nrrd", ".nhdr", ".hdr", ".gipl", ".gipl.gz")
PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
ARRAY_SUFFIXES = (".h5", ".hdf", ".hdf5", ".he5")
SUFFIXES = (*NIFTI_SUFFIXES, *ITK_SUFFIXES, *PICTURE_SUFFIXES, *ARRAY_SUFFIXES, ".zarr")

# what a name may say of the role of its file, and not of the case
_ROLES = (
    *("pred", "preds", "prediction", "predictions", "predicted", "auto", "output", "out", "result", "results"),
    *("seg", "segm", "segmentation", "segmentations", "mask", "masks", "msk", "label", "labels", "lbl", "roi"),
    *("prob", "probs", "proba", "probability", "probabilities", "softmax"),
    *("gt", "truth", "groundtruth", "reference", "ref", "manual", "target", "annotation", "instances", "ids"),
    *("lesion", "lesions", "tumour", "tumor", "wmh", "dseg"),
)
_ROLE = re.compile(rf"(?:^|[-_. ]+)(?:{'|'.join(_ROLES)}|ground[-_. ]truth)(?=$|[-_. ])", re.IGNORECASE)
_CHANNEL = re.compile(r"_0000$")  # nnU-Net's first channel: predictions are often saved under the image's name
_MARKS = "-_"  # between the names of folders, in names that bundles give
_LISTED = 10


class CaseFile(NamedTuple):
    """A segmentation in a folder: what its name says of the case, its folders within the root, and where it is."""

    case: str
    within: str
    path: Path


class CasePair(NamedTuple):
    """A case with the files of its prediction and its truth."""

    case: str
    prediction: Path
    truth: Path


class CaseMatches(NamedTuple):
    """Pairs in natural order, and the files of either side that have no partner."""

    pairs: list[CasePair]
    predictions_alone: list[Path]
    truths_alone: list[Path]


def case_of_file(path: Path) -> str:
    """Return what a file's name says of its case: without suffix, words for its role, and nnU-Net's ``_0000``.

    Args:
        path: of the file; only its name counts.

    Example:
        >>> [case_of_file(Path(n)) for n in ("BraTS-GLI-00001-000-seg.nii.gz", "hippocampus_001_0000.mha", "wmh.nii")]
        ['BraTS-GLI-00001-000', 'hippocampus_001', '']
    """
    suffix = next((s for s in sorted((*SUFFIXES, ".npz"), key=len, reverse=True) if path.name.lower().endswith(s)), "")
    name = _CHANNEL.sub("", path.name[: len(path.name) - len(suffix)] if suffix else path.name)
    name = re.sub(r"\.(lzf|ome)$", "", name, flags=re.IGNORECASE)
    while name and _ROLE.search(name):
        shorter = _ROLE.sub("", name).strip("-_. ")
        if shorter == name:
            break
        name = shorter
    # bytes that are no UTF-8 are shown by their codes: no table or page could hold them
    return _CHANNEL.sub("", name).encode(errors="backslashreplace").decode()


def list_case_files(
    folder: str | os.PathLike[str], pattern: str | None = None, suffixes: Sequence[str] = SUFFIXES
) -> list[CaseFile]:
    """Return the segmentations of a folder and of those below it (links are followed), in natural order.

    A file is one, if its suffix is known; a Zarr store is one; so is a folder that holds pictures and nothing but
    pictures (their stack), unless it is the root, whose pictures are cases of their own. A file whose name is a word
    for its role only (``seg.nii.gz``) has the name of its folder.

    Args:
        folder: the root.
        pattern: keep only names that match, such as ``"*_seg.nii.gz"``.
        suffixes: ends of the names of files that are read.

    Raises:
        ValueError: if the folder is none, or holds no segmentation.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"`folder` needs a folder of segmentations, got {str(folder)!r}.")
    found = []
    for path in _segmentations(root, set(), tuple(suffixes)):
        if pattern is not None and not fnmatch(path.name, pattern):
            continue
        within = path.parent.relative_to(root).as_posix()
        name = case_of_file(path)
        if not name and path.parent != root:
            name, within = path.parent.name, path.parent.parent.relative_to(root).as_posix()
        found.append(CaseFile(name or path.name, "" if within == "." else within, path))
    if not found:
        kinds = f"named {pattern!r}" if pattern else f"({' '.join(suffixes)}, or folders of pictures)"
        raise ValueError(f"`folder` needs segmentations {kinds}, found none in {root}.")
    return sorted(found, key=lambda file: (natural_key(file.within), natural_key(file.path.name)))


def match_cases(predictions: Sequence[CaseFile], truths: Sequence[CaseFile]) -> CaseMatches:
    """Pair predictions with truths by the names of the cases, upper and lower case alike.

    Where a name is there more than once (one file in each patient's folder), the folders are compared, too. A truth in
    ``SiteA/0`` is also that of a prediction called ``SiteA-0`` or ``SiteA_0``, as the bundles call theirs.

    Args:
        predictions: of :func:`list_case_files`.
        truths: of :func:`list_case_files`.

    Raises:
        ValueError: if two files of one side are the same case, or called like the folders of one truth, all of them
            listed.

    Example:
        >>> names = ("a_pred.nii.gz", "b.nii.gz"), ("a-seg.nii", "c-seg.nii")
        >>> sides = [[CaseFile(case_of_file(Path(n)), "", Path(n)) for n in side] for side in names]
        >>> match_cases(*sides).pairs
        [CasePair(case='a', prediction=PosixPath('a_pred.nii.gz'), truth=PosixPath('a-seg.nii'))]
    """
    sides = [_by_name(files) for files in (predictions, truths)]
    long = {name for side in sides for name, files in side.items() if len(files) > 1}
    keyed = [_keyed(side, long, word) for side, word in zip(sides, ("predictions", "truths"), strict=True)]
    joined = _joined_by_folders(*keyed)
    keyed[1] = {joined.get(key, key): file for key, file in keyed[1].items()}
    of_prediction, of_truth = keyed
    renamed = set(joined.values())
    pairs = [
        CasePair(
            of_prediction[key].case if key in renamed else _shown(file, file.case.casefold() in long),
            *(of_prediction[key].path, file.path),
        )
        for key, file in of_truth.items()
        if key in of_prediction
    ]
    alone = [[file.path for key, file in a.items() if key not in b] for a, b in (keyed, keyed[::-1])]
    return CaseMatches(sorted(pairs, key=lambda pair: natural_key(pair.case)), *alone)


def _joined_by_folders(predictions: Mapping[str, CaseFile], truths: Mapping[str, CaseFile]) -> dict[str, str]:
    """Truth's key -> prediction's, where folders and name of one truth, joined by a mark, are a prediction's name."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, file in truths.items():
        if key not in predictions and file.within:
            for mark in _MARKS:
                found[f"{file.within}/{file.case}".replace("/", mark).casefold()].append(key)
    fitting: dict[str, list[str]] = defaultdict(list)
    for name, keys in found.items():
        if name in predictions and name not in truths and len(keys) == 1:
            fitting[keys[0]].append(name)
    twice = [name for names in fitting.values() if len(names) > 1 for name in names]
    if twice:
        raise ValueError(
            "`predictions` needs one file for each case, got several that are called like the folders of one truth: "
            f"{listed([predictions[name].path for name in twice])}."
        )
    return {key: names[0] for key, names in fitting.items()}


def match_images(files: Sequence[CaseFile], cases: Collection[str]) -> dict[str, tuple[Path, ...]]:
    """Return the images that may be those of each case, the likeliest first; a case without any is left out.

    First the file of the case's name, then those that go on with another word (``_t1ce``), then those in a folder that
    is called like the case, or in one below it (``SiteA/0/pre/FLAIR.nii.gz`` of ``SiteA/0`` or ``SiteA-0``). Of cases
    that only their folders tell apart (``SiteA/0``, ``SiteB/0``) the images are in folders of these names, too. If
    several folders are called so, or several cases may mean one file, it cannot be told whose images they are, and they
    are none. What a name calls a segmentation is no image.

    Args:
        files: of :func:`list_case_files`.
        cases: names of the cases.

    Example:
        >>> names = ("a_seg.nii", "a_flair.nii", "a_t1.nii", "b_0000.nii", "c/pre/t1.nii", "c/seg.nii")
        >>> files = [CaseFile(case_of_file(Path(n)), str(Path(n).parent), Path(n)) for n in names]
        >>> for case, paths in match_images(files, ["a", "b", "c", "d"]).items():
        ...     print(case, *paths)
        a a_flair.nii a_t1.nii
        b b_0000.nii
        c c/pre/t1.nii
    """
    images = [file for file in files if not _ROLE.search(file.path.name.split(".")[0])]
    found = {}
    named = [case.casefold().rpartition("/") for case in cases]
    numbers = Counter(name for _, _, name in named)
    for case, (folder, _, name) in zip(cases, named, strict=True):
        own = [file for file in images if f"/{file.within.casefold()}".endswith(f"/{folder}")] if folder else images
        for there in (own, images if numbers[name] == 1 else []):
            same = [file.path for file in there if file.case.casefold() == name]
            more = [file.path for file in there if re.match(re.escape(name) + r"[-_. ]", file.case.casefold())]
            if same or more:
                break
        candidates = same + more or _in_folder_of(case, images)
        if candidates:
            found[case] = tuple(candidates)
    return found


def _in_folder_of(case: str, images: Sequence[CaseFile]) -> list[Path]:
    """The files in the one folder whose last names are the case's, joined by ``/`` or a mark, and below it."""
    found: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for file in images:
        parts = tuple(file.within.casefold().split("/"))
        names = (
            (k, mark.join(parts[j:k])) for k in range(1, len(parts) + 1) for j in range(k) for mark in ("/", *_MARKS)
        )
        end = next((k for k, name in names if name == case.casefold()), None)
        if end is not None:
            found[parts[:end]].append(file.path)
    return next(iter(found.values())) if len(found) == 1 else []


def listed(paths: Sequence[object], most: int = _LISTED) -> str:
    """Return the first of many as a text, with the number of the others."""
    rest = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(str(path) for path in paths[:most]) + rest


def _segmentations(folder: Path, visited: set[Path], suffixes: tuple[str, ...]) -> Iterator[Path]:
    real = folder.resolve()
    if real in visited:  # a link that leads back
        return
    visited.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if path.name.lower().endswith(".zarr") or _is_picture_stack(path):
                yield path
            else:
                yield from _segmentations(path, visited, suffixes)
        elif path.name.lower().endswith(suffixes) and not _is_data_of_header(path):
            yield path


def _is_picture_stack(folder: Path) -> bool:
    names = [path.name.lower() for path in folder.iterdir() if not path.name.startswith(".")]
    pictures = [name for name in names if name.endswith(PICTURE_SUFFIXES)]
    return bool(pictures) and all(name.endswith((*PICTURE_SUFFIXES, ".json", ".txt")) for name in names)


def _is_data_of_header(path: Path) -> bool:
    """An Analyze or NIfTI pair is named by its .hdr; the .img has no known suffix. A Zarr's parts are in a folder."""
    return path.suffix.lower() == ".hdr" and not path.with_suffix(".img").exists()


def _by_name(files: Sequence[CaseFile]) -> dict[str, list[CaseFile]]:
    found: dict[str, list[CaseFile]] = defaultdict(list)
    for file in files:
        found[file.case.casefold()].append(file)
    return found


def _keyed(side: Mapping[str, list[CaseFile]], long: set[str], word: str) -> dict[str, CaseFile]:
    keyed: dict[str, list[CaseFile]] = defaultdict(list)
    for name, files in side.items():
        for file in files:
            keyed[_shown(file, name in long).casefold()].append(file)
    twice = [f"{files[0].case}: {listed([file.path for file in files])}" for files in keyed.values() if len(files) > 1]
    if twice:
        raise ValueError(
            f"`{word}` needs one file for each case, got several for {len(twice)}: {'; '.join(twice[:_LISTED])}. "
            "A pattern such as '*_seg.nii.gz' can say which are meant."
        )
    return {key: files[0] for key, files in keyed.items()}


def _shown(file: CaseFile, with_folders: bool) -> str:
    return f"{file.within}/{file.case}" if with_folders and file.within else file.case
