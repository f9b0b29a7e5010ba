# SPDX-License-Identifier: Apache-2.0
"""What a training needs beside its scores: loss terms and weights, progress, resuming."""
