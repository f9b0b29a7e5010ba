# SPDX-License-Identifier: Apache-2.0
"""Stacks of membranes: their data and transforms."""
