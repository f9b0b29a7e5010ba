# SPDX-License-Identifier: Apache-2.0
"""Names of the first version, for scripts that were written against it: they lead to `monai_boundary.workflows`.

Lesions and tumours were a stack each; both are a `VolumeTask` now, and these functions make it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from monai.transforms import MapTransform

from monai_boundary.workflows import (
    BRATS,
    WMH,
    NormalizeSectionsd,
    SaveVolumesd,
    brats_task,
    challenge_split,
    em_items,
    em_transforms,
    volume_transforms,
)

__all__ = [
    "NormalizeSectionsd",
    "SaveLesionsd",
    "em_items",
    "em_transforms",
    "lesion_split",
    "lesion_transforms",
    "tumour_transforms",
]

SaveLesionsd = SaveVolumesd
lesion_split = challenge_split


class _OneImaged(MapTransform):
    """The files of the modalities, in their order, as ``image``, where the reader gave a key for each."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        return d if "image" in d else {"image": [d.pop(key) for key in self.key_iterator(data)], **d}


def lesion_transforms(
    modalities: Sequence[str],
    *,
    labels: bool = True,
    maps: bool = False,
    reference: str | None = None,
    percentiles: Sequence[float] = (0.1, 99.9),
    **map_options: Any,
) -> list[Callable[..., Any]]:
    """Return ``volume_transforms`` of lesions.

    Args:
        modalities: names of the images, in the order of the channels.
        labels: whether the items have a label.
        maps: whether a training follows that needs signed distance maps.
        reference: whose grid the images are brought to: a modality or ``"label"``; None is the first modality.
        percentiles: grey values that become 0 and 1.
        map_options: arguments of the maps, as `volume_transforms` takes them.

    Example:
        >>> len(lesion_transforms(["flair"])) > 3
        True
    """
    task = WMH.changed(channels=list(modalities), reference=reference, percentiles=percentiles)
    steps = volume_transforms(task, labels=labels, training=maps, maps=maps, **map_options)
    return [_OneImaged(list(modalities)), *steps]


def tumour_transforms(
    regions: Sequence[str] = ("wt", "tc", "et"),
    *,
    labels: bool = True,
    training: bool = False,
    intensities: str = "normal",
    et_label: int | None = None,
    label_map: str | None = None,
    **options: Any,
) -> list[Callable[..., Any]]:
    """Return ``volume_transforms`` of brain tumours in four modalities.

    Args:
        regions: channels of the label.
        labels: whether the items have a label.
        training: whether crops will follow.
        intensities: ``"normal"`` or ``"unit"``: see `brats_task`.
        et_label: value of the enhancing tumour, 3 or 4; None looks at each case.
        label_map: what the labels mean, by year and cohort, instead.
        options: further arguments of `volume_transforms`: ``maps``, ``edges``, ``slices``, ``slice_size``,
            ``slice_step``.

    Example:
        >>> len(tumour_transforms(["wt"])) > 3
        True
    """
    task = brats_task(tuple(BRATS.channels), regions, intensities, et_label, label_map)
    return volume_transforms(task, labels=labels, training=training, **options)
