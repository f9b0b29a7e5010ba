# SPDX-License-Identifier: Apache-2.0
"""Scores of a validation, as metrics of an engine."""
