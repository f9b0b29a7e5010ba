# SPDX-License-Identifier: Apache-2.0
"""A run in its folder: where files lie, its lock, its settings, its errors, its results and how they are shown."""
