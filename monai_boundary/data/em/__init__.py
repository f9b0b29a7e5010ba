# SPDX-License-Identifier: Apache-2.0
"""Electron microscopy: one file per format, and what pairs, reads and writes stacks."""
