# SPDX-License-Identifier: Apache-2.0
"""What the lesion bundles leave behind: scores of whole patients, and segmentations on the grid of the input image."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.engines.workflow import Workflow
from monai.transforms import MapTransform, Orientation, SaveImage
from monai.utils import ensure_tuple_rep

from monai_boundary.bundle.case_scores import write_case_scores
from monai_boundary.metrics.lesion_scores import LesionScoresMetric

_SHOWN = ("dice", "hd95_mm", "volume_difference_percent", "volume_difference_ml", "lesion_recall", "lesion_f1")


class SaveLesionsd(MapTransform):
    """Write segmentations as NIfTI on the grid of the input image: its shape, orientation and affine.

    The files are ``{case}_{postfix}.nii.gz``. Needs ``image`` with its affine, ``case`` and ``native_affine``, as
    :func:`~monai_boundary.bundle.lesion_transforms` gives them. Of several channels the last one is written, or all.

    Args:
        keys: masks or probabilities, (C, x, y, z), on the grid of ``image``.
        output_dir: folder, made when missing.
        postfix: ends of the names, one for each key or for all.
        output_dtype: ``"uint8"`` for masks, ``"float32"`` for probabilities; one for each key or for all.
        all_channels: write every channel, (x, y, z, C) in the file, instead of the last one.
        allow_missing_keys: do not raise for keys that the data lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        postfix: str | Sequence[str] = "lesions",
        output_dtype: str | Sequence[str] = "uint8",
        all_channels: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.postfix = ensure_tuple_rep(postfix, len(self.keys))
        self.all_channels = all_channels
        self.output_dtype = ensure_tuple_rep(output_dtype, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data as they came, after writing."""
        d = dict(data)
        affine, native = d["image"].affine, np.asarray(d["native_affine"], dtype=np.float64).reshape(4, 4)
        turn = Orientation(axcodes="".join(nibabel.aff2axcodes(native)), labels=None)
        self.output_dir.mkdir(parents=True, exist_ok=True)
        for key, postfix, dtype in self.key_iterator(d, self.postfix, self.output_dtype):
            values = torch.as_tensor(d[key]).as_subclass(torch.Tensor).detach().cpu()
            values = values if self.all_channels else values[-1:]
            turned = torch.as_tensor(turn(MetaTensor(values.float(), affine=torch.as_tensor(affine).cpu())))
            # the affine as it was read: turning it twice may round
            image = MetaTensor(turned.as_subclass(torch.Tensor), affine=torch.as_tensor(native))
            save = SaveImage(output_ext=".nii.gz", resample=False, output_dtype=np.dtype(dtype), print_log=False)
            save(image, filename=str(self.output_dir / f"{d['case']}_{postfix}"))
        return d


def write_lesion_evaluation(
    folder: str | os.PathLike[str],
    evaluator: Workflow,
    items: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the scores of whole patients to ``evaluation.json`` and, by case, to a CSV file; log and return them.

    Args:
        folder: where the files go.
        evaluator: the engine that ran, with a :class:`~monai_boundary.handlers.LesionScoresHandler` without prefix.
        items: the cases, in order, for their names.
        settings: written into the JSON file.

    Returns:
        ``mean``, ``std`` (over the cases where a score is defined) and ``defined`` (their number) by score, but of
        ``missed`` and ``false_alarm`` the number of cases.
    """
    return write_case_scores(folder, evaluator, LesionScoresMetric, items, settings, _SHOWN)
