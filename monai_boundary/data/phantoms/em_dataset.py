# SPDX-License-Identifier: Apache-2.0
"""The EM phantom as a data set on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice
from monai_boundary.data.em.datalist import em_datalist
from monai_boundary.data.em.geometry import GEOMETRY_FILE
from monai_boundary.data.em.source import require_em
from monai_boundary.data.em.writer import write_em_hdf5
from monai_boundary.data.phantoms.em import EMPhantom

__all__ = ["write_em_phantom"]


def write_em_phantom(
    directory: str | Path,
    *,
    layout: str = "folders",
    mode: str = "sections",
    shape: tuple[int, ...] = (24, 256, 256),
    seed: int = 0,
    **recipe: Any,
) -> list[dict[str, Any]]:
    """Draw a phantom, write it as a data set, and return its datalist.

    A folder that already holds the phantom of the same arguments is left as it is, so that a run may be repeated or
    resumed.

    Args:
        directory: where to write; made when missing.
        layout: ``"folders"`` writes ``image/00.png`` (uint8), ``label/00.png`` (uint16 ids, 0 = membrane) and the
            spacing in ``em_geometry.json``; ``"hdf5"`` writes ``phantom.h5`` in CREMI's layout.
        mode: ``"sections"`` or ``"volume"``, of the datalist.
        shape: ``(z, y, x)``, or ``(y, x)`` for one section.
        seed: seed of the phantom.
        recipe: how else it is drawn, by fields of :class:`~monai_boundary.data.EMPhantom`: ``spacing``,
            ``cell_diameter_nm``, ``drift``, ``membrane_width``, ``membrane_contrast``,
            ``gaps_per_section``, ``mitochondria``, ``noise``, ...

    Returns:
        The items of :func:`~monai_boundary.data.em_datalist`, with ``label_instances``.

    Raises:
        ValueError: if ``directory`` holds pictures or files that are no earlier phantom's; they are left as they are.

    Example:
        >>> import tempfile
        >>> items = write_em_phantom(tempfile.mkdtemp(), layout="hdf5", mode="volume", shape=(4, 32, 32))
        >>> sorted(items[0])[:3], items[0]["spacing"]
        (['image', 'label', 'label_instances'], [50.0, 4.0, 4.0])
    """
    draw_em_files(directory, layout, shape, seed, **recipe)
    return em_datalist(directory, mode=mode, layout=layout, label_kind="instances")


def draw_em_files(
    directory: str | Path,
    layout: str = "folders",
    shape: tuple[int, ...] = (24, 256, 256),
    seed: int = 0,
    **recipe: Any,
) -> None:
    """Draw a phantom and write it as a data set, as :func:`write_em_phantom` does, without a look at what is there.

    Args:
        directory: where to write; made when missing.
        layout: ``"folders"`` or ``"hdf5"``.
        shape: ``(z, y, x)``, or ``(y, x)`` for one section.
        seed: seed of the phantom.
        recipe: how else it is drawn, by fields of :class:`~monai_boundary.data.EMPhantom`: ``spacing``,
            ``cell_diameter_nm``, ``drift``, ``membrane_width``, ``membrane_contrast``, ``gaps_per_section``,
            ``mitochondria``, ``noise``, ...

    Raises:
        ValueError: if ``directory`` holds pictures or files that are no earlier phantom's.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> draw_em_files(folder, shape=(2, 32, 32))
        >>> sorted(path.name for path in Path(folder, "image").iterdir())
        ['00.png', '01.png']
    """
    check_choice("layout", layout, ("folders", "hdf5"))
    phantom = EMPhantom(shape=tuple(shape), **recipe)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / "phantom.json"
    recorded = json.dumps({"layout": layout, "seed": seed, "recipe": repr(phantom)}, indent=1)
    if not note.is_file() or note.read_text(encoding="utf-8") != recorded:
        if not note.is_file():
            _refuse_others(directory)
        note.write_text('{"unfinished": true}', encoding="utf-8")
        image, instances = phantom.draw(seed)
        full, spacing = phantom.geometry
        raw, ids = image.reshape(full), instances.reshape(full)
        if layout == "hdf5":
            arrays: dict[str, AnyArray] = {"volumes/raw": raw, "volumes/labels/neuron_ids": ids.astype(np.uint64)}
            write_em_hdf5(directory / "phantom.h5", arrays, spacing=spacing, overwrite=True)
        else:
            _write_folders(directory, raw, ids.astype(np.uint16))
            stated = {"spacing_nm": list(spacing), "offset_nm": [0.0, 0.0, 0.0]}
            (directory / GEOMETRY_FILE).write_text(json.dumps(stated), encoding="utf-8")
        # Written last: after a killed run the note says so, and the next one starts again.
        note.write_text(recorded, encoding="utf-8")


def _refuse_others(directory: Path) -> None:
    others = [directory / "phantom.h5", *directory.glob("image/*"), *directory.glob("label/*")]
    found = next((path for path in others if path.exists()), None)
    if found is not None:
        raise ValueError(f"`directory` needs to be empty or to hold an earlier phantom, got {directory} with {found}.")


def _write_folders(directory: Path, image: AnyArray, instances: AnyArray) -> None:
    """Write a PNG per section, and remove the sections of an earlier, longer phantom."""
    pillow = require_em("PIL.Image")
    for name, stack in (("image", image), ("label", instances)):
        folder = directory / name
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        for k, section in enumerate(stack):
            pillow.fromarray(section).save(folder / f"{k:02d}.png")
