# SPDX-License-Identifier: Apache-2.0
"""The bundles that come with the package (list, copy, run, pack, inspect), and a check of the machine."""

from monai_boundary._bundle_folders import find_bundle
from monai_boundary.commands.configuration import inspect_configuration
from monai_boundary.commands.doctor import examine
from monai_boundary.commands.shipped import copy_bundle, pack_bundle

__all__ = ["copy_bundle", "examine", "find_bundle", "inspect_configuration", "pack_bundle"]
