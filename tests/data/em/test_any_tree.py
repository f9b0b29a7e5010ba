# SPDX-License-Identifier: Apache-2.0
"""Any tree of files gives every case once, or an error that names a file: folders of sections, and HDF5 and Zarr."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from monai_boundary.data import em_datalist
from monai_boundary.data.em.open import read_em_source
from tests.zarr_stores import V2, make_array, make_group

CALM = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = st.sampled_from(
    ["a", "s1", "s10", "007", "7", "\u03b1", "\u03b2", "\u8133", "\u00e4", "x.1", "1\u00b22", "t e"]
)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map("_".join)
WALL = np.zeros((12, 12), np.uint8)
WALL[:, 5] = 255


def picture(code: int) -> np.ndarray:
    """An image that tells its case: every pair of files has a number of its own."""
    grey = np.full((12, 12), code % 251, np.uint8)
    grey[0, :4] = [code // 251, 1, 2, 3]
    return grey


def put(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)


def spoil(path: Path, fault: str) -> None:
    """Make a file unreadable, or take it away."""
    content = bytearray(path.read_bytes())
    if fault == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "bit":
        content[len(content) // 2] ^= 0x20
        path.write_bytes(content)
    elif fault == "text":
        path.write_bytes(b"not found")
    elif fault == "gone":
        path.unlink()
    elif fault == "renamed":
        path.rename(path.with_name(f"\u03b3{path.suffix}"))
    elif fault == "link":
        path.unlink()
        path.symlink_to(path.with_name("nowhere"))


def read_all(root: Path) -> list[tuple[str, int]]:
    """Case of every item's image, after both files have been read."""
    found = []
    for item in em_datalist(root, label_kind="membrane", require_labels=True):
        image, _ = read_em_source(item["image"])
        label, _ = read_em_source(item["label"])
        assert image.shape == label.shape
        found.append((item["label"], int(image[0, 0]) * 251 + int(image[1, 1])))
    return found


def outcome(read: Callable[[], list[Any]], base: Path) -> tuple[list[Any] | None, str]:
    """Return what was read, or the error, which has to name something in the tree."""
    try:
        return read(), ""
    except ValueError as error:
        text = str(error)
    names = {part for path in base.rglob("*") for part in (path.name, path.stem)}
    return None, text if any(name in text for name in names) else f"NO FILE IS NAMED: {text}"


@CALM
@given(
    cases=st.dictionaries(
        st.tuples(st.sampled_from(["", "A", "B", "\u03b1"]), NAMES), st.integers(0, 9), min_size=1, max_size=7
    ),
    image=st.sampled_from(["image", "Images", "raw"]),
    label=st.sampled_from(["label", "masks", "gt"]),
    suffixes=st.tuples(*[st.sampled_from([".png", ".tif", ".bmp"])] * 2),
    linked=st.booleans(),
    worded=st.booleans(),
    fault=st.sampled_from(["none", "none", "cut", "empty", "bit", "text", "gone", "link", "renamed", "renamed"]),
)
@example(
    cases={("", "\u03b1"): 0},
    image="image",
    label="label",
    suffixes=(".png", ".png"),
    linked=False,
    worded=False,
    fault="renamed",
)
@example(
    cases={("", "1\u00b222"): 0, ("", "x.1"): 0},
    image="raw",
    label="gt",
    suffixes=(".tif", ".png"),
    linked=False,
    worded=True,
    fault="none",
)
def test_any_folder_of_sections(tmp_path_factory, caplog, cases, image, label, suffixes, linked, worded, fault):
    """Sub-folders only or none: a data set is one of the two."""
    caplog.clear()
    base = tmp_path_factory.mktemp("tree", numbered=True)
    root = base / "data"
    nested = any(volume for volume, _ in cases)
    cases = {key: code for key, code in cases.items() if bool(key[0]) == nested}
    files = []
    for number, (volume, name) in enumerate(cases):
        place = (base / "store" if linked and volume else root) / volume
        names = (f"image {name}", f"{name}-label") if worded else (name, name)
        files.append((place / image / (names[0] + suffixes[0]), place / label / (names[1] + suffixes[1])))
        put(files[-1][0], picture(number))
        put(files[-1][1], WALL)
    if linked and nested:
        root.mkdir(exist_ok=True)
        for volume in {volume for volume, _ in cases}:
            (root / volume).symlink_to(base / "store" / volume, target_is_directory=True)
    (root / "notes.txt").write_text("not an image")
    victim = files[0][zlib.crc32(repr(sorted(cases)).encode()) % 2]
    if fault != "none":
        spoil(victim, fault)
    found, error = outcome(lambda: read_all(root), base)
    silent = fault == "none" or (fault == "bit" and victim.suffix in (".bmp", ".tif"))  # which have no checksum
    assert "NO FILE" not in error
    if found is None:
        # without the words 7 and 007 are one name, and so are "x.1" and "x 1": refused, and the two are named
        assert fault != "none" or (worded and "for the same one" in error), error
    elif fault == "gone" and len(found) == len(cases) - 1:  # a folder without images is none, and said to be skipped
        partner = next(pair for pair in files if victim in pair)[victim == files[0][0]]
        assert f"{partner.parent.name}/{partner.name}" in caplog.text
    else:
        assert silent, f"{fault} of {victim} was not noticed"
        assert len(found) == len(cases)
        if fault == "none":
            assert sorted(code for _, code in found) == list(range(len(cases))), "every case once"
            for path, code in found:
                assert Path(path).name == files[code][1].name, "with its own label"
    shutil.rmtree(base)


