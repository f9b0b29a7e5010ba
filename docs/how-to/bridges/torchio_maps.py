# SPDX-License-Identifier: Apache-2.0
"""TorchIO transforms that put signed distance maps into a subject, and mend them after others that interpolate."""

from __future__ import annotations

import torch
import torchio
from monai.data import MetaTensor

from monai_boundary.ops import affine_spacing, restore_distance_sign
from monai_boundary.transforms import SignedDistanceMap


class AddDistanceMaps(torchio.Transform):
    """Add ``sdm_label``, an intensity image with a channel per class in mm, made of the whole label of a subject."""

    def __init__(self, num_classes: int, label: str = "label", key: str = "sdm_label") -> None:
        super().__init__()
        self.num_classes, self.label, self.key = num_classes, label, key

    def apply_transform(self, subject: torchio.Subject) -> torchio.Subject:
        """Make the maps; what is done to an intensity image of the subject is from now on done to them."""
        label = subject[self.label]
        maps = SignedDistanceMap(num_classes=self.num_classes)(MetaTensor(label.data, affine=label.affine))
        subject.add_image(torchio.ScalarImage(tensor=maps.as_tensor(), affine=label.affine), self.key)
        return subject


class RestoreMapSigns(torchio.Transform):
    """Give each voxel of the maps the sign that its label says: after rotations, zooms and elastic deformations."""

    def __init__(self, num_classes: int, label: str = "label", key: str = "sdm_label") -> None:
        super().__init__()
        self.num_classes, self.label, self.key = num_classes, label, key

    def apply_transform(self, subject: torchio.Subject) -> torchio.Subject:
        """Mend the maps of a subject or patch."""
        label, maps = subject[self.label], subject[self.key]
        masks = torch.cat([label.data == value for value in range(self.num_classes)])
        maps.set_data(restore_distance_sign(maps.data, masks, affine_spacing(label.affine, 3)))
        return subject
