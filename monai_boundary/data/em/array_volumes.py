# SPDX-License-Identifier: Apache-2.0
"""Images and labels in HDF5 files and Zarr stores: in one file, or in two that are paired by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from monai_boundary.data.em.arrays import HeldArray, held_arrays, pick_dataset
from monai_boundary.data.em.layouts import EMVolume
from monai_boundary.data.em.pairing import pair_by_name, stem, words
from monai_boundary.data.em.source import EMSource, natural_key

__all__ = ["array_volumes"]

LABEL_DATASETS = (
    *("volumes/labels/neuron_ids", "volumes/labels/membrane", "labels/neuron_ids", "neuron_ids"),
    *("labels", "label", "gt", "seg", "membrane"),
)


def array_volumes(paths: Sequence[Path], image: str | None, label: str | None, wanted: bool) -> list[EMVolume]:
    """Find the volumes of files or stores.

    Args:
        paths: HDF5 files or Zarr stores.
        image: name of the image, where it is no usual one.
        label: likewise of the label.
        wanted: whether labels are.

    Raises:
        ValueError: if a name is not there, or several arrays could be the image or the label.
    """
    whole: list[EMVolume] = []
    images: list[Path] = []
    labels: list[Path] = []
    for path in paths:
        held = held_arrays(path)
        truths = _label_names(path, held, label, image)
        if truths and len(_identities(held, list(held))) > 1:
            if wanted and len(truths) > 1:
                raise ValueError(
                    f"`label_dataset` needs a name (--label_dataset {truths[0]}), since {path} holds several that "
                    f"could be the labels: {', '.join(truths)}."
                )
            chosen = pick_dataset(path, image, leave_out=truths, option="image_dataset")
            partner = EMSource(path, truths[0]) if wanted else None
            whole.append(EMVolume(stem(path), EMSource(path, chosen or None), partner))
        elif words(stem(path))[1] == "label":
            labels.append(path)
        else:
            images.append(path)
    for picture, truth in pair_by_name(images, labels if wanted else []):
        if truth is None and label is not None and wanted:
            pick_dataset(picture, label, option="label_dataset")
        source = EMSource(picture, pick_dataset(picture, image, option="image_dataset") or None)
        usual = (*LABEL_DATASETS, "stack")
        partner = EMSource(truth, pick_dataset(truth, label, usual, option="label_dataset") or None) if truth else None
        whole.append(EMVolume(stem(picture), source, partner))
    return sorted(whole, key=lambda v: natural_key(v.name))


def _label_names(path: Path, held: Mapping[str, HeldArray], label: str | None, image: str | None) -> list[str]:
    """Names that could be the label, of different arrays: the asked one alone, or those with usual names."""
    if label is not None:
        found = _inside_or_none(path, held, label)
        return [] if found is None else [found]
    usual = [name for name in LABEL_DATASETS if name in held]
    # OME-Zarr: labels/<name>/<level>
    pyramids = [name for name in held if name.split("/")[0] == "labels" and len(name.split("/")) > 2 and path.is_dir()]
    named = [name for name in (usual or pyramids) if image is None or name != image.strip("/")]
    return list(_identities(held, named).values())


def _inside_or_none(path: Path, held: Mapping[str, HeldArray], name: str) -> str | None:
    if name.strip("/") in held:
        return name.strip("/")
    try:
        return pick_dataset(path, name)
    except ValueError:
        return None


def _identities(held: Mapping[str, HeldArray], names: Sequence[str]) -> dict[object, str]:
    found: dict[object, str] = {}
    for name in names:
        found.setdefault(held[name].identity, name)
    return found
