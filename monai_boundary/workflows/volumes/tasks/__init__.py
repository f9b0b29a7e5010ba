# SPDX-License-Identifier: Apache-2.0
"""The tasks of the bundles, each a value in a file of its own."""
