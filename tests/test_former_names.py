# SPDX-License-Identifier: Apache-2.0
"""What configurations and scripts of the first version name still leads somewhere, or says where to."""

from __future__ import annotations

import importlib
import pydoc

import pytest

from monai_boundary import bundle, workflows

# The names that rooms of the first version exported, which a configuration could name by `_target_`.
EXPORTED = {
    "data": """
        BRATS_MODALITIES EMGeometry EMPhantom EMReader EMSource EMStack LesionPhantom LesionScan NiftiReader
        SaveEMSegmentationd TumourPhantom TumourScan brats_datalist check_nifti_grids compact_ids
        detect_label_kind em_datalist isles2018_datalist isles2022_datalist make_em_phantom
        make_lesion_phantom make_tumour_phantom open_em_stack read_em_source split_patients split_sections
        wmh_datalist write_em_hdf5 write_em_phantom write_em_segmentation write_lesion_phantom
        write_stroke_phantom write_tumour_phantom
    """,
    "handlers": """
        AdaptedRandHandler CREMIScoreHandler CasePictures InstanceScoresHandler ItemScoresHandler
        LesionPictures LesionScoresHandler LossTerms LossWeightHandler LossWithTargets ResumeTraining
        SeedEveryEpoch StepTime StopWithoutImprovement ThresholdCurveHandler TumourPictures
        TumourScoresHandler ValidationPictures VariationOfInformationHandler higher_is_better
        lower_is_better save_atomically
    """,
    "losses": """
        BALoss BalancedBCELoss CompoundLoss ConstantSchedule CosineSchedule DeepSupervisedLoss
        DistanceWeightedCELoss EdgeAwareLoss EquipotentialLineLoss EquipotentialLoss EquipotentialPointLoss
        IncreaseSchedule LovaszSoftmaxLoss MaskedOverlapLoss PersistentHomologyLoss RebalanceSchedule
        SEMEDALoss SignedDistanceLoss SobelEdgeLoss accepted_targets ba_loss_terms balanced_cross_entropy
        equipotential_terms lovasz_extension persistence_distance resample_target signed_distance_loss
    """,
    "metrics": """
        AdaptedRandMetric AdaptedRandScore CREMIScore CREMIScoreMetric InstanceMetric ItemMetric
        LesionDetection LesionScores LesionScoresMetric MillimetreMetric RegionScores ThresholdCurve
        ThresholdCurveMetric TumourScoresMetric VOIScore VariationOfInformationMetric compute_adapted_rand
        compute_cremi_score compute_hausdorff_mm compute_lesion_detection compute_lesion_scores
        compute_threshold_curve compute_tumour_scores compute_voi lesion_masks truth_border_mask
    """,
    "networks": """
        BackboneParts BoundaryAwareNet DCUNet DilatedPyramid DualChannelBlock NetworkCost PreActivationBlock
        ResidualPath SemanticEdgeNet ShapeGate ShapeStream ShapeStreamNet backbone_parts edge_scores
        fit_semantic_edge_net load_semantic_edge_net network_cost receptive_field save_semantic_edge_net
    """,
    "transforms": """
        CheckSignedDistanceMapD CheckSignedDistanceMapDict CheckSignedDistanceMapd CleanMembraneLabel
        CleanMembraneLabelD CleanMembraneLabelDict CleanMembraneLabeld EdgeMask EdgeMaskD EdgeMaskDict
        EdgeMaskd InstancesToMembrane InstancesToMembraneD InstancesToMembraneDict InstancesToMembraned
        MembraneToInstances MembraneToInstancesD MembraneToInstancesDict MembraneToInstancesd PotentialField
        PotentialFieldD PotentialFieldDict PotentialFieldd RegionTargets RegionTargetsD RegionTargetsDict
        RegionTargetsd RelabelRegions RelabelRegionsD RelabelRegionsDict RelabelRegionsd RemoveSmallRegions
        RemoveSmallRegionsD RemoveSmallRegionsDict RemoveSmallRegionsd ReseedRegions ReseedRegionsD
        ReseedRegionsDict ReseedRegionsd SignedDistanceMap SignedDistanceMapD SignedDistanceMapDict
        SignedDistanceMapd SlicesAround SlicesAroundD SlicesAroundDict SlicesAroundd TumourLabel
        TumourLabelD TumourLabelDict TumourLabeld TumourRegions TumourRegionsD TumourRegionsDict
        TumourRegionsd
    """,
}
# What the bundles' own configurations of then took from `monai_boundary.bundle`.
OF_BUNDLES = """
    MetricsFiles SaveLesionsd SectionwiseInferer case_names check_patch_multiple check_patch_size em_inputs em_split
    em_transforms find_bundle_root find_model lesion_patients lesion_split lesion_transforms log_scores
    log_training_summary patients_per_batch require_model semantic_edge_net stride_multiple tracking_run_name
    tumour_transforms write_case_scores write_evaluation
"""
REPLACED = {
    "lesion_loss": "loss_spec",
    "tumour_loss": "loss_spec",
    "membrane_loss": "loss_spec",
    "loss_schedule": "loss_spec",
    "loss_targets": "loss_spec",
    "loss_title": "loss_spec",
    "loss_weight": "loss_spec",
    "weigh_boundary": "loss_spec",
    "lesion_dataset": "volume_dataset",
    "tumour_dataset": "volume_dataset",
    "lesion_crops": "volume_crops",
    "tumour_crops": "volume_crops",
    "write_lesion_evaluation": "write_case_scores",
}


@pytest.mark.filterwarnings("ignore:monai_boundary.handlers:DeprecationWarning")
@pytest.mark.parametrize(("room", "names"), [*EXPORTED.items(), ("bundle", OF_BUNDLES)], ids=[*EXPORTED, "bundle"])
def test_dotted_paths_lead_to_something(room: str, names: str) -> None:
    module = f"monai_boundary.{room}"
    lost = [name for name in names.split() if getattr(importlib.import_module(module), name, None) is None]
    assert not lost
    unresolved = [name for name in names.split() if pydoc.locate(f"{module}.{name}") is None]
    assert not unresolved, "as MONAI resolves a `_target_`"


def test_former_names_are_what_took_their_place() -> None:
    assert bundle.lesion_split is workflows.challenge_split
    assert bundle.lesion_patients is workflows.challenge_patients
    assert bundle.SaveLesionsd is workflows.SaveVolumesd
    assert bundle.em_split is workflows.em_split


@pytest.mark.parametrize(("name", "instead"), REPLACED.items())
def test_a_name_that_went_says_what_took_its_place(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=rf"^monai_boundary.bundle has no '{name}': .*\.{instead} took its place"):
        getattr(bundle, name)
    assert hasattr(workflows, instead)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"^monai_boundary.bundle has no 'no_such'\. Copy a bundle's folder"):
        bundle.no_such  # noqa: B018
