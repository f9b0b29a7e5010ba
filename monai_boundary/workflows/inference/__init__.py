# SPDX-License-Identifier: Apache-2.0
"""How a network runs over an image: windows, sections, and the sides that its strides take."""
