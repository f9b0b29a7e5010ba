# SPDX-License-Identifier: Apache-2.0
"""The folders of a data set, those that are links too, each once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from monai_boundary.data.em.source import natural_key

__all__ = ["FolderTree", "folder_tree"]


@dataclass
class FolderTree:
    """What lies below a folder: every folder once, its files, and what was left out with the reason."""

    root: Path
    folders: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def folder_tree(root: Path) -> FolderTree:
    """Return the folders below ``root`` and their files, in natural order; hidden ones (``.git``) are not looked at.

    Folders that are symbolic links are entered, wherever they lead. A folder that can be reached in several ways is
    entered once: by its own name where that lies below ``root``, else by the first link. A link that leads back to a
    folder above ``root`` is not followed. Such links, and links that lead nowhere, are in ``skipped``.

    Raises:
        ValueError: if a folder cannot be read: it is named.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp())
        >>> (place / "data" / "p1").mkdir(parents=True)
        >>> for name, target in (("p2", place / "data" / "p1"), ("loop", place)):
        ...     (place / "data" / name).symlink_to(target)
        >>> tree = folder_tree(place / "data")
        >>> [folder.name for folder in tree.folders], len(tree.skipped)
        (['data', 'p1'], 2)
    """
    tree = FolderTree(root)
    above = {_disk_place(folder) for folder in root.resolve().parents}
    seen: dict[tuple[int, int], Path] = {}
    plain, links = deque([root]), deque[Path]()
    while plain or links:
        folder = plain.popleft() if plain else links.popleft()  # links last: a folder keeps its own name
        identity = _disk_place(folder)
        if identity in seen or identity in above:
            why = f"the same folder as {seen[identity]}" if identity in seen else "a link to a folder above"
            tree.skipped.append(f"{folder} ({why})")
            continue
        seen[identity] = folder
        tree.folders.append(folder)
        for path in _inside(folder):
            if path.is_dir():
                (links if path.is_symlink() else plain).append(path)
            elif path.is_file():
                tree.files.append(path)
            elif path.is_symlink():
                tree.skipped.append(f"{path} (a link to nothing)")
    tree.folders.sort(key=_order)
    tree.files.sort(key=_order)
    return tree


def _order(path: Path | str) -> tuple[object, str]:
    return natural_key(str(path)), str(path)  # 1 and 01 are one number: then by their letters


def _disk_place(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _inside(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir(), key=_order)
    except OSError as error:
        raise ValueError(f"`dataset_dir` needs folders that can be read, got {folder}: {error.strerror}.") from error
    return [path for path in paths if not path.name.startswith(".")]
