# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.folder_tree import folder_tree


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in folder_tree(root).folders]


def test_folders_and_files_in_natural_order(tmp_path: Path) -> None:
    for name in ("p10/pre", "p9", "p9/.git", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("p10/a.nii", "p9/b.nii", "p9/.git/c.nii"):
        (tmp_path / name).touch()
    tree = folder_tree(tmp_path)
    assert names(tmp_path) == [".", "p9", "p10", "p10/pre"]
    assert [path.name for path in tree.files] == ["b.nii", "a.nii"]
    assert tree.skipped == []


def test_links_are_entered_and_each_folder_once(tmp_path: Path) -> None:
    root, store = tmp_path / "root", tmp_path / "store"
    for folder in (root / "z_real", store / "p1", store / "p2"):
        folder.mkdir(parents=True)
        (folder / "x.nii").touch()
    (root / "a_link").symlink_to(root / "z_real")  # the folder keeps its own name, though the link's comes first
    (root / "one").symlink_to(store / "p1")
    (root / "two").symlink_to(store / "p1")
    (root / "file.nii").symlink_to(store / "p2" / "x.nii")
    tree = folder_tree(root)
    assert names(root) == [".", "one", "z_real"]
    assert [path.relative_to(root).as_posix() for path in tree.files] == ["file.nii", "one/x.nii", "z_real/x.nii"]
    assert [line.replace(str(root), "") for line in tree.skipped] == [
        "/a_link (the same folder as /z_real)",
        "/two (the same folder as /one)",
    ]


def test_cycles_end(tmp_path: Path) -> None:
    root = tmp_path / "up" / "root"
    (root / "p1").mkdir(parents=True)
    (root / "p1" / "again").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    (root / "self").symlink_to(root / "self")
    (root / "nothing").symlink_to(root / "gone")
    store = tmp_path / "store"
    store.mkdir()
    (store / "back").symlink_to(store)
    (root / "store").symlink_to(store)
    tree = folder_tree(root)
    assert names(root) == [".", "p1", "store"]
    said = "; ".join(tree.skipped)
    for what in (
        "again (the same",
        "above (a link to a folder above)",
        "self (a link to nothing)",
        "nothing (a link to",
    ):
        assert what in said
    assert len(tree.skipped) == 5


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "p1").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(tmp_path / "link") == [".", "p1"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ValueError, match=rf"`dataset_dir` needs folders that can be read, got {tmp_path}: Permission"):
        folder_tree(tmp_path)
