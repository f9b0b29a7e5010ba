# SPDX-License-Identifier: Apache-2.0
"""The loss of a bundle by name, its schedule, and what identifies it."""
