# SPDX-License-Identifier: Apache-2.0
"""Take pictures of the pages that the commands write: ``python docs/page_pictures.py``, with Debian's chromium."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image
from scipy import ndimage

from monai_boundary.data import make_lesion_phantom
from monai_boundary.data.phantoms.organ import write_organ_phantom
from monai_boundary.inspection import inspect_dataset
from monai_boundary.report import evaluate_folders

PAGES = Path(__file__).parent


def photograph(page: Path, picture: Path, height: int) -> None:
    """Take a picture of a page, 1000 pixels wide, with Debian's browser."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
    command += ["--enable-unsafe-swiftshader", f"--user-data-dir={picture.parent / 'profile'}"]
    command += ["--virtual-time-budget=9000", f"--window-size=1000,{height}", f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


def draw_evaluation_page() -> None:
    """Score two pretended methods on phantoms, and take a picture of the page with Debian's browser."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for patient in range(8):
            images, label = make_lesion_phantom((64, 64, 24), seed=patient)
            truth = label == 1
            near = ndimage.gaussian_filter(truth + 0.35 * rng.standard_normal(truth.shape), 0.8) > 0.4
            far = ndimage.shift(near.astype(float), (1, 0, 0), order=0) > 0.5
            volumes = {"images": images[0], "truth": truth, "ours": near, "shifted": far}
            for folder, values in volumes.items():
                (root / folder).mkdir(exist_ok=True)
                kind = np.float32 if folder == "images" else np.uint8
                image = nibabel.Nifti1Image(values.astype(kind), np.diag([1.0, 1.0, 3.0, 1.0]))
                nibabel.save(image, root / folder / f"patient{patient:02d}.nii.gz")
        methods = {method: root / method for method in ("ours", "shifted")}
        options = {"classes": "lesion=1", "image_dir": root / "images"}
        evaluate_folders(methods, root / "truth", root / "out", **options)
        photograph(root / "out/report.html", root / "page.png", 4400)
        with Image.open(root / "page.png") as picture:
            parts = [picture.convert("RGB").crop((0, top, 1000, top + 2200)) for top in (0, 2200)]
        both = Image.new("RGB", (2000, 2200))
        for k, part in enumerate(parts):
            both.paste(part, (1000 * k, 0))
        both.resize((1200, 1320), Image.LANCZOS).save(PAGES / "how-to" / "evaluate-predictions.png", optimize=True)


def draw_inspection_page() -> None:
    """Inspect phantoms of an organ, some of them spoilt, and take a picture of the page."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_spoilt_organs(root / "organs")
        inspect_dataset(root / "organs", root / "out", progress=False)
        photograph(root / "out/index.html", root / "page.png", 3600)
        with Image.open(root / "page.png") as picture:
            parts = [picture.convert("RGB").crop((0, top, 1000, top + 1800)) for top in (0, 1800)]
        both = Image.new("RGB", (2000, 1800))
        for k, part in enumerate(parts):
            both.paste(part, (1000 * k, 0))
        small = both.resize((1100, 990), Image.LANCZOS).quantize(128)
        small.save(PAGES / "how-to" / "inspect-your-data.png", optimize=True)


def write_spoilt_organs(folder: Path) -> None:
    """Write phantoms of which one has fractions in its label, and one no label at all."""
    label = write_organ_phantom(folder, patients=12) / "labelsTr"
    first = nibabel.load(label / "organ_03.nii.gz")
    soft = ndimage.gaussian_filter(first.get_fdata(), 1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(soft, first.affine), label / "organ_03.nii.gz")
    empty = np.zeros(first.shape, dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(empty, first.affine), label / "organ_07.nii.gz")


if __name__ == "__main__":
    draw_evaluation_page()
    draw_inspection_page()
