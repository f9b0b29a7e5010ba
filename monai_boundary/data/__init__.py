# SPDX-License-Identifier: Apache-2.0
"""From folders and volumes on disk to MONAI datalists, splits and phantoms, and back to files."""

from monai_boundary.data.em_phantom import EMPhantom, make_em_phantom

__all__ = ["EMPhantom", "make_em_phantom"]
