# SPDX-License-Identifier: Apache-2.0
"""Records as `measure_case` makes them, for what is made of many of them."""

from __future__ import annotations

from typing import Any

from monai_boundary.data.volumes.volume_dataset import VolumeDataset


def record(case: str = "a", **changes: Any) -> dict[str, Any]:
    """A case of 10 x 20 x 30 voxels of 1 mm, a class `a` of 60 voxels in one piece."""
    grey = {
        "min": 0.0,
        "p0.5": 1.0,
        "p5": 2.0,
        "p50": 5.0,
        "p95": 8.0,
        "p99.5": 9.0,
        "max": 10.0,
        "mean": 5.0,
        "sd": 2.0,
    }
    return {
        "case": case,
        "patient": case,
        "files": [f"{case}.nii", f"{case}_label.nii"],
        "findings": [],
        "shape": [10, 20, 30],
        "spacing": [1.0, 1.0, 1.0],
        "dims": 3,
        "orientation": "RAS",
        "canonical_shape": [10, 20, 30],
        "canonical_spacing": [1.0, 1.0, 1.0],
        "channels": [
            {"not_finite": 0, "zero_share": 0.0, "image": grey, "foreground": grey, "sample": [1.0, 5.0, 9.0]}
        ],
        "image_hash": case,
        "label_values": {0: 5940, 1: 60},
        "classes": {"a": structure(60)},
        "touching": [],
        **changes,
    }


def structure(*voxels: int, radius: float = 2.0, thin: int = 0) -> dict[str, Any]:
    """Measures of a class whose components have these sizes, the last ``thin`` of them thin."""
    return {
        "voxels": sum(voxels),
        "ml": sum(voxels) / 1000,
        "components": len(voxels),
        "component_voxels": list(voxels),
        "inscribed_radius_mm": radius,
        "thin_components": thin,
        "thin_voxels": sum(voxels[len(voxels) - thin :]) if thin else 0,
    }


def dataset(cases: int = 4, **changes: Any) -> VolumeDataset:
    """A data set with a channel `mri` and a class `a`."""
    items = tuple(
        {"image": f"{c}.nii", "label": f"{c}_label.nii", "case": c, "patient": c} for c in "abcdefghij"[:cases]
    )
    return VolumeDataset(
        **{
            "layout": "decathlon",
            "source": "dataset.json",
            "channels": ("mri",),
            "labels": {"a": 1},
            "items": items,
            **changes,
        }
    )
