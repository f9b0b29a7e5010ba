# SPDX-License-Identifier: Apache-2.0
"""What a bundle's command line says: values, names, and the hook that reads them."""
