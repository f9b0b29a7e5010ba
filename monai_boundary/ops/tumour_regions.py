# SPDX-License-Identifier: Apache-2.0
"""The nested regions of a brain tumour, from the labels of BraTS in any of its years."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray, BoolArray, UInt8Array
from monai_boundary._validation import check_choice
from monai_boundary.ops.label_values import whole_label

CORE, OEDEMA = 1, 2  # from 2017 to 2023, and of most cohorts since
ENHANCING = (3, 4)  # since 2023, and until 2021
TUMOUR_REGIONS = ("wt", "tc", "et")


class TumourLabelMap(NamedTuple):
    """What the labels of a data set mean."""

    regions: Mapping[str, tuple[int, ...]]  # the labels of each region
    written: Mapping[str, int]  # what a voxel gets whose innermost region is this one
    others: tuple[int, ...] = ()  # labels of no region

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels, with the background."""
        return tuple(sorted({0, *self.others, *(label for labels in self.regions.values() for label in labels)}))


def _map(wt: str, tc: str, et: str, written: str, others: str = "") -> TumourLabelMap:
    named = {name: tuple(map(int, labels)) for name, labels in zip(TUMOUR_REGIONS, (wt, tc, et), strict=True) if labels}
    return TumourLabelMap(
        MappingProxyType(named),
        MappingProxyType(dict(zip(named, map(int, written), strict=True))),
        tuple(map(int, others)),
    )


# brats2015: 1 necrosis, 2 oedema, 3 non-enhancing, 4 enhancing; brats2021: 1 necrotic and non-enhancing core, 2 oedema,
# 4 enhancing; brats2023: 3 in place of 4; gli2024: also 4, resection cavity; ped2024: 1 enhancing, 2 non-enhancing,
# 3 cyst, 4 oedema; menrt2024: 1 gross tumour volume
TUMOUR_LABEL_MAPS: Mapping[str, TumourLabelMap] = MappingProxyType(
    {
        "brats2015": _map("1234", "134", "4", written="214"),
        "brats2021": _map("124", "14", "4", written="214"),
        "brats2023": _map("123", "13", "3", written="213"),
        "gli2024": _map("123", "13", "3", written="213", others="4"),
        "ped2024": _map("1234", "123", "1", written="421"),
        "menrt2024": _map("1", "1", "", written="11"),
    }
)
_BY_ET_LABEL = {4: "brats2021", 3: "brats2023"}
_COHORT = re.compile(r"BraTS-(?P<cohort>[A-Za-z]+(?:-RT)?)-\d", re.IGNORECASE)  # the names of cases since 2023


def tumour_regions(
    label: npt.ArrayLike,
    regions: Sequence[str] = TUMOUR_REGIONS,
    et_label: int | None = None,
    name: str = "label",
    *,
    label_map: str | None = None,
    case: str = "",
) -> BoolArray:
    """Return a mask for each region: they overlap, each lies in the one before (whole > core > enhancing).

    - ``"wt"``, whole tumour; ``"tc"``, tumour core, without the oedema; ``"et"``, the enhancing tumour.

    Which labels these are differs by year and cohort:

    =============  ================================================  ==========  ========  ======  =====
    ``label_map``  data                                              whole       core      enh.    other
    =============  ================================================  ==========  ========  ======  =====
    ``brats2015``  BraTS 2012 to 2016                                1, 2, 3, 4  1, 3, 4   4
    ``brats2021``  2017 to 2021                                      1, 2, 4     1, 4      4
    ``brats2023``  2023, and since then MEN, MET, SSA                1, 2, 3     1, 3      3
    ``gli2024``    glioma after treatment (MET of 2025)              1, 2, 3     1, 3      3       4
    ``ped2024``    PED since 2024                                    1, 2, 3, 4  1, 2, 3   1
    ``menrt2024``  MEN-RT: one label, the gross tumour volume        1           1
    =============  ================================================  ==========  ========  ======  =====

    Label 4 of ``gli2024``, the resection cavity, is in no region. Without a map, 3 and 4 are both understood as the
    enhancing tumour where the labels and the case's name leave no doubt. They do for every case of PED (1 was the core
    in 2023, and is the enhancing tumour since), for a 4 in a case named as since 2023, and for labels that hold both:
    these are errors that name the maps to choose from.

    Args:
        label: segmentation (spatial), integers or floats that hold such (`monai_boundary.ops.whole_label`).
        regions: which of them, in the order of the result.
        et_label: 4 is the map ``"brats2021"`` by another name, 3 ``"brats2023"``.
        name: what an error message calls the label.
        label_map: what the labels mean, as above.
        case: name of the case or of its file, which tells the cohort of BraTS since 2023 (``BraTS-PED-00001-000``).

    Returns:
        boolean masks (len(regions), spatial).

    Raises:
        ValueError: if the label holds a value that the map lacks (all that were found are listed), or NaN; if no map is
            given and there is a doubt; if a region is unknown or not in the map; if an argument is out of range.
        TypeError: if the label does not hold numbers.

    Example:
        >>> tumour_regions([0, 1, 2, 4]).astype(int)
        array([[0, 1, 1, 1],
               [0, 1, 0, 1],
               [0, 0, 0, 1]])
        >>> tumour_regions([0, 1, 2, 3, 4], label_map="ped2024").astype(int)
        array([[0, 1, 1, 1, 1],
               [0, 1, 1, 1, 0],
               [0, 1, 0, 0, 0]])
    """
    chosen = stated_label_map(et_label, label_map)
    if not len(regions) or len(set(regions)) < len(regions):
        raise ValueError(f"`regions` needs different ones of {TUMOUR_REGIONS}, got {tuple(regions)}.")
    for region in regions:
        check_choice("regions", region, TUMOUR_REGIONS)
    values = whole_label(name, label)
    found = _found(values)
    chosen = _evident_label_map(name, found, case) if chosen is None else chosen
    known = TUMOUR_LABEL_MAPS[chosen]
    if not np.isin(found, known.labels).all():
        raise ValueError(
            f"`{name}` needs the values {', '.join(map(str, known.labels))}, got {_listed(found)}. These are not those "
            f"of {chosen!r}{_advice(found)}."
        )
    for region in regions:
        check_choice("regions", region, tuple(known.regions))
    return np.stack([np.isin(values, known.regions[region]) for region in regions])


