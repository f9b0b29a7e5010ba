# SPDX-License-Identifier: Apache-2.0
"""What a program writes: under a name of its own, whole or not at all, and never over what was there."""

from __future__ import annotations

import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from monai_boundary._output_file import SUFFIX, atomic_output

__all__ = ["atomic_output", "check_new_outputs", "check_output_folder", "file_stem", "unique_output_names"]


def check_new_outputs(paths: Sequence[str | Path], overwrite: bool = False) -> None:
    """Check, before the work, that no two outputs are one file and none is there already.

    Raises:
        ValueError: if two paths are the same (but for upper and lower case, which some file systems do not tell apart),
            or, unless ``overwrite``, one exists. The first ones are named.

    Example:
        >>> check_new_outputs(["/nowhere/a_seg.h5", "/nowhere/b_seg.h5"])
    """
    counts = Counter(_folded(str(path)) for path in paths)
    twice = sorted({str(path) for path in paths if counts[_folded(str(path))] > 1})
    if twice:
        raise ValueError(f"`paths` needs a name for every output, got the same for several: {_few(twice)}.")
    there = [str(path) for path in paths if Path(path).exists() or Path(path).is_symlink()]
    if there and not overwrite:
        raise ValueError(
            f"`overwrite` needs to be true to replace the {len(there)} of {len(paths)} outputs that are there already: "
            f"{_few(there)}."
        )


def check_output_folder(path: str | Path) -> Path:
    """Make the folder where it is missing, and check that a file can be written in it. Call it before the work.

    Returns:
        The path.

    Raises:
        ValueError: if the folder cannot be made or written.

    Example:
        >>> check_output_folder(tempfile.mkdtemp()).is_dir()
        True
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".writable") as file:  # no name is left, even after a kill
            file.write(b"1")
    except OSError as error:
        raise ValueError(f"`path` needs a folder that can be written, got {folder}: {error.strerror}.") from error
    return folder


def file_stem(path: str | Path) -> str:
    """Return a file's name without its format: dots that belong to the name stay.

    Example:
        >>> [file_stem(name) for name in ("a.1.tif", "sample.A.h5", "x.nii.gz", "b.ome.zarr", "scan.5", ".tif")]
        ['a.1', 'sample.A', 'x', 'b', 'scan.5', '.tif']
    """
    name = Path(path).name
    return SUFFIX.sub("", name) or name


def unique_output_names(sources: Sequence[str | Path], endings: Sequence[str] | None = None) -> list[str]:
    """Name the output of every input: the stem of its file; where several have that, with the folders they differ in.

    Folders are put before the stem, outermost first, with ``_``. Files of one folder that differ in their format alone
    get it appended (``a_tif``, ``a_png``). Should two names still be equal, as may be when names hold ``_``, a number
    is appended. Names count as equal when they differ in case or in the form of an accent alone.

    Args:
        sources: paths of the inputs; the names depend on nothing else.
        endings: what is appended to each name, such as the number of a section; a source may then occur once with each.

    Returns:
        A name for each, no two of them equal.

    Raises:
        ValueError: if a source is given twice.

    Example:
        >>> unique_output_names(["a.1.tif", "a.2.tif"])
        ['a.1', 'a.2']
        >>> unique_output_names(["A/image/x.png", "B/image/x.png", "B/image/y.png"])
        ['A_x', 'B_x', 'y']
        >>> unique_output_names(["a.tif", "a.png"])
        ['a_tif', 'a_png']
    """
    paths = [Path(source) for source in sources]
    ends = [""] * len(paths) if endings is None else list(endings)
    twice = sorted({str(path) for (path, _), count in Counter(zip(paths, ends, strict=True)).items() if count > 1})
    if twice:
        raise ValueError(f"`sources` needs every source once, got several times: {_few(twice)}.")
    groups: dict[str, list[Path]] = {}
    for path in dict.fromkeys(paths):
        groups.setdefault(_folded(file_stem(path)), []).append(path)
    names: dict[Path, str] = {}
    for members in groups.values():
        told = _told_apart(members) if len(members) > 1 else [file_stem(members[0])]
        names.update(zip(members, told, strict=True))
    return _numbered([names[path] + ending for path, ending in zip(paths, ends, strict=True)])


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """Names of files with one stem: the folders in which any two of them differ, then the stem, then the format."""
    folders = [path.parent.parts[::-1] for path in paths]
    deepest = max(len(parts) for parts in folders)
    padded = [(*parts, *[""] * (deepest - len(parts))) for parts in folders]
    differing = [level for level in range(deepest) if len({parts[level] for parts in padded}) > 1]
    names = []
    for path, parts in zip(paths, padded, strict=True):
        alike = [p for p in paths if p.parent == path.parent]
        ending = f"_{path.name[len(file_stem(path)) :].strip('.')}" if len(alike) > 1 else ""
        before = [parts[level].strip("/\\:") for level in reversed(differing)]
        names.append("_".join([*(part for part in before if part), file_stem(path) + ending]))
    return names


def _numbered(names: Sequence[str]) -> list[str]:
    """Append a number to names that are still taken; those that occur once keep theirs."""
    counts = Counter(_folded(name) for name in names)
    taken = {name for name, count in counts.items() if count == 1}
    out = []
    for name in names:
        free, number = name, 1
        while counts[_folded(name)] > 1 and _folded(free) in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(_folded(free))
        out.append(free)
    return out


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
