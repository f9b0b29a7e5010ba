# SPDX-License-Identifier: Apache-2.0
from .em.datalist import em_datalist
from .em.geometry import EMGeometry
from .em.labels import detect_label_kind
from .em.open import open_em_stack, read_em_source
from .em.reader import EMReader, compact_ids
from .em.section_split import split_sections
from .em.source import EMSource
from .em.stack import EMStack
from .em.writer import SaveEMSegmentationd, write_em_hdf5, write_em_segmentation
from .output_files import atomic_output
from .phantoms.em import EMPhantom, make_em_phantom
from .phantoms.em_dataset import write_em_phantom
from .phantoms.lesion import LesionPhantom, LesionScan, make_lesion_phantom
from .phantoms.lesion_dataset import write_lesion_phantom
from .phantoms.stroke_dataset import write_stroke_phantom
from .phantoms.tumour import TumourPhantom, TumourScan, make_tumour_phantom
from .phantoms.tumour_dataset import write_tumour_phantom
from .volumes.brats import BRATS_MODALITIES, brats_datalist
from .volumes.isles2018 import isles2018_datalist
from .volumes.isles2022 import isles2022_datalist
from .volumes.nifti_reader import NiftiReader, check_nifti_grids, read_nifti
from .volumes.nifti_writer import write_nifti
from .volumes.patient_split import split_patients
from .volumes.volume_datalist import volume_datalist
from .volumes.volume_reader import VolumeReader, read_volume
from .volumes.wmh import wmh_datalist

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