@CALM
@given(
    volumes=st.dictionaries(
        NAMES, st.sampled_from(["whole", "soft", "external", "hard", "pair"]), min_size=1, max_size=4
    ),
    form=st.sampled_from(["h5", "hdf", "zarr2"] if V2 else ["h5", "hdf", "zarr2", "zarr3"]),
    image=st.sampled_from(["volumes/raw", "raw", "image", "mine/em"]),
    label=st.sampled_from(["volumes/labels/neuron_ids", "labels", "gt"]),
    extra=st.booleans(),
    fault=st.sampled_from(["none", "none", "cut", "empty", "text", "link", "chunk"]),
)
def test_any_files_of_arrays(tmp_path_factory, volumes, form, image, label, extra, fault):
    base = tmp_path_factory.mktemp("arrays", numbered=True)
    root = base / "data"
    root.mkdir()
    (base / "far").mkdir()
    made = [
        write_volume(root, base / "far", n, name, volumes[name], form, image, label, extra)
        for n, name in enumerate(volumes)
    ]
    victim = made[0]
    if fault == "chunk" or victim.is_dir():
        chunks = [p for p in victim.rglob("*") if p.is_file() and p.name not in NOT_CHUNKS] if victim.is_dir() else []
        if fault != "none" and chunks:
            spoil(sorted(chunks)[0], "cut")
        elif fault == "chunk":
            fault = "none"
    elif fault != "none":
        spoil(victim, fault)

    def read():
        items = em_datalist(root, label_kind="instances", image_dataset=image if "/em" in image else None)
        return [
            tuple(int(read_em_source(i[key])[0].reshape(-1)[at]) for key, at in (("image", 0), ("label", 20)))
            for i in items
        ]

    found, error = outcome(read, base)
    assert "NO FILE" not in error
    if found is None:
        assert fault != "none", error
    else:
        assert fault == "none", f"{fault} of {victim} was not noticed"
        assert sorted(found) == sorted((n, n + 1) for n in range(len(volumes)) for _ in range(2)), "every section once"
    shutil.rmtree(base)


NOT_CHUNKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def write_volume(root, far, number, name, kind, form, image, label, extra):
    """Write two sections of the case ``number``: grey value ``number``, one cell of id ``number + 1``."""
    raw = np.full((2, 8, 8), number, np.uint8)
    raw[:, 1:] = np.random.default_rng(number).integers(0, 255, (2, 7, 8))
    ids = np.zeros((2, 8, 8), np.uint32)
    ids[:, 2:5, 2:7] = number + 1
    name = f"{name}_{number}"
    if form.startswith("zarr"):
        store = root / f"{name}.zarr"
        group = make_group(store, int(form[-1]))
        for key, values in ((image, raw), (label, ids)):
            make_array(group, key, data=values, chunks=values.shape)
        return store
    path = root / f"{name}.{form}"
    if kind == "pair":
        path = root / f"{name}-image.{form}"
        with h5py.File(root / f"{name}-labels.{form}", "w") as file:
            file["stack"] = ids
    with h5py.File(path, "w") as file:
        target = {"soft": "hidden/x", "external": "hidden/x"}.get(kind, image)
        if kind == "external":
            with h5py.File(far / f"{name}.h5", "w") as other:
                other["hidden/x"] = raw
            file[image] = h5py.ExternalLink(str(far / f"{name}.h5"), "/hidden/x")
        else:
            file[target] = raw
            if kind == "soft":
                file[image] = h5py.SoftLink("/hidden/x")
            if kind == "hard":
                file["again"] = file[image]
        if kind != "pair":
            file[label] = ids
        if extra:
            file["sizes"] = np.arange(5)
    return path
