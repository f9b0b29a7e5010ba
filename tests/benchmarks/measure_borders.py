# SPDX-License-Identifier: Apache-2.0
"""How blurred are the borders of tumours: of real cases, and of the phantom with and without blur?

    python tests/benchmarks/measure_borders.py --dataset_dir BRATS --output_dir OUT

For each region and modality: the mean grey value by the signed distance to the region's border, in voxels; the step
between the two deepest and the two farthest distances of at most 4 voxels (a rim is thinner); and its width, the step
over the steepest slope in its direction. A step that is blurred by a Gaussian of deviation s has the width 2.5 s. A
label that is drawn a little off widens it too, and is the same to a network. A step of less than a tenth of the brain's
standard deviation is none: its width is left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from scipy import ndimage

from monai_boundary._tables import write_table
from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.data import brats_datalist, write_tumour_phantom

REACH = 4
REGIONS = {"wt": (1, 2, 3, 4), "tc": (1, 3, 4), "et": (3, 4)}
MODALITIES = ("t1c", "t1", "t2", "flair")


def border_profile(image: AnyArray, region: BoolArray, brain: BoolArray) -> AnyArray:
    """Mean grey value at -REACH ... REACH voxels from the border of a region, inside first; NaN where there is none."""
    distance = ndimage.distance_transform_edt(~region) - ndimage.distance_transform_edt(region)
    distance = np.where(distance > 0, distance - 0.5, distance + 0.5)  # the border lies between voxels
    bins = np.rint(distance).astype(int)
    values = [image[brain & (bins == k)] for k in range(-REACH, REACH + 1)]
    return np.array([v.mean() if v.size > 20 else np.nan for v in values])


def border_width(profile: AnyArray, least: float) -> tuple[float, float]:
    """Return ``(step, width)``: grey values, and voxels or NaN."""
    inside, outside = (side[np.isfinite(side)][:2].mean() for side in (profile[:REACH], profile[:REACH:-1]))
    step = float(outside - inside)
    slope = np.nanmax(np.sign(step) * np.diff(profile)) if np.isfinite(step) else np.nan
    return step, abs(step) / float(slope) if abs(step) > least and slope > 0 else float("nan")


def rows(name: str, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each case, region and modality."""
    for item in items:
        label = np.asarray(nibabel.load(str(item["label"])).dataobj).round().astype(int)  # type: ignore[attr-defined]
        for modality, path in zip(MODALITIES, item["image"], strict=True):
            image = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)  # type: ignore[attr-defined]
            brain = image > 0
            spread = float(image[brain].std())
            for region, ids in REGIONS.items():
                mask = np.isin(label, ids)
                if mask.any():
                    step, width = border_width(border_profile(image, mask, brain), 0.1 * spread)
                    yield {"data": name, "case": item["patient"], "region": region, "modality": modality,
                           "step": step / spread, "width": width}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset_dir", required=True, help="real cases in the layout of BraTS")
    parser.add_argument("--output_dir", default=".", help="for borders.csv")
    parser.add_argument(
        "--blurs", type=float, nargs="*", default=[0.0, 0.5, 1.0, 1.5, 2.0], help="of the phantom, voxels"
    )
    parser.add_argument("--patients", type=int, default=8, help="drawn for each blur")
    given = parser.parse_args()
    found = list(rows("real", brats_datalist(given.dataset_dir, modalities=MODALITIES)))
    for blur in given.blurs:
        with tempfile.TemporaryDirectory() as folder:
            items = write_tumour_phantom(Path(folder), patients=given.patients, border_blur=blur)
            found += rows(f"phantom, blur {blur:g}", items)
    write_table(found, Path(given.output_dir) / "borders.csv")
    for data in dict.fromkeys(row["data"] for row in found):
        line = [f"{data:18}"]
        for region in REGIONS:
            for modality in MODALITIES:
                widths = [
                    row["width"]
                    for row in found
                    if (row["data"], row["region"], row["modality"]) == (data, region, modality)
                ]
                width = np.nanmedian(widths) if np.isfinite(np.array(widths, float)).any() else np.nan
                line.append(f"{region} {modality} {width:4.1f}")
        print("  ".join(line))  # noqa: T201


if __name__ == "__main__":
    main()
