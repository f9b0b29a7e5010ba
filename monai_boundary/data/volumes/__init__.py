# SPDX-License-Identifier: Apache-2.0
"""Volumes of patients: one file per layout of a data set, and NIfTI."""
