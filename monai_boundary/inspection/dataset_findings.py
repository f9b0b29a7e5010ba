# SPDX-License-Identifier: Apache-2.0
"""What is wrong between cases, and with the listing of a data set; with what is wrong within them, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.finding import ERROR, WARNING, Finding

Record = Mapping[str, Any]


def dataset_findings(
    dataset: VolumeDataset, records: Sequence[Record], patch_size: Sequence[int] | None = None
) -> list[Finding]:
    """Return all that will hurt, errors first.

    Args:
        dataset: with the problems of its listing.
        records: of `measure_case`.
        patch_size: voxels along the axes right, front, head; images that are smaller are named. None: not looked at.
    """
    found = [Finding(ERROR, p.kind, p.where, p.message) for p in dataset.problems]
    found += [Finding(*finding) for record in records for finding in record["findings"]]
    read = [record for record in records if "shape" in record]
    found += [*_mixed_dims(read), *_duplicates(read), *_mixed(read), *_other_scales(dataset, read)]
    found += [*_absent_classes(dataset, read), *_stray_components(read), *_folds(dataset), *_undescribed(dataset)]
    if patch_size is not None:
        found += _small_images(read, patch_size)
    return sorted(found, key=lambda finding: finding.level != ERROR)


def _first_file(record: Record) -> str:
    return str(record["files"][0])


def _mixed_dims(records: Iterable[Record]) -> list[Finding]:
    by_dims: dict[int, list[Record]] = {}
    for record in records:
        by_dims.setdefault(max(2, record["dims"]), []).append(record)
    if len(by_dims) < 2:
        return []
    usual = max(by_dims, key=lambda dims: len(by_dims[dims]))
    other = _first_file(by_dims[usual][0])
    return [
        Finding(
            ERROR,
            "2-D and 3-D images mixed",
            _first_file(record),
            f"{record['shape']}; most are {usual}-D, such as {other}",
        )
        for dims, of in by_dims.items()
        if dims != usual
        for record in of
    ]


def _duplicates(records: Iterable[Record]) -> list[Finding]:
    seen: dict[str, Record] = {}
    found = []
    for record in records:
        twin = seen.setdefault(record.get("image_hash", record["case"]), record)
        if twin is not record:
            what = f"the same voxels as {_first_file(twin)}: on both sides of a split, they make a score too good"
            found.append(Finding(ERROR, "cases that are there twice", _first_file(record), what))
    return found


def _mixed(records: Sequence[Record]) -> list[Finding]:
    """Cases whose orientation, or whose kind of spacing, is not that of most."""
    found = []
    counts = Counter(record["orientation"] for record in records)
    if len(counts) > 1:
        usual, number = counts.most_common(1)[0]
        what = f"{number} of {len(records)} are {usual}; the bundle turns all to RAS, other code may not"
        found += [
            Finding(WARNING, "mixed orientations", _first_file(record), f"{record['orientation']}; {what}")
            for record in records
            if record["orientation"] != usual
        ]
    sizes = [record["canonical_spacing"] for record in records]
    if sizes:
        middle = np.median(np.asarray(sizes), axis=0)
        for record in records:
            ratio = np.asarray(record["canonical_spacing"]) / middle
            if max(ratio.max(), 1 / ratio.min()) > 2:
                what = f"{_numbers(record['canonical_spacing'])} mm; the median is {_numbers(middle)}"
                found.append(Finding(WARNING, "voxel sizes far from the others'", _first_file(record), what))
    return found


def _absent_classes(dataset: VolumeDataset, records: Sequence[Record]) -> list[Finding]:
    measured = [record for record in records if "classes" in record]
    return [
        Finding(ERROR, "declared classes that no label has", name, f"in none of {len(measured)} labels")
        for name in dataset.labels
        if measured and not any(record["classes"].get(name, {}).get("voxels") for record in measured)
    ]


def _other_scales(dataset: VolumeDataset, records: Sequence[Record]) -> list[Finding]:
    """Cases whose grey values are ten times as large, or as small, as those of most."""
    found = []
    for k, name in enumerate(dataset.channels):
        of = [(r, r["channels"][k]["image"]) for r in records if len(r.get("channels", ())) > k]
        spread = [(r, image["p95"] - image["p5"]) for r, image in of if image]
        usual = float(np.median([width for _, width in spread])) if spread else 0.0
        found += [
            Finding(
                WARNING,
                "grey values of another scale",
                _first_file(r),
                f"{name}: 5 to 95 % span {width:.3g}, in the median case {usual:.3g}; a normalisation for each image "
                "evens it out",
            )
            for r, width in spread
            if usual > 0 and not usual / 10 <= width <= usual * 10
        ]
    return found


def _stray_components(records: Sequence[Record]) -> list[Finding]:
    """Labels with several components of a class that is in one piece in most: specks, or what was left."""
    names = dict.fromkeys(name for record in records for name in record.get("classes", ()))
    found = []
    for name in names:
        of = [(r, r["classes"][name]) for r in records if r.get("classes", {}).get(name, {}).get("voxels")]
        if len(of) < 3 or np.median([c["components"] for _, c in of]) > 1:
            continue
        found += [
            Finding(
                WARNING,
                "stray components",
                str(r["files"][-1]),
                f"{name}: {c['components']} pieces of {_listed(c['component_voxels'])} voxels; in most cases one",
            )
            for r, c in of
            if c["components"] > 1
        ]
    return found


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:5])) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _folds(dataset: VolumeDataset) -> list[Finding]:
    """Splits with an empty side; those of ``splits_final.json`` are among the problems of the listing."""
    if dataset.folds or not dataset.items:
        return []
    patients = len({item["patient"] for item in dataset.items})
    if patients == 1 and not any("split" in item for item in dataset.items):
        what = "training and validation would be the same: scores say nothing of others"
        return [Finding(WARNING, "a single patient", dataset.source, what)]
    try:
        dataset.split(0, num_folds=min(5, patients))
    except ValueError as error:
        return [Finding(ERROR, "folds without cases", dataset.source, str(error))]
    return []


def _undescribed(dataset: VolumeDataset) -> list[Finding]:
    """The folders of the Decathlon or nnU-Net without their dataset.json, which then are two folders like others."""
    if dataset.layout != "paired_folders" or "imagesTr and " not in dataset.source:
        return []
    what = "the Decathlon's and nnU-Net's folders have one: without it, channels and classes are not declared"
    return [Finding(WARNING, "no dataset.json", dataset.source, what)]


def _small_images(records: Iterable[Record], patch_size: Sequence[int]) -> list[Finding]:
    return [
        Finding(
            WARNING,
            "images smaller than the patch",
            _first_file(record),
            f"{record['canonical_shape']}, the patch is {list(patch_size)}: they are padded",
        )
        for record in records
        if any(n < p for n, p in zip(record["canonical_shape"], patch_size, strict=False))
    ]


def _numbers(values: Iterable[float]) -> str:
    return " x ".join(f"{v:.3g}" for v in values)
