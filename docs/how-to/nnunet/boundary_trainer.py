# SPDX-License-Identifier: Apache-2.0
"""A trainer of nnU-Net v2 with the boundary loss, whose maps are made on whole cases and go through its augmentation.

Put this file into a folder of its own, name that folder in the environment variable ``nnUNet_extTrainer``, and run
``nnUNetv2_train DATASET 3d_fullres FOLD -tr nnUNetTrainerBoundary``. Plans, network, Dice with cross-entropy, deep
supervision and augmentation are nnU-Net's own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor, nn
from torch.nn import functional as F

from monai_boundary.losses import SignedDistanceLoss
from monai_boundary.ops import restore_distance_sign, signed_distance_map


class CasesWithMaps:
    """nnU-Net's cases, whose data have further channels: the map of each class, and 1 wherever there is an image.

    A map is made once, on the whole case, in float16, and read from ``folder`` from then on.
    """

    def __init__(self, cases: Any, folder: Path, classes: list[int], spacing: Any) -> None:
        self.cases, self.folder, self.classes, self.spacing = cases, folder, classes, spacing
        self.identifiers = cases.identifiers
        folder.mkdir(exist_ok=True)

    def load_case(self, name: str) -> tuple[Any, ...]:
        """Return data, segmentation, that of the stage before, and properties, as nnU-Net's loader asks for them."""
        data, segmentation, before, properties = self.cases.load_case(name)
        image = np.asarray(data[:])
        inside = np.ones((1, *image.shape[1:]), image.dtype)
        carried = np.concatenate([image, self._maps(name, segmentation, properties).astype(image.dtype), inside])
        return carried, segmentation, before, properties

    def _maps(self, name: str, segmentation: Any, properties: dict[str, Any]) -> np.ndarray:
        file = self.folder / f"{name}.npy"
        if not file.is_file():
            label = np.asarray(segmentation[:])[0]
            spacing = self.spacing(properties)
            maps = np.stack([signed_distance_map(label == value, spacing) for value in self.classes])
            part = file.with_suffix(f".{os.getpid()}.part")  # several workers may make one at a time
            with part.open("wb") as stream:
                np.save(stream, maps.astype(np.float16))
            part.replace(file)
        return np.load(file)


class TakeMaps(BasicTransform):
    """Take the maps from behind the image's channels, so that they are moved with it and not seen as an image."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def apply(self, data_dict: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Where the patch leaves the image the maps' edge is repeated: a distance of 0 would be on the border."""
        everything = data_dict["image"]
        data_dict["image"], maps = everything[: -self.classes - 1], everything[-self.classes - 1 : -1]
        places = torch.nonzero(everything[-1])
        first, last = places.amin(0).tolist(), places.amax(0).tolist()
        inner = maps[(slice(None), *(slice(a, b + 1) for a, b in zip(first, last, strict=True)))]
        around = [n for a, b, size in zip(first, last, maps.shape[1:], strict=True) for n in (a, size - 1 - b)]
        pad = [around[k + side] for k in range(len(around) - 2, -1, -2) for side in (0, 1)]
        data_dict["regression_target"] = F.pad(inner[None], pad, mode="replicate")[0]
        return data_dict


class GiveMaps(BasicTransform):
    """Put the maps back behind the image, each voxel with the sign that its label says."""

    def __init__(self, classes: list[int]) -> None:
        super().__init__()
        self.classes = classes

    def apply(self, data_dict: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the image with the maps, and the segmentation."""
        segmentation = data_dict["segmentation"]
        label = segmentation[0] if isinstance(segmentation, list) else segmentation
        masks = torch.cat([label == value for value in self.classes])
        maps = restore_distance_sign(data_dict.pop("regression_target"), masks)
        data_dict["image"] = torch.cat([data_dict["image"], maps.to(data_dict["image"].dtype)])
        return data_dict


class WithBoundary(nn.Module):
    """nnU-Net's loss, and the boundary loss of the first head, by ``weight``."""

    def __init__(self, loss: nn.Module, weight: float) -> None:
        super().__init__()
        self.loss, self.weight = loss, weight
        self.boundary = SignedDistanceLoss(softmax=True, to_onehot_y=True)
        self.maps: Tensor | None = None  # of the batch
        self.terms: dict[str, float] = {}

    def forward(self, output: Any, target: Any) -> Tensor:
        """Return the sum; both terms are left in ``terms``."""
        region = self.loss(output, target)
        head, label = (x[0] if isinstance(x, (list, tuple)) else x for x in (output, target))
        boundary = self.boundary(head, label, distance_map=self.maps)
        self.terms = {"region": float(region.detach()), "boundary": float(boundary.detach())}
        return region + self.weight * boundary


class nnUNetTrainerBoundary(nnUNetTrainer):  # noqa: N801 - nnU-Net's trainers are called so
    """nnU-Net's trainer with the boundary loss. ``boundary_weight`` is per mm."""

    boundary_weight = 0.01

    def _build_loss(self) -> nn.Module:
        if self.label_manager.has_regions or self.label_manager.has_ignore_label:
            raise ValueError("nnUNetTrainerBoundary needs exclusive classes without an ignore label.")
        return WithBoundary(super()._build_loss(), self.boundary_weight)

    def _spacing(self, properties: dict[str, Any]) -> list[float]:
        """The voxel size of a case as it was preprocessed; of the 2-D configuration slices keep their distance."""
        known = [float(size) for size in self.configuration_manager.spacing]
        if len(known) == 2:
            known.insert(0, float(properties["spacing"][self.plans_manager.transpose_forward[0]]))
        return known

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Return nnU-Net's loaders, whose cases carry their maps."""
        classes = list(self.label_manager.foreground_labels)
        plain = (self.get_tr_and_val_datasets, self.get_training_transforms, self.get_validation_transforms)
        folder = Path(self.preprocessed_dataset_folder_base) / f"{self.configuration_name}_signed_distance"

        def transforms(make: Any) -> Any:
            def wrapped(*args: Any, **options: Any) -> BasicTransform:
                return ComposeTransforms([TakeMaps(len(classes)), make(*args, **options), GiveMaps(classes)])

            return wrapped

        self.get_tr_and_val_datasets = lambda: tuple(
            CasesWithMaps(cases, folder, classes, self._spacing) for cases in plain[0]()
        )
        self.get_training_transforms, self.get_validation_transforms = map(transforms, plain[1:])
        try:
            return super().get_dataloaders()
        finally:
            self.get_tr_and_val_datasets, self.get_training_transforms, self.get_validation_transforms = plain

    def _split(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch as nnU-Net knows it; its maps go to the loss."""
        classes = len(self.label_manager.foreground_labels)
        self.loss.maps = batch["data"][:, -classes:].to(self.device, non_blocking=True)
        return {**batch, "data": batch["data"][:, :-classes]}

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Do a step with the maps of the batch."""
        return super().train_step(self._split(batch))

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Score a batch with its maps."""
        return super().validation_step(self._split(batch))

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Log both terms of the last step."""
        super().on_train_epoch_end(train_outputs)
        self.print_to_log_file(", ".join(f"{name} {value:.4f}" for name, value in self.loss.terms.items()))
