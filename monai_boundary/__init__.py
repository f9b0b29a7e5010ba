# SPDX-License-Identifier: Apache-2.0
"""Boundary-aware losses, transforms, metrics and bundles for MONAI.

Nothing is imported here: ``import monai`` takes seconds, and the kernels stay usable without it. Import from the rooms:
``monai_boundary.losses``, ``monai_boundary.transforms``, ``monai_boundary.metrics``, ``monai_boundary.networks``,
``monai_boundary.data``, ``monai_boundary.handlers``, ``monai_boundary.report``, ``monai_boundary.volumes``,
``monai_boundary.inspection``, ``monai_boundary.workflows``, ``monai_boundary.study``, ``monai_boundary.commands``,
``monai_boundary.ops``.
"""

__version__ = "0.1.0"
