# SPDX-License-Identifier: Apache-2.0
"""Volumes larger than memory: done block by block, on the threads of a machine or on a Dask cluster.

A volume is named as everywhere in EM: ``path[::dataset][@first:stop]``.
"""

from monai_boundary._extras import extras_named

with extras_named("monai_boundary.volumes", "volumes"):
    from monai_boundary.volumes.volume_evaluation import evaluate_volume
    from monai_boundary.volumes.volume_maps import map_volume
    from monai_boundary.volumes.volume_prediction import predict_volume
    from monai_boundary.volumes.volume_segmentation import segment_volume

__all__ = ["evaluate_volume", "map_volume", "predict_volume", "segment_volume"]
