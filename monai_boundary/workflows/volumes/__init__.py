# SPDX-License-Identifier: Apache-2.0
"""Volumes of patients: their data, transforms and segmentations."""
