# SPDX-License-Identifier: Apache-2.0
"""From folders and volumes on disk to MONAI datalists, splits and phantoms, and back to files."""

from __future__ import annotations

from monai_boundary.data.em.datalist import em_datalist
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.labels import detect_label_kind
from monai_boundary.data.em.open import open_em_stack, read_em_source
from monai_boundary.data.em.reader import EMReader, compact_ids
from monai_boundary.data.em.section_split import split_sections
from monai_boundary.data.em.source import EMSource
from monai_boundary.data.em.stack import EMStack
from monai_boundary.data.em.writer import SaveEMSegmentationd, write_em_hdf5, write_em_segmentation
from monai_boundary.data.output_files import atomic_output
from monai_boundary.data.phantoms.em import EMPhantom, make_em_phantom
from monai_boundary.data.phantoms.em_dataset import write_em_phantom
from monai_boundary.data.phantoms.lesion import LesionPhantom, LesionScan, make_lesion_phantom
from monai_boundary.data.phantoms.lesion_dataset import write_lesion_phantom
from monai_boundary.data.phantoms.stroke_dataset import write_stroke_phantom
from monai_boundary.data.phantoms.tumour import TumourPhantom, TumourScan, make_tumour_phantom
from monai_boundary.data.phantoms.tumour_dataset import write_tumour_phantom
from monai_boundary.data.volumes.brats import BRATS_MODALITIES, brats_datalist
from monai_boundary.data.volumes.isles2018 import isles2018_datalist
from monai_boundary.data.volumes.isles2022 import isles2022_datalist
from monai_boundary.data.volumes.nifti_reader import NiftiReader, check_nifti_grids, read_nifti
from monai_boundary.data.volumes.nifti_writer import write_nifti
from monai_boundary.data.volumes.patient_split import split_patients
from monai_boundary.data.volumes.volume_datalist import volume_datalist
from monai_boundary.data.volumes.volume_reader import VolumeReader, read_volume
from monai_boundary.data.volumes.wmh import wmh_datalist

__all__ = [
    "BRATS_MODALITIES",
    "EMGeometry",
    "EMPhantom",
    "EMReader",
    "EMSource",
    "EMStack",
    "LesionPhantom",
    "LesionScan",
    "NiftiReader",
    "SaveEMSegmentationd",
    "TumourPhantom",
    "TumourScan",
    "VolumeReader",
    "atomic_output",
    "brats_datalist",
    "check_nifti_grids",
    "compact_ids",
    "detect_label_kind",
    "em_datalist",
    "isles2018_datalist",
    "isles2022_datalist",
    "make_em_phantom",
    "make_lesion_phantom",
    "make_tumour_phantom",
    "open_em_stack",
    "read_em_source",
    "read_nifti",
    "read_volume",
    "split_patients",
    "split_sections",
    "volume_datalist",
    "wmh_datalist",
    "write_em_hdf5",
    "write_em_phantom",
    "write_em_segmentation",
    "write_lesion_phantom",
    "write_nifti",
    "write_stroke_phantom",
    "write_tumour_phantom",
]