def tumour_label(
    masks: npt.ArrayLike,
    regions: Sequence[str] = TUMOUR_REGIONS,
    et_label: int | None = None,
    *,
    label_map: str | None = None,
) -> UInt8Array:
    """Return one segmentation of the masks of regions, with BraTS's labels: the way back from `tumour_regions`.

    The innermost region that a voxel is in counts: with ``"brats2021"``, 4 in the enhancing tumour, else 1 in the core,
    else 2 in the whole tumour. Masks that are not nested (independent predictions) become so: what is enhancing is also
    core. Where a map has several labels for one region (the non-enhancing core and the cyst of ``"ped2024"``), the
    first one stands for all.

    Args:
        masks: 0 and not 0, (len(regions), spatial).
        regions: names of the channels.
        et_label: 4 is the map ``"brats2021"``, 3 ``"brats2023"``.
        label_map: what the labels mean, by year and cohort; ``"brats2021"`` if neither is given.

    Raises:
        ValueError: if a region is unknown or not in the map, or not one for each channel; if an argument is out of
            range.

    Example:
        >>> tumour_label([[0, 1, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]).tolist()
        [0, 2, 1, 4, 4]
    """
    known = TUMOUR_LABEL_MAPS[stated_label_map(et_label, label_map) or "brats2021"]
    inside = np.asarray(masks) != 0
    if len(inside) != len(regions) or len(set(regions)) < len(regions):
        raise ValueError(f"`regions` needs a different name for each of {len(inside)} channels, got {tuple(regions)}.")
    for region in regions:
        check_choice("regions", region, tuple(known.regions))
    label = np.zeros(inside.shape[1:], dtype=np.uint8)
    for region, value in known.written.items():
        if region in regions:
            label[inside[list(regions).index(region)]] = value
    return label


def stated_label_map(et_label: int | None, label_map: str | None) -> str | None:
    """Return the map that two arguments state, or None.

    Raises:
        ValueError: if one of them is out of range, or both are given.
    """
    check_choice("et_label", et_label, (None, *ENHANCING))
    check_choice("label_map", label_map, (None, *TUMOUR_LABEL_MAPS))
    if et_label is not None and label_map is not None:
        raise ValueError(f"`et_label` or `label_map` is needed, and not both, got {et_label} and {label_map!r}.")
    return label_map if et_label is None else _BY_ET_LABEL[et_label]


def _evident_label_map(name: str, found: AnyArray, case: str) -> str:
    """The map of which the values and the case's name leave no doubt."""
    match = _COHORT.search(case)
    cohort = match["cohort"].upper() if match else ""
    allowed = (0, CORE, OEDEMA, *ENHANCING)
    if not np.isin(found, allowed).all():
        raise ValueError(f"`{name}` needs the values {', '.join(map(str, allowed))}, got {_listed(found)}.")
    if cohort == "PED":
        raise ValueError(
            f"`{name}` of BraTS-PED needs `label_map` 'ped2024' (1 is the enhancing tumour) or 'brats2023' (3 is), got "
            f"none for the values {_listed(found)}."
        )
    if cohort == "MEN-RT":
        return "menrt2024"
    if 4 in found and (3 in found or cohort):
        both = (
            "3 or 4 as the enhancing tumour, got both" if 3 in found else "3 as the enhancing tumour since 2023, got 4"
        )
        raise ValueError(f"`{name}` needs {both}: {_listed(found)}{_advice(found)}.")
    return "brats2021" if 4 in found else "brats2023"


def _advice(found: AnyArray) -> str:
    fitting = [repr(known) for known, labels in TUMOUR_LABEL_MAPS.items() if np.isin(found, labels.labels).all()]
    return f". Say which with `label_map`: {', '.join(fitting)}" if fitting else ", which fit no `label_map`"


def _found(values: AnyArray) -> AnyArray:
    """The values that there are, in order; counted and not sorted where they are small, as those of labels."""
    if values.size and values.min() >= 0 and values.max() < 256:
        return np.flatnonzero(np.bincount(values.ravel().astype(np.uint8)))
    return np.unique(values)


def _listed(found: AnyArray) -> str:
    shown = ", ".join(f"{value:g}" for value in found[:10].tolist())
    return f"{shown} and {found.size - 10} more" if found.size > 10 else shown
