# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier cut of a block: from its own seeds, and from the fronts that its neighbours tell of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_boundary._typing import AnyArray, IntArray, LongArray
from monai_boundary.kernels.flood import Fronts, flood, flood_labels, fronts_at
from monai_boundary.kernels.label_table import label_measures, look_up
from monai_boundary.volumes.block_components import places_in_volume
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_markers import NO_CELL
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.block_seeds import seeds_in_box
from monai_boundary.volumes.face_fronts import NONE, face_places, greater, packed_fronts, told_fronts, unpacked_fronts
from monai_boundary.volumes.zarr_output import ZarrOutput

_OTHER = {"low": "high", "high": "low"}


@dataclass(frozen=True)
class FloodSettings:
    """What is the same in every round of a flood.

    Args:
        greys: what is flooded, of :class:`~monai_boundary.volumes.block_markers.BlockCores`.
        pieces: the markers of each block, 1..K in it.
        numbers: folder of the id of each of them in the volume.
        seeds: file of :func:`~monai_boundary.volumes.block_seeds.save_seeds`; ``None`` floods from all voxels of the
            markers, as a watershed.
        labels: where the labels go, 1..K in each block.
        found: get ``markers``, the id of each label, its voxels ``sizes``, and ``firsts``.
        grid: of the volume.
        per_section: each section is one image.
    """

    greys: ZarrOutput
    pieces: ZarrOutput
    numbers: Path
    seeds: Path | None
    labels: ZarrOutput
    found: BlockRecords
    grid: BlockGrid
    per_section: bool

    def faces(self, block: Block) -> dict[str, int]:
        """Return the neighbour behind each face of a block through which fronts go."""
        found = {}
        for axis in range(1 if self.per_section else 0, len(self.grid.shape)):
            for name, step in (("low", -1), ("high", 1)):
                other = self.grid.next_along(block, axis, step)
                if other is not None:
                    found[f"{name}{axis}"] = other
        return found


@dataclass(frozen=True)
class BlockFlood:
    """Flood a block in one round, and tell its neighbours what changed at its faces.

    The record has what it tells at each face, what it has found where that is something else, which faces ``changed``,
    and whether something that it told holds no longer (``later``) or something is there to tell (``earlier``).

    Args:
        settings: of all rounds.
        rounds: records of the rounds before and, at the end, of this one.
        withdraws: nothing new is told, only what no longer holds, as
            :func:`~monai_boundary.volumes.face_fronts.told_fronts` does.
    """

    settings: FloodSettings
    rounds: tuple[BlockRecords, ...]
    withdraws: bool

    @property
    def records(self) -> BlockRecords:
        """Of the blocks that took part in this round."""
        return self.rounds[-1]

    def __call__(self, block: Block) -> None:
        """Read the block and what its neighbours told before this round, and flood it if that is new."""
        faces = self.settings.faces(block)
        before = self._last(block.index)
        found = self._flood(block, faces) if before is None or self._is_new(faces) else _found(before, faces)
        record, changed, later, earlier = {}, [], False, False
        for name in faces:
            had = np.full_like(found[name], 0) if before is None else before[name]
            if before is None:
                had[0] = NONE
            record[name] = told_fronts(found[name], had, self.withdraws)
            if not np.array_equal(record[name], found[name]):
                record[f"found_{name}"] = found[name]
                later |= bool(greater(found[name], record[name]).any())
                earlier |= bool(greater(record[name], found[name]).any())
            if not np.array_equal(record[name], had):
                changed.append(name)
        self.records.write(block.index, **record, changed=np.array(changed, "U8"), later=later, earlier=earlier)

    def _last(self, index: int) -> dict[str, AnyArray] | None:
        """What a block told last, before this round."""
        for records in reversed(self.rounds[:-1]):
            if index in records:
                return records.read(index)
        return None

    def _is_new(self, faces: dict[str, int]) -> bool:
        last = self.rounds[-2]
        return any(
            other in last and f"{_OTHER[name[:-1]]}{name[-1]}" in last.read(other, "changed")["changed"]
            for name, other in faces.items()
        )

    def _flood(self, block: Block, faces: dict[str, int]) -> dict[str, AnyArray]:
        """Flood the block, write its labels, and return the fronts at its faces."""
        chosen, places = self.settings, face_places(block.shape)
        greys = chosen.greys.read(block)
        cells = greys != NO_CELL
        heard, through = [np.zeros((2, 0), np.uint64)], [np.zeros(0, np.int64)]
        for name, other in faces.items():
            told = self._last(other)
            if told is not None:
                fronts = told[f"{_OTHER[name[:-1]]}{name[-1]}"]
                goes = (fronts[0] != NONE) & cells.flat[places[name]]
                heard.append(fronts[:, goes])
                through.append(places[name][goes])
        outside, behind = np.concatenate(heard, axis=1), np.concatenate(through)
        order = np.argsort(outside[0], kind="stable")
        start, stop = np.load(chosen.numbers / "starts.npy", mmap_mode="r")[block.index : block.index + 2]
        own = np.load(chosen.numbers / "ids.npy", mmap_mode="r")[start:stop].astype(np.uint64)
        known = np.unique(np.concatenate([own, outside[1]]))
        seeds, names = self._seeds(block, own)
        states, marks, generations = flood(
            greys,
            cells,
            seeds,
            (np.searchsorted(known, names) + 1).astype(np.int32),
            behind[order],
            unpacked_fronts(outside[:, order], known),
            chosen.seeds is None,
            chosen.per_section,
        )
        del greys, cells
        self._keep(block, marks, known)
        of_label = np.concatenate([np.zeros(1, np.uint64), known])
        return {
            name: packed_fronts(Fronts(*fronts_at(states, marks, generations, places[name], block.shape)), of_label)
            for name in faces
        }

    def _seeds(self, block: Block, own: AnyArray) -> tuple[LongArray, AnyArray]:
        """The places in the block from which fronts start, and the ids of the markers there."""
        if self.settings.seeds is None:
            pieces = self.settings.pieces.read(block).ravel()
            places = np.flatnonzero(pieces)
            return places, own[pieces[places] - 1]
        ids = np.unique(own)
        places = seeds_in_box(self.settings.seeds, block.core, self.settings.grid.shape, ids.astype(np.int64))
        return places[places >= 0], ids[places >= 0]

    def _keep(self, block: Block, marks: IntArray, known: AnyArray) -> None:
        """Write the labels of the block, only those that it has."""
        labels = np.empty(block.shape, dtype=np.int32)
        flood_labels(marks, labels)
        flat = labels.reshape(-1)
        sizes, firsts = label_measures(flat, known.size)
        there = np.flatnonzero(sizes[1:])
        if there.size < known.size:
            of_label = np.zeros(known.size + 1, dtype=np.int32)
            of_label[there + 1] = np.arange(1, there.size + 1)
            look_up(flat, of_label, flat)
        self.settings.labels.write(block, labels)
        self.settings.found.write(
            block.index,
            markers=known[there],
            sizes=sizes[there + 1],
            firsts=places_in_volume(firsts[there + 1], block, self.settings.grid),
        )


def _found(record: dict[str, AnyArray], faces: dict[str, int]) -> dict[str, AnyArray]:
    """What a block found when it was flooded last: what it told, but for what it keeps beside."""
    return {name: record.get(f"found_{name}", record[name]) for name in faces}
