# SPDX-License-Identifier: Apache-2.0
"""The nested regions of a brain tumour, from the labels of BraTS in any of its years."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray, BoolArray, UInt8Array
from monai_boundary._validation import check_choice

CORE, OEDEMA = 1, 2  # the same in every year
ENHANCING = (3, 4)  # since 2023, and until 2021
TUMOUR_REGIONS = ("wt", "tc", "et")

# values that went through a header's scale factor hold 2.9999998; nothing that was resampled comes so near by chance
_ROUNDING = 1e-3


def tumour_regions(
    label: npt.ArrayLike, regions: Sequence[str] = TUMOUR_REGIONS, et_label: int | None = None, name: str = "label"
) -> BoolArray:
    """Return a mask for each region: they overlap, each lies in the one before (whole > core > enhancing).

    - ``"wt"``, whole tumour: necrotic and non-enhancing core (1), oedema (2), enhancing tumour (3 or 4);
    - ``"tc"``, tumour core: 1 and the enhancing tumour;
    - ``"et"``, the enhancing tumour.

    Args:
        label: segmentation (spatial), integers or floats that hold such; a rounding error of 1e-3 is mended.
        regions: which of them, in the order of the result.
        et_label: value of the enhancing tumour: 4 until BraTS 2021, 3 since 2023. By default both are understood. Say 3
            for data in which 4 is something else (BraTS 2024: the resection cavity); 4 is an error then.
        name: what an error message calls the label.

    Returns:
        boolean masks (len(regions), spatial).

    Raises:
        ValueError: if the label holds another value (all that were found are listed), both 3 and 4, or NaN; if a region
            is unknown, or ``et_label`` is neither 3, 4 nor None.
        TypeError: if the label does not hold numbers.

    Example:
        >>> tumour_regions([0, 1, 2, 4]).astype(int)
        array([[0, 1, 1, 1],
               [0, 1, 0, 1],
               [0, 0, 0, 1]])
        >>> tumour_regions([0.0, 1.0, 2.0, 3.0], regions=("tc",)).astype(int)
        array([[0, 1, 0, 1]])
    """
    check_choice("et_label", et_label, (None, *ENHANCING))
    if not len(regions) or len(set(regions)) < len(regions):
        raise ValueError(f"`regions` needs different ones of {TUMOUR_REGIONS}, got {tuple(regions)}.")
    for region in regions:
        check_choice("regions", region, TUMOUR_REGIONS)
    values = _whole(name, np.asarray(label))
    found = _found(values)
    allowed = (0, CORE, OEDEMA, *(ENHANCING if et_label is None else (et_label,)))
    if not np.isin(found, allowed).all():
        raise ValueError(f"`{name}` needs the values {', '.join(map(str, allowed))}, got {_listed(found)}.")
    if np.isin(ENHANCING, found).all():
        raise ValueError(
            f"`{name}` needs 3 or 4 as the enhancing tumour, got both: {_listed(found)}. Say which with `et_label`."
        )
    enhancing = values >= min(ENHANCING)
    core = enhancing | (values == CORE)
    masks = {"wt": core | (values == OEDEMA), "tc": core, "et": enhancing}
    return np.stack([masks[region] for region in regions])


def tumour_label(masks: npt.ArrayLike, regions: Sequence[str] = TUMOUR_REGIONS, et_label: int = 4) -> UInt8Array:
    """Return one segmentation of the masks of regions, with BraTS's labels: the way back from `tumour_regions`.

    The innermost region that a voxel is in counts: ``et_label`` in the enhancing tumour, else 1 in the core, else 2 in
    the whole tumour. Masks that are not nested (independent predictions) become so: what is enhancing is also core.

    Args:
        masks: 0 and not 0, (len(regions), spatial).
        regions: names of the channels.
        et_label: value of the enhancing tumour, 3 or 4.

    Raises:
        ValueError: if a region is unknown, or not one for each channel; if ``et_label`` is neither 3 nor 4.

    Example:
        >>> tumour_label([[0, 1, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]).tolist()
        [0, 2, 1, 4, 4]
    """
    check_choice("et_label", et_label, ENHANCING)
    inside = np.asarray(masks) != 0
    if len(inside) != len(regions) or len(set(regions)) < len(regions):
        raise ValueError(f"`regions` needs a different name for each of {len(inside)} channels, got {tuple(regions)}.")
    for region in regions:
        check_choice("regions", region, TUMOUR_REGIONS)
    label = np.zeros(inside.shape[1:], dtype=np.uint8)
    for region, value in zip(TUMOUR_REGIONS, (OEDEMA, CORE, et_label), strict=True):
        if region in regions:
            label[inside[list(regions).index(region)]] = value
    return label


def _whole(name: str, values: AnyArray) -> AnyArray:
    """Return the values as integers, with rounding noise removed."""
    if values.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` needs a boolean, integer or floating array, got dtype {values.dtype}.")
    if values.dtype.kind != "f":
        return values
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` needs finite values, got NaN or infinity.")
    whole = np.rint(values)
    if (np.abs(values - whole) > _ROUNDING).any():
        raise ValueError(
            f"`{name}` needs whole numbers, got {_listed(np.unique(values))}: was it resampled linearly? "
            'Use mode="nearest", and not lazy=True, which ignores the mode.'
        )
    return whole.astype(np.int64)


def _found(values: AnyArray) -> AnyArray:
    """The values that there are, in order; counted and not sorted where they are small, as those of labels."""
    if values.size and values.min() >= 0 and values.max() < 256:
        return np.flatnonzero(np.bincount(values.ravel().astype(np.uint8)))
    return np.unique(values)


def _listed(found: AnyArray) -> str:
    shown = ", ".join(f"{value:g}" for value in found[:10].tolist())
    return f"{shown} and {found.size - 10} more" if found.size > 10 else shown
