# SPDX-License-Identifier: Apache-2.0
"""Data sets that are drawn: membranes, lesions, strokes, tumours."""
