# SPDX-License-Identifier: Apache-2.0
"""Names of the first version, for scripts that were written against it: they lead to `monai_boundary.workflows`.

Lesions and tumours were a stack each; both are a `VolumeTask` now, and these functions make it. Every other name that
`monai_boundary.workflows` still has is found here too; one that it has no more is an error that says what took its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from monai.transforms import MapTransform

from monai_boundary import workflows
from monai_boundary.workflows import (
    BRATS,
    WMH,
    NormalizeSectionsd,
    SaveVolumesd,
    brats_task,
    challenge_patients,
    challenge_split,
    em_transforms,
    volume_transforms,
)
from monai_boundary.workflows.membranes.data import em_items

__all__ = [
    "NormalizeSectionsd",
    "SaveLesionsd",
    "em_items",
    "em_transforms",
    "lesion_patients",
    "lesion_split",
    "lesion_transforms",
    "tumour_transforms",
]

SaveLesionsd = SaveVolumesd
lesion_split = challenge_split
lesion_patients = challenge_patients

# names that had other arguments, and what makes the same now
_REPLACED = {
    **dict.fromkeys(("lesion_loss", "tumour_loss", "membrane_loss", "loss_names", "loss_title"), "loss_spec"),
    **dict.fromkeys(("loss_targets", "loss_weight", "loss_schedule", "weigh_boundary"), "loss_spec"),
    **dict.fromkeys(("lesion_dataset", "tumour_dataset"), "volume_dataset"),
    **dict.fromkeys(("lesion_crops", "tumour_crops"), "volume_crops"),
    **dict.fromkeys(("LesionGridd", "LesionTargetsd", "TumourCased", "TumourPlaced"), "volume_transforms"),
    "write_lesion_evaluation": "write_case_scores",
}


def __getattr__(name: str) -> Any:
    """Return what `monai_boundary.workflows` has by this name.

    Raises:
        AttributeError: if it has none, with what took its place.
    """
    if name in workflows.__all__:
        return getattr(workflows, name)
    instead = f": monai_boundary.workflows.{_REPLACED[name]} took its place" if name in _REPLACED else ""
    raise AttributeError(
        f"monai_boundary.bundle has no {name!r}{instead}. "
        "Copy a bundle's folder of before anew: monai-boundary bundle copy."
    )


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
        map_options: of the maps: ``section_axis``, ``convention`` and ``clip``, as `volume_transforms` takes them.

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
