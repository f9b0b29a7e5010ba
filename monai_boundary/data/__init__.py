# SPDX-License-Identifier: Apache-2.0
"""From folders and volumes on disk to MONAI datalists, splits and phantoms, and back to files."""

from lazy_loader import attach_stub

# Each name of the stub beside this file is imported when it is asked for: some need MONAI, whose import takes seconds
# and half a gigabyte; most of what the work on large volumes takes from here does not.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
