# SPDX-License-Identifier: Apache-2.0
"""A run's record: kept on disk first, and sent to MLflow when it answers."""
