# SPDX-License-Identifier: Apache-2.0
"""Random folders of patients for the property tests of the readers: names, depths, links, orders, copies and faults."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from tests.data.nifti_files import label, write

# letters of several scripts, and marks that names are joined by; no two differ in case alone
NAMES = st.text("abcαβ日é09-_ +.", min_size=1, max_size=6).filter(lambda name: name.strip(". ") == name)


class Patient(NamedTuple):
    """A patient of a random tree."""

    folders: tuple[str, ...]  # below the root, its own included
    link: str  # "", or which part of its path is a link: "own" or "top"
    fault: str  # "", "no image", "two images", "no label", "two labels"
    suffix: str


def patients(faults: Sequence[str]) -> st.SearchStrategy[list[Patient]]:
    """Return patients of different folders, none of which lies in another's."""
    one = st.builds(
        Patient,
        folders=st.lists(NAMES, min_size=1, max_size=3).map(tuple),
        link=st.sampled_from(["", "", "own"]),
        fault=st.sampled_from(["", "", "", "", *faults]),
        suffix=st.sampled_from([".nii", ".nii.gz", ".NII.gz"]),
    )
    return st.lists(one, min_size=1, max_size=5, unique_by=lambda p: p.folders).filter(_apart)


def _apart(chosen: Sequence[Patient]) -> bool:
    places = [patient.folders for patient in chosen]
    return not any(a != b and b[: len(a)] == a for a, b in itertools.permutations(places, 2))


@contextmanager
def tree(
    chosen: Sequence[Patient], fill: Callable[[Path, Patient, int], None], loop: bool
) -> Iterator[tuple[Path, list[Path]]]:
    """Write the patients, some behind links, with other files between; give the root and the patients' folders."""
    with tempfile.TemporaryDirectory() as name:
        root, store = Path(name) / "root", Path(name) / "store"
        root.mkdir()
        store.mkdir()
        folders = []
        for k, patient in enumerate(chosen):
            folder = root.joinpath(*patient.folders)
            folder.parent.mkdir(parents=True, exist_ok=True)
            if patient.link:
                (store / f"{k}").mkdir()
                folder.symlink_to(store / f"{k}")
            else:
                folder.mkdir()
            fill(folder, patient, k)
            folders.append(folder)
        (root / "notes.txt").write_text("no image")
        (root / ".hidden").mkdir()
        shutil.copytree(folders[0], root / ".hidden" / "copy")
        if loop:
            (root / "zz loop").symlink_to(root)
            (root / "zz nothing").symlink_to(store / "gone")
        yield root, folders


def check_items_of_tree(
    read: Callable[..., list[dict[str, Any]]],
    root: Path,
    chosen: Sequence[Patient],
    folders: Sequence[Path],
    names: Sequence[str],
    modalities: Sequence[str],
) -> None:
    """Assert that a reader gives every case once, from its own folder, or an error that names a faulty one."""
    faulty = [k for k, patient in enumerate(chosen) if patient.fault]
    if faulty:
        with pytest.raises(ValueError, match="needs one file of") as error:
            read(root, modalities=modalities)
        assert any(names[k] in str(error.value) for k in faulty)
        return
    items = read(root, modalities=modalities)
    assert len(items) == len(chosen)
    for key in ("case", "patient", "label", *modalities):
        assert len({item[key].casefold() for item in items}) == len(chosen), key
    for item in items:
        (folder,) = (f for f in folders if f in Path(item["label"]).parents)
        assert all(folder in Path(item[m]).parents for m in modalities)


def put(path: Path) -> None:
    """Write a small volume, always the same."""
    if not _MADE:
        with tempfile.TemporaryDirectory() as name:
            for end in (".nii", ".nii.gz"):
                _MADE[end] = write(Path(name) / f"a{end}", label(1)).read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_MADE[".nii.gz" if path.suffix.lower() == ".gz" else ".nii"])


_MADE: dict[str, bytes] = {}
