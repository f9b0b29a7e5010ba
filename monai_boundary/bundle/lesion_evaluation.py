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

from monai_boundary.bundle.results import Row, log_scores, write_json, write_table
from monai_boundary.metrics.lesion_scores import LesionScores, LesionScoresMetric

_SHOWN = ("dice", "hd95_mm", "volume_difference_percent", "volume_difference_ml", "lesion_recall", "lesion_f1")


class SaveLesionsd(MapTransform):
    """Write segmentations as NIfTI on the grid of the input image: its shape, orientation and affine.

    The files are ``{case}_{postfix}.nii.gz``. Needs ``image`` with its affine, ``case`` and ``native_affine``, as
    :func:`~monai_boundary.bundle.lesion_transforms` gives them. Of several channels the last one is written.

    Args:
        keys: masks or probabilities, (C, x, y, z), on the grid of ``image``.
        output_dir: folder, made when missing.
        postfix: ends of the names, one for each key or for all.
        output_dtype: ``"uint8"`` for masks, ``"float32"`` for probabilities; one for each key or for all.
        allow_missing_keys: do not raise for keys that the data lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        postfix: str | Sequence[str] = "lesions",
        output_dtype: str | Sequence[str] = "uint8",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.postfix = ensure_tuple_rep(postfix, len(self.keys))
        self.output_dtype = ensure_tuple_rep(output_dtype, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data as they came, after writing."""
        d = dict(data)
        affine, native = d["image"].affine, np.asarray(d["native_affine"], dtype=np.float64).reshape(4, 4)
        turn = Orientation(axcodes="".join(nibabel.aff2axcodes(native)), labels=None)
        self.output_dir.mkdir(parents=True, exist_ok=True)
        for key, postfix, dtype in self.key_iterator(d, self.postfix, self.output_dtype):
            values = torch.as_tensor(d[key]).as_subclass(torch.Tensor)[-1:].detach().cpu()
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
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    details = {name: evaluator.state.metric_details[name].flatten().numpy() for name in LesionScores._fields}
    averaged = [name for name in LesionScores._fields if name not in LesionScoresMetric.counted]
    result: dict[str, Any] = {"settings": dict(settings), "cases": len(items)}
    result["mean"] = {name: float(evaluator.state.metrics[name]) for name in averaged}
    result["std"] = {name: _std(details[name]) for name in averaged}
    result["defined"] = {name: int(np.isfinite(details[name]).sum()) for name in averaged}
    result |= {name: int(details[name].sum()) for name in LesionScoresMetric.counted}
    files = {
        "scores": place / "evaluation.json",
        "cases": place / "evaluation_cases.csv",
        "pictures": place / "pictures",
    }
    write_json(result, files["scores"])
    rows: list[Row] = [
        {"case": item["case"], **{name: float(values[k]) for name, values in details.items()}}
        for k, item in enumerate(items)
    ]
    write_table(rows, files["cases"])
    shown = {name: result["mean"][name] for name in _SHOWN}
    shown |= {name: result[name] for name in LesionScoresMetric.counted}
    log_scores(f"Mean scores of {len(items)} cases:", shown, files)
    return result


def _std(values: Any) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if defined.size > 1 else float("nan")
