# SPDX-License-Identifier: Apache-2.0
"""Numba kernels: numpy in, numpy out, no torch. Their callers in ``monai_boundary.ops`` check the arguments."""
