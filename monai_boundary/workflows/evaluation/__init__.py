# SPDX-License-Identifier: Apache-2.0
"""From a network's output to scores: thresholds, sets that are scored, cases, reports."""
