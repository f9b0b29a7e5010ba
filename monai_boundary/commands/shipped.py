# SPDX-License-Identifier: Apache-2.0
"""The bundles that come with the package: where they lie, copies of them, and a zip of one with its network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from monai_boundary._bundle_folders import find_bundle
from monai_boundary.data.output_files import atomic_output, check_output_folder

# of a training that ran in the bundle's folder, and of a zip that it was unpacked from: a copy may be changed
_LEFT_OUT = ("__pycache__", "output", ".ipynb_checkpoints", "checksums.json")
_TRAINED = (
    "model.pt",
    "model.pt.sha256",
    "settings.json",
    "model_evaluated.json",
)  # the network, and what stands beside it
_MAIN = '''\
"""Runs the bundle of this archive: ``python {name}.zip inference --dataset_dir IMAGES --output_dir OUT``."""

import sys

from monai_boundary.__main__ import main

main(["bundle", "run", sys.argv[0], *sys.argv[1:]])
'''


def copy_bundle(name: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Path:
    """Copy a bundle, to change it: it can be written, and appears under its name when it is whole.

    Args:
        name: a bundle that comes with the package, or a folder.
        folder: the copy. An existing folder gets the bundle inside, under the bundle's name.

    Returns:
        The folder of the copy.

    Raises:
        ValueError: if the bundle is not found, or the place cannot be written.
        FileExistsError: if the copy is there already.
    """
    source, target = find_bundle(name), Path(folder)
    target = target / source.name if target.is_dir() else target
    if target.exists():
        raise FileExistsError(f"`folder` needs a place that is free, {target} exists.")
    check_output_folder(target.parent)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        copy = Path(scratch) / target.name
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT), copy_function=shutil.copyfile)
        for made in (copy, *copy.rglob("*")):  # the bundle may lie where nobody writes
            if made.is_dir():
                made.chmod(made.stat().st_mode | 0o700)
        copy.rename(target)
    return target


def pack_bundle(
    name: str | os.PathLike[str],
    file: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a bundle and its trained network to one zip, which runs wherever the package is installed.

    ``python NAME.zip train`` and ``monai-boundary bundle run NAME.zip inference ...`` unpack it beside the working
    directory's results and run it. The network comes from the bundle's ``models``, or from a training's folder, with
    what it stands on: ``settings.json`` and ``model_evaluated.json``, both of that training or neither.
    ``checksums.json`` holds the SHA-256 of every file. The same bundle gives the same bytes.

    Args:
        name: a bundle that comes with the package, or a folder.
        file: the zip; ``NAME.zip`` in the working directory if not given.
        output_dir: of a training, whose ``model.pt`` becomes ``models/model.pt``.
        overwrite: whether a file that is there is replaced.

    Returns:
        The zip.

    Raises:
        ValueError: if the bundle is not found, or the zip is there, without ``overwrite``.
        FileNotFoundError: if ``output_dir`` holds no ``model.pt``.
    """
    source = find_bundle(name)
    files = _files(source)
    if output_dir is not None:  # nothing of the network that was there before stays beside the new one
        before = {f"models/{name}" for name in _TRAINED}
        files = {inside: path for inside, path in files.items() if inside not in before} | _trained_files(output_dir)
    target = Path(f"{source.name}.zip" if file is None else file)
    sums = {inside: hashlib.sha256(path.read_bytes()).hexdigest() for inside, path in files.items()}
    with atomic_output(target, overwrite) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _put(archive, "__main__.py", _MAIN.format(name=source.name).encode())
        for inside, path in files.items():
            _put(archive, f"{source.name}/{inside}", path.read_bytes())
        _put(archive, f"{source.name}/checksums.json", json.dumps(sums, indent=2, sort_keys=True).encode())
    return target


def unpack_bundle(file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Path:
    """Unpack a zip of :func:`pack_bundle`, unless it lies there whole, and check every file's sum.

    A configuration is code: the zip may hold the files that have a sum and no others, and the folder neither, but for
    what runs leave in it.

    Args:
        file: the zip.
        folder: where the bundle's folder goes.

    Returns:
        The bundle's folder.

    Raises:
        ValueError: if it is no such zip, a file is another or one too many, what lies there is another bundle, or the
            folder cannot be written.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            name, sums = _contents(archive, file)
            target = Path(folder) / name
            if not target.exists():
                check_output_folder(Path(folder))
                with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as scratch:
                    archive.extractall(scratch, [n for n in archive.namelist() if n.startswith(f"{name}/")])
                    _check_sums(Path(scratch) / name, sums, str(file))
                    (Path(scratch) / name).rename(target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise ValueError(f"`bundle` needs a zip of `bundle pack`, {file} cannot be read: {error}.") from error
    there = f"{target}, which lies there already and is not unpacked again (run it in another folder),"
    _check_sums(target, sums, there)
    return target


def _contents(archive: zipfile.ZipFile, file: str | os.PathLike[str]) -> tuple[str, dict[str, str]]:
    """The bundle's name and the sums of its files; the archive holds these and nothing that goes elsewhere."""
    names = archive.namelist()
    listed = [name for name in names if name.count("/") == 1 and name.endswith("/checksums.json")]
    if len(listed) != 1:
        raise ValueError(f"`bundle` needs a zip of `bundle pack`, {file} has no checksums.json of one bundle.")
    sums: dict[str, str] = json.loads(archive.read(listed[0]))
    bundle = listed[0].split("/")[0]
    expected = ["__main__.py", *(f"{bundle}/{inside}" for inside in sums), listed[0]]
    outside = [name for name in expected if set(re.split(r"[/\\:]", name)) & {"", ".", ".."}]
    odd = sorted({*outside, *(set(names) - set(expected)), *(name for name in names if names.count(name) > 1)})
    if odd:
        raise ValueError(
            f"`bundle` needs a zip of `bundle pack`, {file} has files that none has: {', '.join(odd[:5])}."
        )
    return bundle, sums


def _check_sums(folder: Path, sums: dict[str, str], what: str) -> None:
    files = _files(folder)
    for inside in sorted(sums.keys() | files.keys()):
        state = "is missing" if inside not in files else "is none of them" if inside not in sums else ""
        if not state and hashlib.sha256(files[inside].read_bytes()).hexdigest() != sums[inside]:
            state = "is another file"
        if state:
            raise ValueError(f"`bundle` needs the files that were packed: {inside} of {what} {state}.")


def _files(folder: Path) -> dict[str, Path]:
    """The files of a bundle by their places in it, without what runs leave there."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {inside.as_posix(): path for inside, path in found.items() if not set(inside.parts) & set(_LEFT_OUT)}


def _trained_files(output_dir: str | os.PathLike[str]) -> dict[str, Path]:
    """The network of a training, and what stands beside it, by their places in the bundle."""
    model = Path(output_dir) / "model.pt"
    if not model.is_file():
        raise FileNotFoundError(f"`output_dir` needs the folder of a training, {model} does not exist.")
    beside = [model.with_name(name) for name in _TRAINED]
    return {f"models/{path.name}": path for path in beside if path.is_file()}


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))  # or the bytes would change with the clock
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, content)
